"""Services that do their work and end, for `up --wait`, to which Compose 2.26 says no."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WAIT, LIMIT = "--wait", "--wait-timeout"


class Instance(NamedTuple):
    """A container of a service, with its exit code, and whether its end is followed by a start."""

    service: str
    state: str
    exit_code: int = 0
    is_restarted: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it has ended well, for good."""
        return self.state == "exited" and not self.exit_code and not self.is_restarted


def is_wait(arguments: Sequence[str]) -> bool:
    """Tell whether `up` is to wait until everything is well; a limit alone has no effect."""
    return any(each in {WAIT, f"{WAIT}=true"} for each in arguments)


def limit_of(arguments: Sequence[str]) -> float | None:
    """Return the seconds that `up` may wait for; None without a limit."""
    for argument, following in zip(arguments, (*arguments[1:], ""), strict=False):
        name, sign, value = argument.partition("=")
        if name == LIMIT:
            text = value if sign else following
            return float(text) if text.isdecimal() and int(text) else None
    return None


def still_awaited(instances: Iterable[Instance]) -> tuple[str, ...] | None:
    """Return the services to wait for once more, where only a good end was taken for a failure.

    None where there was no such end, or where something else is wrong.
    """
    found = tuple(instances)
    done = {each.service for each in found if each.is_done}
    others = [each for each in found if not each.is_done]
    if not done or any(each.state != "running" for each in others):
        return None
    return tuple(sorted({each.service for each in others} - done))


def waiting_again(services: Sequence[str], limit: float | None) -> tuple[str, ...]:
    """Return the words of an `up` that starts nothing anew and waits for these services."""
    limited = () if limit is None else (LIMIT, str(max(1, int(limit))))
    return ("up", "--detach", "--no-deps", "--no-recreate", "--no-build", WAIT, *limited, *services)
