"""The values of a settings file: the accepted values of each kind, and the error for others.

Functions that read a value raise ConfigError if the value is not accepted.
"""

import re
from collections.abc import Mapping
from posixpath import join, normpath
from typing import NamedTuple, TypeGuard

from composeports.core.environment import fixed_variables
from composeports.core.file_patterns import FilePattern
from composeports.core.folders import is_below
from composeports.core.port_keys import parse_port_key
from composeports.core.ports import HIGHEST_PORT
from composeports.core.project_name import NAMINGS
from composeports.core.protected_names import is_protected
from composeports.core.templates import check_template, complete_port_key
from composeports.errors import ConfigError

PRIVATE_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
LARGEST_POOL, SMALLEST_POOL = 8, 24
PREFIX = re.compile(r"[a-z0-9][a-z0-9_-]{0,19}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CONTRACT = frozenset(name for name, _ in fixed_variables(0, ""))
# Variables by which `composeports env` leads Compose, and a later composeports, to the stack.
LEADING = frozenset(
    {"COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_ENV_FILES", "COMPOSE_PROFILES"}
    | {"COMPOSEPORTS_ENV"}
)
LONGEST_SHOWN = 80
# The kinds of resources in `shared`, each written as `KIND:NAME`.
SHARED_KINDS = (
    *("network", "volume", "container", "image", "port", "label", "variable"),
    *("ipc", "pid", "uts", "cache", "provider", "script", "file"),
)


class SettingLocation(NamedTuple):
    """The location of a value: its file, its full key, and the folder of the file."""

    file: str
    folder: str
    key: str = ""

    def below(self, name: str) -> "SettingLocation":
        """Return the location of the key `name` in the table at this location."""
        return SettingLocation(self.file, self.folder, f"{self.key}.{name}" if self.key else name)

    def refusal(self, value: object, accepted: str) -> ConfigError:
        """Return the error for a value that is not accepted."""
        message = f"{self.file}: {self.key} must be {accepted}, got {_shown(value)}"
        return self.error(message, f"correct {self.key} there, or take it out for the default")

    def error(self, message: str, hint: str) -> ConfigError:
        """Return an error that also contains the key and the file as separate fields."""
        return ConfigError(message, hint=hint, setting=self.key, file=self.file)


def _shown(value: object) -> str:
    """Return a value on one line, almost as in TOML."""
    from json import dumps  # noqa: PLC0415 - only an error needs it

    text = dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def table(value: object, at: SettingLocation) -> Mapping[str, object]:
    """Return a table with any content."""
    if not isinstance(value, Mapping):
        raise at.refusal(value, "a table")
    return value


def flag(value: object, at: SettingLocation) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise at.refusal(value, "true or false")
    return value


def seed(value: object, at: SettingLocation) -> str:
    """Return the name of a session of this repository.

    A stack of plain Compose cannot be named by its project: it may be of another repository, whose
    data a repository's own settings must not reach. `main` includes plain Compose's stack.
    """
    if not _is_text(value) or not value.isprintable() or value.startswith(("compose:", "-")):
        raise at.refusal(value, 'a session of this repository: "main", a branch or a folder')
    return value


def command(value: object, at: SettingLocation) -> str:
    """Return a command for `sh -c`, without control characters, so that a terminal shows all of it.

    Line ends and tabs are accepted.
    """
    if not _is_text(value) or not value.strip():
        raise at.refusal(value, "a command for the shell")
    if not value.replace("\n", "").replace("\t", "").isprintable():
        raise at.refusal(value, "a command without control characters")
    return value


def texts(value: object, at: SettingLocation) -> tuple[str, ...]:
    """Return a list of texts that are not empty."""
    items = value if isinstance(value, list) else [None]
    valid_items = tuple(item for item in items if _is_text(item) and item)
    if len(valid_items) != len(items):
        raise at.refusal(value, "a list of texts")
    return valid_items


def flag_or_texts(value: object, at: SettingLocation) -> bool | tuple[str, ...]:
    """Return true, false, or a list of texts."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise at.refusal(value, "true, false or a list of texts")
    return texts(value, at)


def shared(value: object, at: SettingLocation) -> tuple[str, ...]:
    """Return the resources that are shared on purpose: `KIND:NAME`, or absolute paths."""
    return tuple(_shared(text, at) for text in texts(value, at))


def _shared(text: str, at: SettingLocation) -> str:
    if text.startswith(("/", "./", "../")):
        return normpath(join(at.folder, text))
    kind, _, name = text.partition(":")
    if kind not in SHARED_KINDS or not name:
        requirement = (
            f"a list of paths and of names ({', '.join(SHARED_KINDS)}), as in network:edge"
        )
        raise at.refusal(text, requirement)
    return text


def _is_text(value: object) -> TypeGuard[str]:
    """Return True for a text that can be a file name or the value of a variable."""
    return isinstance(value, str) and "\0" not in value


def files(value: object, at: SettingLocation) -> tuple[str, ...]:
    """Return absolute paths; paths in the file are relative to the folder of the settings file."""
    return tuple(normpath(join(at.folder, name)) for name in texts(value, at))


def patterns(value: object, at: SettingLocation) -> tuple[FilePattern, ...]:
    """Return patterns in the form of .gitignore, relative to the folder of the settings file."""
    return tuple(FilePattern(at.folder, text) for text in texts(value, at))


def folders(value: object, at: SettingLocation) -> tuple[str, ...]:
    """Return absolute paths below the folder of the settings file."""
    names = texts(value, at)
    paths = tuple(normpath(join(at.folder, name)) for name in names)
    if any(name.startswith("/") for name in names) or not all(
        is_below(path, at.folder) for path in paths
    ):
        raise at.refusal(value, "a list of folders below this file's folder, relative to it")
    return paths


def profiles(value: object, at: SettingLocation) -> tuple[str, ...]:
    """Return profile names without commas, because a comma separates them in COMPOSE_PROFILES."""
    names = texts(value, at)
    if any("," in name for name in names):
        raise at.refusal(value, "a list of profiles without commas")
    return names


def prefix(value: object, at: SettingLocation) -> str:
    """Return the prefix of project names."""
    if not isinstance(value, str) or not PREFIX.fullmatch(value):
        requirement = "1 to 20 of a-z, 0-9, _ and -, the first one a letter or digit"
        raise at.refusal(value, requirement)
    return value


def naming(value: object, at: SettingLocation) -> str:
    """Return what the project name of a new session is made from."""
    if not isinstance(value, str) or value not in NAMINGS:
        raise at.refusal(value, '"hash" or "worktree"')
    return value


def main(value: object, at: SettingLocation) -> bool:
    """Return True if the main checkout keeps the ports of the Compose file."""
    if value not in ("defaults", "block"):
        raise at.refusal(value, '"defaults" or "block"')
    return value == "defaults"


def pins(value: object, at: SettingLocation) -> dict[str, int]:
    """Return host ports by normalized port key.

    A key, and a host port of one protocol, must not occur twice.
    """
    host_ports: dict[str, int] = {}
    for name, number in table(value, at).items():
        key = complete_port_key(name)
        if key is None:
            message = f"{at.file}: {at.key} has the key {name!r}, which is no SERVICE:PORT"
            hint = 'write "web:3000" = 3000, or "dns:53/udp" = 53 (tcp, udp, sctp)'
            raise at.error(message, hint)
        host_port = _host_port(number, at.below(f'"{name}"'))
        _check_pinned_once(host_ports, key, host_port, at)
        host_ports[key] = host_port
    return host_ports


def _host_port(value: object, at: SettingLocation) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= HIGHEST_PORT:
        raise at.refusal(value, f"a host port, 1 to {HIGHEST_PORT}")
    return value


def _check_pinned_once(
    found: Mapping[str, int], key: str, number: int, at: SettingLocation
) -> None:
    if key in found:
        message = f"{at.file}: {at.key} has {key} twice"
        raise at.error(message, f"keep one of {found[key]} and {number}")
    protocol = parse_port_key(key).protocol
    for pinned_key, pinned_port in found.items():
        if pinned_port == number and parse_port_key(pinned_key).protocol == protocol:
            message = f"{at.file}: {at.key} gives host port {number} to {pinned_key} and to {key}"
            raise at.error(message, "give each of them a host port of its own")


def templates(value: object, at: SettingLocation) -> dict[str, str]:
    """Return templates by name of the variable."""
    templates_by_name: dict[str, str] = {}
    for name, template in table(value, at).items():
        _check_variable(name, at)
        if not _is_text(template):
            raise at.below(name).refusal(template, "a text")
        try:
            check_template(template, at.below(name).key)
        except ConfigError as error:
            raise at.below(name).error(f"{at.file}: {error.message}", error.hint) from None
        templates_by_name[name] = template
    return templates_by_name


def _check_variable(name: str, at: SettingLocation) -> None:
    if not VARIABLE.fullmatch(name):
        message = f"{at.file}: {at.key} has {name!r}, which no shell takes as a variable's name"
        raise at.error(message, "use letters, digits and _, and no digit at the beginning")
    if name in CONTRACT | LEADING:
        message = f"{at.file}: {at.key} cannot set {name}, which composeports sets itself"
        raise at.error(message, "use another name" if name in CONTRACT else _instead(name))
    if is_protected(name):
        message = f"{at.file}: {at.key} cannot set {name}, which programs obey"
        hint = (
            f"use another name, and set {name} from it where the program that needs it is started"
        )
        raise at.error(message, hint)


def _instead(name: str) -> str:
    setting = {"COMPOSE_FILE": "files", "COMPOSE_PROFILES": "profiles"}.get(name)
    return f"use the setting `{setting}`" if setting else "take it out"


def pool(value: object, at: SettingLocation) -> str:
    """Return a private IPv4 network from which subnets are taken."""
    from ipaddress import IPv4Network  # noqa: PLC0415 - takes 2 ms, and few files set a pool

    requirement = (
        f"a private IPv4 network, /{LARGEST_POOL} to /{SMALLEST_POOL}, as in 10.213.0.0/16"
    )
    if not isinstance(value, str):
        raise at.refusal(value, requirement)
    try:
        network = IPv4Network(value)
    except ValueError:
        raise at.refusal(value, requirement) from None
    is_private = any(network.subnet_of(IPv4Network(text)) for text in PRIVATE_NETWORKS)
    if not is_private or not LARGEST_POOL <= network.prefixlen <= SMALLEST_POOL:
        raise at.refusal(value, requirement)
    return str(network)
