"""Templates such as `http://{host}:{web:3000}`: check and replace their placeholders."""

import re
from collections.abc import Iterable, Iterator, Mapping

from composeports.core.environment import Pair
from composeports.core.port_keys import parse_port_key, port_key
from composeports.core.ports import HIGHEST_PORT
from composeports.core.settings import Settings
from composeports.errors import ConfigError

# Placeholders that every session has, and the variables with their values.
VARIABLES = {
    "db": "AGENT_COORDINATOR_DB_PORT",
    "rest": "AGENT_COORDINATOR_REST_PORT",
    "realtime": "AGENT_COORDINATOR_REALTIME_PORT",
    "api": "API_PORT",
    "project": "COMPOSE_PROJECT_NAME",
}
NAMES = ("host", *VARIABLES)
PORT_NAMES = ("db", "rest", "realtime", "api")
# The usual container ports for each of these names.
USUAL = {"db": {"5432", "3306", "27017"}, "rest": {"3000"}, "realtime": {"4000"}, "api": {"8000"}}

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
PORT_KEY = re.compile(r"([A-Za-z0-9._-]+):([0-9]{1,5})(?:/(tcp|udp|sctp))?")


def complete_port_key(text: str) -> str | None:
    """Return `web:3000/tcp` for `web:3000`; None for a text that is not SERVICE:PORT[/PROTOCOL]."""
    match = PORT_KEY.fullmatch(text)
    if match is None or not 1 <= int(match[2]) <= HIGHEST_PORT:
        return None
    return port_key(match[1], int(match[2]), match[3] or "tcp")


def expand(template: str, values: Mapping[str, str], where: str = "the template") -> str:
    """Return the template with its placeholders replaced; `{{` and `}}` are literal braces.

    `values` contains names and normalized port keys (`web:3000/tcp`). Raise ConfigError, with a
    message that begins with `where`, for a placeholder without a value.
    """
    return "".join(
        text if name is None else _value(name, values, where)
        for text, name in _parts(template, where)
    )


def expand_env(
    settings: Settings, fixed: Iterable[Pair], ports: Mapping[str, int], host: str
) -> tuple[Pair, ...]:
    """Return the variables of `[env]` with the placeholders of their templates replaced.

    `fixed` are the session's six variables. `ports` are its host ports by keys such as
    `"web:3000/tcp"`, and `host` is where they are reached. `{db}` is the port of the service db if
    the stack has one. Raise ConfigError for a template that names a port which is not published.
    """
    fixed_values = dict(fixed)
    values = {"host": host} | {name: fixed_values[variable] for name, variable in VARIABLES.items()}
    values |= {key: str(number) for key, number in ports.items()}
    published_ports = {str(number) for number in ports.values()}
    for name in PORT_NAMES:
        service_keys = [key for key in ports if key.startswith(f"{name}:")]
        if service_keys:
            values[name] = str(ports[(_usual(service_keys, name) or service_keys)[0]])
        elif published_ports and values[name] not in published_ports:
            del values[name]
    return tuple(
        (name, expand(template, values, f"env.{name}")) for name, template in settings.env.items()
    )


def _usual(keys: Iterable[str], name: str) -> list[str]:
    """Return the port keys whose container port is usual for this name."""
    return [key for key in keys if parse_port_key(key).target in USUAL[name]]


def check_template(template: str, where: str) -> None:
    """Raise ConfigError for a placeholder that has no value in any session."""
    for _, name in _parts(template, where):
        if name is None or name in NAMES:
            continue
        if ":" not in name:
            raise _unknown(name, NAMES, where)
        if complete_port_key(name) is None:
            message = f"{where}: {{{name}}} is not a published port"
            hint = "write {SERVICE:PORT} or {SERVICE:PORT/udp}, for example {web:3000}"
            raise ConfigError(message, hint=hint, setting=where)


def _parts(template: str, where: str) -> Iterator[tuple[str, str | None]]:
    """Yield (text, None) for plain text, and (text, name) for each placeholder."""
    end = 0
    for match in PLACEHOLDER.finditer(template):
        yield template[end : match.start()], None
        end = match.end()
        token = match[0]
        if len(token) == 1:
            message = f"{where}: {template!r} has a {token!r} without its other half"
            hint = "write {{ and }} for braces that are meant as they are"
            raise ConfigError(message, hint=hint, setting=where)
        yield (token[0], None) if token in {"{{", "}}"} else (token, match[1])
    yield template[end:], None


def _value(name: str, values: Mapping[str, str], where: str) -> str:
    key = complete_port_key(name) or name
    if key in values:
        return values[key]
    ports = [known_name for known_name in values if ":" in known_name]
    if name in PORT_NAMES:
        message = f"{where}: {{{name}}} leads to a port that nothing of the stack publishes"
        suggestion = (_usual(ports, name) or ports)[0].removesuffix("/tcp")
        question = f"did you mean {{{suggestion}}}? "
        hint = f"{question}published: {', '.join(ports)}"
        raise ConfigError(message, hint=hint, setting=where)
    if ":" not in name:
        raise _unknown(name, (known_name for known_name in values if ":" not in known_name), where)
    message = f"{where}: the stack publishes no port {key}"
    hint = f"published: {', '.join(ports) or 'none'}"
    raise ConfigError(message, hint=hint, setting=where)


def _unknown(name: str, known: Iterable[str], where: str) -> ConfigError:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error needs it

    known = list(known)
    suggestions = get_close_matches(name.lower(), known, 1)
    question = f"did you mean {{{suggestions[0]}}}? " if suggestions else ""
    placeholders = ", ".join(f"{{{placeholder}}}" for placeholder in known)
    hint = f"{question}known: {placeholders} and {{SERVICE:PORT}}; {{{{ and }}}} are braces"
    return ConfigError(f"{where}: {{{name}}} is unknown", hint=hint, setting=where)
