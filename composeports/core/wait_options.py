"""The options of `docker compose up` that make it wait until the services are healthy."""

from collections.abc import Iterator, Sequence

WAIT, LIMIT = "--wait", "--wait-timeout"
# Options with which `docker compose up` starts nothing, so that there is nothing to wait for.
STARTS_NOTHING = frozenset({"--dry-run", "--no-start"})


def is_wait(arguments: Sequence[str]) -> bool:
    """Return True if `up` waits until all services are running or healthy.

    A time limit without `--wait` has no effect.
    """
    return any(argument in {WAIT, f"{WAIT}=true"} for argument in arguments)


def wait_option(*, wait: bool) -> str:
    """Return the option that says whether to wait, whatever the setting says."""
    return WAIT if wait else f"{WAIT}=false"


def is_wait_said(arguments: Sequence[str]) -> bool:
    """Return True if the arguments say whether to wait: `--wait`, `--wait=true`, `--wait=false`."""
    return any(argument.partition("=")[0] == WAIT for argument in arguments)


def starts_nothing(arguments: Sequence[str]) -> bool:
    """Return True if `up` with these arguments starts no container."""
    return any(argument.removesuffix("=true") in STARTS_NOTHING for argument in arguments)


def limit_of(arguments: Sequence[str]) -> float | None:
    """Return the number of seconds that `up` may wait; None without a limit."""
    for argument, next_argument in zip(arguments, (*arguments[1:], ""), strict=False):
        name, sign, value = argument.partition("=")
        if name == LIMIT:
            text = value if sign else next_argument
            return float(text) if text.isdecimal() and int(text) else None
    return None


def without_wait(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments without `--wait` and its time limit."""
    return tuple(_without_wait(iter(arguments)))


def _without_wait(arguments: Iterator[str]) -> Iterator[str]:
    for argument in arguments:
        name = argument.partition("=")[0]
        if name == LIMIT and argument == name:
            next(arguments, None)
        elif name not in {WAIT, LIMIT}:
            yield argument
