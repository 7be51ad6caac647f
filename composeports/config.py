"""Read environment variables and settings files, check them, and return frozen values."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

from composeports.core.engine_address import host_problem, without_brackets
from composeports.core.ports import HIGHEST_PORT, PortGrid
from composeports.core.project_name import HASH
from composeports.core.session import check_session_id
from composeports.core.settings import DEFAULTS, SUBNET_POOL, Settings
from composeports.errors import ConfigError
from composeports.paths import (
    PYPROJECT,
    default_store_url,
    machine_settings_file,
    settings_files,
)
from composeports.regular_file import read_regular

LOWEST = {"base_port": 1024, "range_per_session": 4, "ttl_minutes": 1, "max_sessions": 1}
VARIABLES = {
    "base_port": "PORT_ALLOC_BASE",
    "range_per_session": "PORT_ALLOC_RANGE",
    "ttl_minutes": "PORT_ALLOC_TTL_MINUTES",
    "max_sessions": "PORT_ALLOC_MAX_SESSIONS",
}
# How many commands a server runs at once.
SERVER_COMMANDS = "COMPOSEPORTS_SERVER_COMMANDS"
DEFAULT_COMMANDS = 4
MOST_COMMANDS = 1000
# The pool for the subnets of networks.
SUBNETS = "COMPOSEPORTS_SUBNET_POOL"
# What the project names of new sessions are made from.
NAMING = "COMPOSEPORTS_NAMING"
# How many seconds to wait for an answer of the engine.
ENGINE_TIMEOUT = "COMPOSEPORTS_ENGINE_TIMEOUT"
DEFAULT_TIMEOUT = 10.0
SHORTEST_TIMEOUT, LONGEST_TIMEOUT = 0.1, 3600.0
# The beginnings of the URLs of stores that several machines may use.
SHARED_STORES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class PortAllocatorConfig:
    """The grid of blocks, and the time to live of a lease in minutes.

    A value that is not accepted raises ConfigError (a ValueError), which names the value and the
    limit.
    """

    base_port: int = 10000
    range_per_session: int = 100
    ttl_minutes: int = 120
    max_sessions: int = 20

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that is not accepted."""
        for name, lowest in LOWEST.items():
            _check_lowest(name, getattr(self, name), lowest)
        _check_end(self)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read `PORT_ALLOC_BASE`, `_RANGE`, `_TTL_MINUTES` and `_MAX_SESSIONS`.

        A variable that is unset or empty means the default.
        """
        environ = os.environ if environ is None else environ
        values = {
            name: _number(variable, environ[variable])
            for name, variable in VARIABLES.items()
            if environ.get(variable, "").strip()
        }
        try:
            return cls(**values)
        except ConfigError as error:
            raise _naming_variables(error, values) from None

    @property
    def grid(self) -> PortGrid:
        """All blocks that this configuration can give to sessions."""
        return PortGrid(self.base_port, self.range_per_session, self.max_sessions)


def _check_lowest(name: str, value: object, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"{name} must be a whole number >= {lowest}, got {value!r}"
        raise ConfigError(message, hint=f"give {lowest} or more", setting=name)
    if value < lowest:
        message = f"{name} must be >= {lowest}, got {value}"
        raise ConfigError(message, hint=f"the smallest accepted value is {lowest}", setting=name)


def _check_end(config: PortAllocatorConfig) -> None:
    blocks = config.range_per_session * config.max_sessions
    end = config.base_port + blocks
    if end <= HIGHEST_PORT:
        return
    message = (
        f"base_port + range_per_session * max_sessions must be <= {HIGHEST_PORT}, got "
        f"{config.base_port} + {config.range_per_session} * {config.max_sessions} = {end}"
    )
    raise ConfigError(message, hint=_largest(config), setting="max_sessions")


def _largest(config: PortAllocatorConfig) -> str:
    """Return a hint with the largest value that fits, for the setting that is easiest to change."""
    most_sessions = (HIGHEST_PORT - config.base_port) // config.range_per_session
    if most_sessions >= 1:
        return f"the largest max_sessions that fits is {most_sessions}"
    highest_base = HIGHEST_PORT - config.range_per_session
    if highest_base >= LOWEST["base_port"]:
        return f"the largest base_port that fits one session is {highest_base}"
    widest_range = HIGHEST_PORT - LOWEST["base_port"]
    return f"the largest range_per_session that fits, with the lowest base_port, is {widest_range}"


def _number(variable: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        lowest = LOWEST[next(name for name, env_name in VARIABLES.items() if env_name == variable)]
        message = f"{variable} must be a whole number >= {lowest}, got {text!r}"
        hint = f"set it to {lowest} or more, or unset it for the default"
        raise ConfigError(message, hint=hint, setting=variable) from None


def _naming_variables(error: ConfigError, given: Mapping[str, int]) -> ConfigError:
    """Return the same error with the names of the variables in front of the message."""
    setting = str(error.details.get("setting", ""))
    names = [VARIABLES[name] for name in LOWEST if name in given and name in error.message]
    text = f"{', '.join(names)}: {error.message}" if names else error.message
    return ConfigError(text, hint=error.hint, setting=VARIABLES.get(setting, setting))


class Config(NamedTuple):
    """All settings from the environment, checked once at the start of a program."""

    port_allocator: PortAllocatorConfig = PortAllocatorConfig()
    store: str = "memory:"
    session: str | None = None
    api_keys: tuple[str, ...] = ()
    host: str = ""
    server_commands: int = DEFAULT_COMMANDS
    subnet_pool: str = SUBNET_POOL
    naming: str = HASH

    def __repr__(self) -> str:
        # Without the keys, which are secrets.
        fields = (
            f"{name}={value!r}" for name, value in self._asdict().items() if name != "api_keys"
        )
        return f"Config({', '.join(fields)})"

    @property
    def is_shared(self) -> bool:
        """True if several machines may use the store."""
        return self.store.startswith(SHARED_STORES)

    @property
    def default_settings(self) -> Settings:
        """Return the settings of a repository that sets none."""
        return Settings(subnet_pool=self.subnet_pool, naming=self.naming)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment, and the user's settings file for what it does not set.

        Raise ConfigError for a value that is not accepted; it names the variable or the file.
        """
        environ = os.environ if environ is None else environ
        all_values = with_machine_settings(environ)
        try:
            return cls.from_values(all_values)
        except ConfigError as error:
            variable = str(error.details.get("setting", ""))
            if environ.get(variable, "").strip() or variable not in all_values:
                raise
            raise naming_file(error, variable, machine_settings_file(environ)) from None

    @classmethod
    def from_values(cls, environ: Mapping[str, str]) -> Self:
        """Read the values of variables alone; raise ConfigError for one that is not accepted."""
        session = environ.get("COMPOSEPORTS_SESSION")
        return cls(
            port_allocator=PortAllocatorConfig.from_env(environ),
            store=environ.get("COMPOSEPORTS_STORE") or default_store_url(environ),
            session=check_session_id(session) if session else None,
            api_keys=_keys(environ.get("COMPOSEPORTS_API_KEYS", "")),
            host=_host(environ.get("COMPOSEPORTS_HOST", "")),
            server_commands=_server_commands(environ.get(SERVER_COMMANDS, "").strip()),
            subnet_pool=_subnet_pool(environ.get(SUBNETS, "")),
            naming=_naming(environ.get(NAMING, "").strip()),
        )


