"""What a repository settles for itself in `composeports.toml`; read from plain values."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from composeports.core import values
from composeports.core.environment import Pair
from composeports.core.templates import expand
from composeports.core.values import At
from composeports.errors import ConfigError

SUBNET_POOL = "10.213.0.0/16"


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one repository, all optional.

    `files` are absolute. `pins` maps a published port (`"web:3000/tcp"`) to a host port. `env`
    holds templates such as `postgresql://{host}:{db}/postgres`. `keep_urls` lists variables and
    URLs that stay as they are.
    """

    files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    prefix: str = "ac"
    pins: Mapping[str, int] = field(default_factory=dict)
    main_keeps_ports: bool = False
    strict: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    keep_urls: tuple[str, ...] = ()
    isolate_images: bool = True
    isolate_volumes: bool = True
    isolate_networks: bool = True
    subnet_pool: str = SUBNET_POOL


Setting = tuple[str, Callable[[object, At], object]]
Keys: TypeAlias = "Mapping[str, Setting | Keys]"

# Key -> the field of Settings and how its value is read; a mapping is a table with keys inside.
KEYS: Keys = {
    "files": ("files", values.files),
    "profiles": ("profiles", values.profiles),
    "prefix": ("prefix", values.prefix),
    "pin": ("pins", values.pins),
    "main": ("main_keeps_ports", values.main),
    "strict": ("strict", values.flag),
    "env": ("env", values.templates),
    "urls": {"keep": ("keep_urls", values.texts)},
    "isolate": {
        "images": ("isolate_images", values.flag),
        "volumes": ("isolate_volumes", values.flag),
        "networks": ("isolate_networks", values.flag),
    },
    "subnets": {"pool": ("subnet_pool", values.pool)},
}


def read_settings(document: Mapping[str, object], where: str, folder: str) -> Settings:
    """Return the settings of a TOML document; its `files` are relative to `folder`.

    ConfigError for an unknown key or a value that is not accepted; it names `where`, the file.
    """
    found: dict[str, Any] = dict(_fields(document, KEYS, At(where, folder)))
    return Settings(**found)


def _fields(document: Mapping[str, object], keys: Keys, at: At) -> Iterator[tuple[str, object]]:
    for name, value in document.items():
        known = keys.get(name)
        here = at.below(name)
        if known is None:
            raise _unknown_key(name, keys, at)
        if isinstance(known, Mapping):
            yield from _fields(values.table(value, here), known, here)
        else:
            attribute, read = known
            yield attribute, read(value, here)


def _unknown_key(name: str, keys: Keys, at: At) -> ConfigError:
    """Return the error that names the closest key: in this table, or the same name elsewhere."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    siblings = {at.below(each).key: each for each in keys}
    elsewhere = [each for each in _all_keys(KEYS) if each.rpartition(".")[2] == name]
    near = elsewhere or get_close_matches(at.below(name).key, siblings, 1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(siblings)}"
    return at.below(name).error(f"{at.file}: there is no setting {at.below(name).key!r}", hint)


def _all_keys(keys: Keys, above: str = "") -> Iterator[str]:
    for name, known in keys.items():
        yield above + name
        if isinstance(known, Mapping):
            yield from _all_keys(known, f"{above}{name}.")


def expand_env(
    settings: Settings, fixed: Iterable[Pair], ports: Mapping[str, int], host: str
) -> tuple[Pair, ...]:
    """Return the variables of `[env]` with their templates filled in.

    `fixed` are the session's six variables, `ports` its host ports by `"web:3000/tcp"`, `host` is
    where they are reached. ConfigError for a template that names a port that is not published.
    """
    db, rest, realtime, api, project, _ = (value for _, value in fixed)
    known = {"host": host, "db": db, "rest": rest, "realtime": realtime, "api": api}
    known |= {"project": project, **{key: str(number) for key, number in ports.items()}}
    return tuple(
        (name, expand(template, known, f"env.{name}")) for name, template in settings.env.items()
    )
