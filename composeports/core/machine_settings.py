"""The settings of a machine's user, in `config.toml`: each one is the default of a variable.

A variable of the environment has precedence over the file.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from composeports.errors import ConfigError


class MachineSetting(NamedTuple):
    """One key of the file: the variable that has precedence over it, and the kind of its value."""

    variable: str
    is_number: bool


KEYS = {
    "base_port": MachineSetting("PORT_ALLOC_BASE", is_number=True),
    "range_per_session": MachineSetting("PORT_ALLOC_RANGE", is_number=True),
    "max_sessions": MachineSetting("PORT_ALLOC_MAX_SESSIONS", is_number=True),
    "ttl_minutes": MachineSetting("PORT_ALLOC_TTL_MINUTES", is_number=True),
    "store": MachineSetting("COMPOSEPORTS_STORE", is_number=False),
    "subnet_pool": MachineSetting("COMPOSEPORTS_SUBNET_POOL", is_number=False),
    "naming": MachineSetting("COMPOSEPORTS_NAMING", is_number=False),
}
# A line `key = ...`; tables (`[name]`) come after all keys of the file.
_KEY_LINE = r"^[ \t]*{}[ \t]*=.*(?:\n|\Z)"
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)


def variables_of(document: Mapping[str, object], path: str) -> dict[str, str]:
    """Return the variables that a document stands for; ConfigError for a key or a kind of value.

    Whether a value is accepted is checked where the variable is read.
    """
    variables = {}
    for key, value in document.items():
        setting = KEYS.get(key)
        if setting is None:
            raise _unknown_key(key, path)
        is_valid = isinstance(value, int) if setting.is_number else isinstance(value, str)
        if not is_valid or isinstance(value, bool) or value == "":
            kind = "a whole number" if setting.is_number else "a text"
            raise ConfigError(
                f"{path}: {key} must be {kind}, got {value!r}",
                hint=f"correct it there, or `composeports settings unset {key}` for the default",
                setting=key,
                file=path,
            )
        variables[setting.variable] = str(value)
    return variables


def _unknown_key(key: str, path: str) -> ConfigError:
    return ConfigError(
        f"{path}: there is no setting {key!r}",
        hint=f"known: {', '.join(KEYS)}",
        setting=key,
        file=path,
    )


def key_of(variable: str) -> str:
    """Return the key of a variable; empty if the file has none for it."""
    return next((key for key, setting in KEYS.items() if setting.variable == variable), "")


def with_value(text: str, key: str, value: str) -> str:
    """Return the text of the file with `key` set to `value`, which is written as TOML has it.

    All other lines stay. An empty `value` removes the line.
    """
    line = f"{key} = {value}\n" if value else ""
    pattern = re.compile(_KEY_LINE.format(re.escape(key)), re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(lambda _match: line, text, count=1)
    if not line:
        return text
    table = _TABLE.search(text)
    position = table.start() if table else len(text)
    before = text[:position]
    gap = "" if not before or before.endswith("\n") else "\n"
    return f"{before}{gap}{line}{text[position:]}"


def as_toml(key: str, text: str) -> str:
    """Return a value in the form of TOML; ConfigError for a text that is no number."""
    if not KEYS[key].is_number:
        from json import dumps  # noqa: PLC0415 - only to set a value

        return dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        return str(int(text))
    except ValueError:
        raise ConfigError(
            f"{key} must be a whole number, got {text!r}", hint="give digits only", setting=key
        ) from None