def with_machine_settings(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the values of the user's settings file for unset variables.

    Raise ConfigError for a file that cannot be read, an unknown key, or a value of another kind.
    """
    path = machine_settings_file(environ)
    if not os.path.exists(path):
        return environ
    from composeports.core.machine_settings import variables_of  # noqa: PLC0415 - few have a file

    document = _read_toml(path)
    variables = variables_of(document if isinstance(document, dict) else {}, path)
    return {
        **variables,
        **{name: text for name, text in environ.items() if text.strip() or name not in variables},
    }


def naming_file(error: ConfigError, variable: str, path: str) -> ConfigError:
    """Return the error about a value of the user's settings file, which it names."""
    from composeports.core.machine_settings import key_of  # noqa: PLC0415 - only for an error

    key = key_of(variable)
    message = error.message.removeprefix(f"{variable}: ").replace(variable, key)
    return ConfigError(f"{path}: {message}", hint=error.hint, setting=key, file=path)


def _subnet_pool(text: str) -> str:
    """Return the pool for subnets of repositories that set none."""
    if not text:
        return SUBNET_POOL
    from composeports.core.settings_values import SettingLocation, pool  # noqa: PLC0415 - rare

    return pool(text, SettingLocation(SUBNETS, "", SUBNETS))


def _naming(text: str) -> str:
    """Return the naming of projects in repositories that set none."""
    if not text:
        return HASH
    from composeports.core.settings_values import SettingLocation, naming  # noqa: PLC0415 - rare

    return naming(text, SettingLocation(NAMING, "", NAMING))


def _server_commands(text: str) -> int:
    """Return how many commands a server runs at once."""
    if not text:
        return DEFAULT_COMMANDS
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1 or number > MOST_COMMANDS:
        raise ConfigError(
            f"{SERVER_COMMANDS} must be a whole number from 1 to {MOST_COMMANDS}, got {text!r}",
            hint=f"set it to one of these, or unset it for the default, {DEFAULT_COMMANDS}",
            setting=SERVER_COMMANDS,
        )
    return number


def engine_timeout(environ: Mapping[str, str]) -> float:
    """Return how many seconds to wait for an answer of the engine.

    After that time the engine's state counts as unknown.
    """
    text = environ.get(ENGINE_TIMEOUT, "").strip()
    if not text:
        return DEFAULT_TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_TIMEOUT <= seconds <= LONGEST_TIMEOUT:
        raise ConfigError(
            f"{ENGINE_TIMEOUT} must be a number of seconds from {SHORTEST_TIMEOUT:g} to "
            f"{LONGEST_TIMEOUT:g}, got {text!r}",
            hint=f"set it to one of these, or unset it for the default, {DEFAULT_TIMEOUT:g}",
            setting=ENGINE_TIMEOUT,
        )
    return seconds


def _host(text: str) -> str:
    """Return the host of published ports; empty if it follows from the engine's address."""
    problem = host_problem(text) if text else ""
    if problem:
        message = f"COMPOSEPORTS_HOST must be a host's name or address, got {text!r}: {problem}"
        hint = "as in build.example.com, 10.0.0.7 or fd00::7; unset, it is the engine's own host"
        raise ConfigError(message, hint=hint, setting="COMPOSEPORTS_HOST")
    return without_brackets(text)


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())


