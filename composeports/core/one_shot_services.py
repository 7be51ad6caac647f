"""Services that do their work and exit; Compose 2.26 treats them as a failure of `up --wait`."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WAIT, LIMIT = "--wait", "--wait-timeout"


class Instance(NamedTuple):
    """A container of a service, its exit code, and whether the engine restarts it when it exits.

    `health` is empty without a health check.
    """

    service: str
    state: str
    exit_code: int = 0
    is_restarted: bool = False
    health: str = ""

    @property
    def is_done(self) -> bool:
        """True if the container exited with code 0 and the engine does not restart it."""
        return self.state == "exited" and not self.exit_code and not self.is_restarted


def is_wait(arguments: Sequence[str]) -> bool:
    """Return True if `up` waits until all services are running or healthy.

    A time limit without `--wait` has no effect.
    """
    return any(argument in {WAIT, f"{WAIT}=true"} for argument in arguments)


def limit_of(arguments: Sequence[str]) -> float | None:
    """Return the number of seconds that `up` may wait; None without a limit."""
    for argument, next_argument in zip(arguments, (*arguments[1:], ""), strict=False):
        name, sign, value = argument.partition("=")
        if name == LIMIT:
            text = value if sign else next_argument
            return float(text) if text.isdecimal() and int(text) else None
    return None


def services_to_wait_for(instances: Iterable[Instance]) -> tuple[str, ...] | None:
    """Return the services to wait for again, if Compose failed only because of exits with code 0.

    Return None if no service exited with code 0, or if something else is wrong.
    """
    containers = tuple(instances)
    finished_services = {container.service for container in containers if container.is_done}
    unfinished_containers = [container for container in containers if not container.is_done]
    if not finished_services or any(
        container.state != "running" for container in unfinished_containers
    ):
        return None
    return tuple(
        sorted({container.service for container in unfinished_containers} - finished_services)
    )


def not_healthy(instances: Iterable[Instance], services: Iterable[str]) -> tuple[str, ...]:
    """Return those of the services that have a container which is not healthy yet."""
    waiting = {instance.service for instance in instances if instance.health not in {"", "healthy"}}
    return tuple(sorted(waiting & {*services}))


def wait_arguments(services: Sequence[str], limit: float | None) -> tuple[str, ...]:
    """Return the words of an `up` that starts nothing new and waits for these services."""
    options = () if limit is None else (LIMIT, str(max(1, int(limit))))
    return ("up", "--detach", "--no-deps", "--no-recreate", "--no-build", WAIT, *options, *services)
