"""List all settings with their values and origins; set those of the machine."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from composeports.config import Config, find_settings, naming_file, with_machine_settings
from composeports.core.machine_settings import KEYS, as_toml, variables_of, with_value
from composeports.core.ports import PortBlock
from composeports.core.settings_schema import KEYS as REPOSITORY_KEYS
from composeports.core.settings_schema import fields_of
from composeports.errors import ConfigError, UsageError
from composeports.host.atomic_files import read_file, write_file
from composeports.host.git import find_checkout
from composeports.host.kernel_ports import kernel_ports
from composeports.paths import SETTINGS_FILE, machine_settings_file
from composeports.stores.url import check_url, without_password
from composeports.usecases.doctor.checks.network import overlap_with_kernel

MACHINE, REPOSITORY = "machine", "repository"
DEFAULT = "default"


class SettingValue(NamedTuple):
    """One setting: its value as JSON has it, and its origin: a file, a variable or "default"."""

    scope: str
    name: str
    value: object
    origin: str

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `settings list --json`."""
        return self._asdict()


def settings_values(environ: Mapping[str, str], cwd: str) -> list[SettingValue]:
    """Return the value of every setting of the machine and of the repository around `cwd`.

    A password in the store's URL is left out. ConfigError for a value that is not accepted.
    """
    return [*_machine_values(environ), *_repository_values(environ, cwd)]


def setting_value(environ: Mapping[str, str], cwd: str, name: str) -> SettingValue:
    """Return the value of one setting, which its key or its variable names.

    If the machine and the repository both have the setting, a value of the repository's file
    counts. UsageError if there is no such setting.
    """
    variables = {setting.variable: key for key, setting in KEYS.items()}
    key = variables.get(name, name)
    values = [value for value in settings_values(environ, cwd) if value.name == key]
    if not values:
        raise _unknown(name)
    return next((value for value in reversed(values) if value.origin != DEFAULT), values[0])


def set_value(environ: Mapping[str, str], key: str, text: str) -> tuple[str, ...]:
    """Write a setting of the machine into the user's file; return warnings about it.

    An empty `text` removes the setting. Nothing is written if the value is not accepted
    (ConfigError). UsageError if the machine has no such setting.
    """
    if key not in KEYS:
        raise _unknown(key)
    path = os.path.realpath(machine_settings_file(environ))
    before = (read_file(path, follow=True) or b"").decode()
    after = with_value(before, key, as_toml(key, text) if text else "")
    document = _parsed(path, after)
    expected = {name: value for name, value in _parsed(path, before).items() if name != key}
    if text:
        expected[key] = int(text) if KEYS[key].is_number else text
    if document != expected:
        message = f"{path} sets {key} in a form that cannot be changed line by line"
        raise ConfigError(message, hint=f"change {key} there by hand", setting=key, file=path)
    _check(environ, document, path)
    if after != before:
        has_password = key == "store" and without_password(text) != text
        is_private = has_password or not os.path.exists(path)
        write_file(path, after.encode(), 0o600 if is_private else None)
    return tuple(_warnings(environ, key))


def _machine_values(environ: Mapping[str, str]) -> Iterator[SettingValue]:
    path = machine_settings_file(environ)
    config = Config.from_env(environ)
    allocator = config.port_allocator
    values: dict[str, object] = {
        "base_port": allocator.base_port,
        "range_per_session": allocator.range_per_session,
        "max_sessions": allocator.max_sessions,
        "ttl_minutes": allocator.ttl_minutes,
        "store": without_password(config.store),
        "subnet_pool": config.subnet_pool,
        "naming": config.naming,
    }
    all_values = with_machine_settings(environ)
    for key, setting in KEYS.items():
        origin = DEFAULT
        if environ.get(setting.variable, "").strip():
            origin = setting.variable
        elif setting.variable in all_values:
            origin = path
        yield SettingValue(MACHINE, key, values[key], origin)


def _repository_values(environ: Mapping[str, str], cwd: str) -> Iterator[SettingValue]:
    checkout = find_checkout(cwd)
    defaults = Config.from_env(environ).default_settings
    found = find_settings(cwd, checkout and checkout[0], defaults)
    for key, field in fields_of(REPOSITORY_KEYS):
        value = getattr(found.settings, field)
        if key == "main":
            value = "defaults" if value else "block"
        elif key == "copy":
            value = tuple(pattern.text for pattern in found.settings.copy)
        is_default = getattr(found.settings, field) == getattr(defaults, field)
        yield SettingValue(REPOSITORY, key, value, DEFAULT if is_default else found.path)


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is not valid TOML: {error}"
        raise ConfigError(
            message, hint="correct it there; nothing was changed", file=path
        ) from None


def _check(environ: Mapping[str, str], document: Mapping[str, object], path: str) -> None:
    """Raise ConfigError if the file's values are not accepted, whatever the environment sets."""
    own_variables = {setting.variable for setting in KEYS.values()}
    values = {name: text for name, text in environ.items() if name not in own_variables}
    try:
        variables = variables_of(document, path)
        check_url(Config.from_values({**values, **variables}).store)
    except ConfigError as error:
        variable = str(error.details.get("setting", ""))
        raise naming_file(error, variable, path) if variable in own_variables else error from None


def _warnings(environ: Mapping[str, str], key: str) -> Iterator[str]:
    """Yield what keeps the new value from having its effect, or makes it less useful."""
    variable = KEYS[key].variable
    if environ.get(variable, "").strip():
        yield f"{variable} is set in this environment, and has precedence over the file"
    if key in {"store", "subnet_pool", "ttl_minutes", "naming"}:
        return
    grid = Config.from_env(environ).port_allocator.grid
    kernel = kernel_ports()
    all_ports = PortBlock(grid.base, grid.size * grid.slots)
    finding = overlap_with_kernel(all_ports, grid, kernel) if kernel else None
    if finding is not None:
        yield f"{finding.what}; {finding.why}: {finding.next_step}"


def _unknown(name: str) -> UsageError:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    repository_keys = [key for key, _ in fields_of(REPOSITORY_KEYS)]
    if name in repository_keys:
        return UsageError(
            f"{name} is a setting of the repository",
            hint=f"write it in {SETTINGS_FILE}; `composeports init --settings` makes one",
        )
    matches = get_close_matches(name, [*KEYS, *repository_keys], 1)
    suggestion = f"did you mean {matches[0]}?" if matches else f"known: {', '.join(KEYS)}"
    return UsageError(f"there is no setting {name!r}", hint=suggestion)