class FoundSettings(NamedTuple):
    """A repository's settings and the file they come from; `path` is empty if there is none."""

    settings: Settings = Settings()
    path: str = ""


def find_settings(start: str, top: str | None, defaults: Settings = DEFAULTS) -> FoundSettings:
    """Return the settings for the folder `start`: of the nearest file up to `top`, or to the root.

    `defaults` are the values of settings that the file does not set.
    The file is `composeports.toml`, else a `pyproject.toml` with a table `[tool.composeports]`.
    Raise ConfigError, which names the file, the position in it, and what is accepted.
    """
    for path in settings_files(start, os.path.realpath(top) if top else None):
        document: object = _read_toml(path)
        location = path
        if os.path.basename(path) == PYPROJECT:
            document = _own_table(document)
            location = f"{path} [tool.composeports]"
        if isinstance(document, dict):
            # Imported only here, since most repositories have no settings file.
            from composeports.core.settings_schema import read_settings  # noqa: PLC0415

            folder = os.path.dirname(path)
            return FoundSettings(read_settings(document, location, folder, defaults), path)
        if document is not None:
            message = f"{path}: tool.composeports must be a table, got {document!r}"
            raise ConfigError(message, hint="write [tool.composeports]", file=path)
    return FoundSettings(defaults)


def _own_table(document: object) -> object:
    """Return the value of `tool.composeports` in pyproject.toml; None if there is none."""
    tool = document.get("tool") if isinstance(document, dict) else None
    return tool.get("composeports") if isinstance(tool, dict) else None


def _read_toml(path: str) -> object:
    from tomllib import loads  # noqa: PLC0415 - 15 ms, and most repositories have no file

    try:
        return loads(read_regular(path, follow=True).decode())
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise ConfigError(message, hint="check the file's permissions", file=path) from error
    except (ValueError, RecursionError) as error:
        message = f"{path} is not valid TOML: {error}"
        raise ConfigError(
            message, hint="correct it there; nothing was changed", file=path
        ) from None
