"""The keys of a settings file, and how a TOML document becomes Settings."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from composeports.core import settings_values
from composeports.core.settings import DEFAULTS, Settings
from composeports.core.settings_values import SettingLocation
from composeports.errors import ConfigError

Setting = tuple[str, Callable[[object, SettingLocation], object]]
Keys: TypeAlias = "Mapping[str, Setting | Keys]"

# Key -> field of Settings and function that reads its value; a mapping is a table with keys.
KEYS: Keys = {
    "files": ("files", settings_values.files),
    "profiles": ("profiles", settings_values.profiles),
    "prefix": ("prefix", settings_values.prefix),
    "naming": ("naming", settings_values.naming),
    "pin": ("pins", settings_values.pins),
    "main": ("main_keeps_ports", settings_values.main),
    "strict": ("strict", settings_values.flag),
    "wait": ("wait", settings_values.flag),
    "seed": ("seed", settings_values.seed),
    "env": ("env", settings_values.templates),
    "after": {
        "first-up": ("after_first_up", settings_values.command),
        "up": ("after_up", settings_values.command),
    },
    "urls": {
        "keep": ("keep_urls", settings_values.texts),
        "command": ("command_urls", settings_values.flag),
    },
    "isolate": {
        "images": ("isolate_images", settings_values.flag),
        "volumes": ("isolate_volumes", settings_values.flag),
        "networks": ("isolate_networks", settings_values.flag),
        "external_networks": ("external_networks", settings_values.flag_or_texts),
    },
    "shared": ("shared", settings_values.shared),
    "subnets": {"pool": ("subnet_pool", settings_values.pool)},
    "copy": ("copy", settings_values.patterns),
    "link": ("link", settings_values.folders),
}


def read_settings(
    document: Mapping[str, object], where: str, folder: str, defaults: Settings = DEFAULTS
) -> Settings:
    """Return the settings of a TOML document; its `files` are relative to `folder`.

    Raise ConfigError for an unknown key or a value that is not accepted. `where` is the file name
    in the error.
    """
    fields: dict[str, Any] = dict(_fields(document, KEYS, SettingLocation(where, folder)))
    return defaults._replace(**fields)


def fields_of(keys: Keys, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every dotted key of the file, and the field of Settings that it sets."""
    for name, known in keys.items():
        if isinstance(known, tuple):
            yield above + name, known[0]
        else:
            yield from fields_of(known, f"{above}{name}.")


def _fields(
    document: Mapping[str, object], keys: Keys, at: SettingLocation
) -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        setting = keys.get(name)
        location = at.below(name)
        if setting is None:
            raise _unknown_key(name, keys, at)
        if isinstance(setting, Mapping):
            yield from _fields(settings_values.table(value, location), setting, location)
        else:
            attribute, reader = setting
            yield attribute, reader(value, location)


def _unknown_key(name: str, keys: Keys, at: SettingLocation) -> ConfigError:
    """Return the error that names the closest key: in this table, or the same name elsewhere."""
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    siblings = {at.below(key).key: key for key in keys}
    matches = [key for key in _all_keys(KEYS) if key.rpartition(".")[2] == name]
    suggestions = matches or get_close_matches(at.below(name).key, siblings, 1)
    hint = f"did you mean {suggestions[0]}?" if suggestions else f"known: {', '.join(siblings)}"
    return at.below(name).error(f"{at.file}: there is no setting {at.below(name).key!r}", hint)


def _all_keys(keys: Keys, above: str = "") -> Iterator[str]:
    for name, setting in keys.items():
        yield above + name
        if isinstance(setting, Mapping):
            yield from _all_keys(setting, f"{above}{name}.")
