"""The session's variables, and the formats in which `env` prints them.

Imports almost nothing, because `env` must start fast.
"""

from collections.abc import Callable, Iterable, Mapping

from composeports.core.engine_address import LOCALHOST, in_url
from composeports.core.protected_names import settable

Pair = tuple[str, str]

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./-")


def fixed_variables(start: int, project: str, host: str = LOCALHOST) -> tuple[Pair, ...]:
    """Return the six fixed variables of a session, in their fixed order.

    `start` is the first port of the session's block. `host` is where the engine's published ports
    are reached.
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
    """Return `fixed` with new values from `later`, then the other pairs of `later`.

    `later` comes from files, settings and stores. Names that these must not set are left out.
    """
    values = dict(settable(later))
    fixed_pairs = [(name, values.pop(name, value)) for name, value in fixed]
    return (*fixed_pairs, *values.items())


def as_export(pairs: Iterable[Pair]) -> str:
    """Return `export NAME=value` lines for a POSIX shell, without a newline at the end."""
    return "\n".join(f"export {name}={shell_word(value)}" for name, value in pairs)


def shell_word(value: str) -> str:
    """Quote `value` so that a shell reads it unchanged."""
    if value and PLAIN.issuperset(value):
        return value
    return "'" + value.replace("'", "'\"'\"'") + "'"


def as_dotenv(pairs: Iterable[Pair]) -> str:
    """Return an env file that Compose reads back unchanged and that a shell can source.

    Both read single-quoted text literally, but Compose cannot escape a quote or a backslash inside
    it. In double quotes, a backtick is written as an octal escape of Compose. A shell does not know
    this escape: it gets other text, but runs nothing.
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
    import json  # noqa: PLC0415 - the other formats do not need it

    return json.dumps(dict(pairs), indent=2)


def as_fish(pairs: Iterable[Pair]) -> str:
    """Return `set -gx NAME 'value'` lines for fish, without a newline at the end."""
    return "\n".join(f"set -gx {name} {fish_word(value)}" for name, value in pairs)


def fish_word(value: str) -> str:
    """Quote `value` so that fish reads it unchanged.

    Inside of its quotes, only a backslash and a quote are special.
    """
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


FORMATS: Mapping[str, Callable[[Iterable[Pair]], str]] = {
    "export": as_export,
    "dotenv": as_dotenv,
    "fish": as_fish,
    "json": as_json,
}
