"""The session's variables and how they are written down; imports next to nothing, for `env`."""

from collections.abc import Callable, Iterable, Mapping

from composeports.core.engine_address import LOCALHOST, in_url
from composeports.core.protected_names import settable

Pair = tuple[str, str]

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./-")


def fixed_variables(start: int, project: str, host: str = LOCALHOST) -> tuple[Pair, ...]:
    """Return the six variables of a session whose block begins at `start`, in their fixed order.

    `host` is where the engine's published ports are reached.
    """
    return (
        ("AGENT_COORDINATOR_DB_PORT", str(start)),
        ("AGENT_COORDINATOR_REST_PORT", str(start + 1)),
        ("AGENT_COORDINATOR_REALTIME_PORT", str(start + 2)),
        ("API_PORT", str(start + 3)),
        ("COMPOSE_PROJECT_NAME", project),
        ("SUPABASE_URL", f"http://{in_url(host)}:{start + 1}"),
    )


def combined(fixed: Iterable[Pair], later: Iterable[Pair]) -> tuple[Pair, ...]:
    """Return the pairs of `fixed`, with values that `later` replaces, then the rest of `later`.

    `later` comes from files, settings and stores: a name that none of them may set is left out.
    """
    rest = dict(settable(later))
    first = [(name, rest.pop(name, value)) for name, value in fixed]
    return (*first, *rest.items())


def as_export(pairs: Iterable[Pair]) -> str:
    """Return `export NAME=value` lines for a POSIX shell, without a newline at the end."""
    return "\n".join(f"export {name}={_shell_word(value)}" for name, value in pairs)


def _shell_word(value: str) -> str:
    """Quote `value` so that a shell takes it as it is."""
    if value and PLAIN.issuperset(value):
        return value
    return "'" + value.replace("'", "'\"'\"'") + "'"


def as_dotenv(pairs: Iterable[Pair]) -> str:
    """Return an env file that Compose reads back as it was given, and a shell can source.

    Single quotes are literal for both, but Compose has no way to write a quote or a backslash
    between them. Where double quotes are needed, a backtick is written as Compose's octal escape:
    a shell, which does not know that one, gets other text but runs nothing.
    """
    return "".join(f"{name}={_dotenv_value(value)}\n" for name, value in pairs)


def _dotenv_value(value: str) -> str:
    if value and PLAIN.issuperset(value):
        return value
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("`", "\\0140")):
        value = value.replace(char, escape)
    return f'"{value}"'


def as_json(pairs: Iterable[Pair]) -> str:
    """Return one JSON object, in the order of the pairs."""
    import json  # noqa: PLC0415 - the other two forms do not need it

    return json.dumps(dict(pairs), indent=2)


FORMATS: Mapping[str, Callable[[Iterable[Pair]], str]] = {
    "export": as_export,
    "dotenv": as_dotenv,
    "json": as_json,
}
