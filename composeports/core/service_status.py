"""The status of a stack's containers after `up`: which failed, and which are still starting."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from composeports.core.compose_project import Project

HEALTHY, UNHEALTHY, STARTING = "healthy", "unhealthy", "starting"
EXITED, RESTARTING, RUNNING, DEAD = "exited", "restarting", "running", "dead"
MINUTE = 60
# The name under which Compose means every profile.
EVERY_PROFILE = "*"


class ContainerStatus(NamedTuple):
    """What the engine's list says of one container of a service.

    `exit_code` is None while the container runs. `health` is empty without a health check.
    `up_seconds` is how long it has run, at most MINUTE.
    """

    service: str
    state: str
    exit_code: int | None = None
    health: str = ""
    id: str = ""
    name: str = ""
    up_seconds: int = MINUTE

    @property
    def is_failed(self) -> bool:
        """True if it exited with a code that is not 0, is restarting, or is unhealthy."""
        if self.state in {EXITED, DEAD}:
            return bool(self.exit_code)
        return self.state == RESTARTING or (self.state == RUNNING and self.health == UNHEALTHY)

    @property
    def is_started(self) -> bool:
        """True if it runs and is not unhealthy or starting, or has done its work: exit code 0."""
        if self.state == EXITED:
            return not self.exit_code
        return self.state == RUNNING and self.health in {"", HEALTHY}

    @property
    def is_plain(self) -> bool:
        """True if it simply runs: there is nothing to say about it."""
        return self.state == RUNNING and self.health in {"", HEALTHY}

    @property
    def words(self) -> str:
        """Its health while it runs, else its state and exit code, such as `exited (3)`."""
        if self.state == RUNNING:
            return self.health or self.state
        return self.state if self.exit_code is None else f"{self.state} ({self.exit_code})"

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `services` in the JSON result of `up`."""
        return {
            "name": self.service,
            "state": self.state,
            "health": self.health,
            "exit_code": self.exit_code,
        }


def exit_code_of(status: str) -> int | None:
    """Return the code in a status such as `Exited (3) 2 seconds ago`; None while it runs."""
    word, _, rest = status.partition(" (")
    code = rest.partition(")")[0]
    if word not in {"Exited", "Restarting"} or not code.removeprefix("-").isdecimal():
        return None
    return int(code)


def health_of(status: str) -> str:
    """Return the health in a status such as `Up 2 seconds (health: starting)`; empty if none."""
    if not status.startswith("Up "):
        return ""
    if "(health: starting)" in status:
        return STARTING
    if "(unhealthy)" in status:
        return UNHEALTHY
    return HEALTHY if "(healthy)" in status else ""


def up_seconds_of(status: str) -> int:
    """Return the seconds in a status such as `Up 2 seconds`; MINUTE for a longer time."""
    words = status.split()
    if words[:2] == ["Up", "Less"]:
        return 0
    if words[:1] == ["Up"] and words[2:3] in (["second"], ["seconds"]) and words[1].isdecimal():
        return min(int(words[1]), MINUTE)
    return MINUTE


def by_service(containers: Iterable[ContainerStatus]) -> tuple[ContainerStatus, ...]:
    """Return one container for each service, sorted by name: one that failed, if there is one."""
    chosen: dict[str, ContainerStatus] = {}
    for container in sorted(containers, key=_rank):
        chosen.setdefault(container.service, container)
    return tuple(chosen[service] for service in sorted(chosen))


def _rank(container: ContainerStatus) -> tuple[bool, bool, str]:
    return not container.is_failed, container.is_started, container.name


def not_started(containers: Iterable[ContainerStatus]) -> tuple[str, ...]:
    """Return the services with a container that is not started yet, sorted."""
    return tuple(sorted({each.service for each in containers if not each.is_started}))


def failed_of(
    containers: Iterable[ContainerStatus], late_services: Collection[str] = ()
) -> tuple[ContainerStatus, ...]:
    """Return one container for each service that failed, or that is late and not started yet."""
    return tuple(
        container
        for container in by_service(containers)
        if container.is_failed or (container.service in late_services and not container.is_started)
    )


def services_of_up(
    project: Project, arguments: Sequence[str], profiles: Collection[str]
) -> frozenset[str]:
    """Return the services that an `up` with these arguments starts.

    They are the named services, without any the services whose profiles are active, and what these
    depend on.
    """
    dependencies = {service.name: service.depends_on for service in project.services}
    named = {argument for argument in arguments if argument in dependencies}
    services = named or {
        service.name
        for service in project.services
        if not service.profiles or {EVERY_PROFILE, *service.profiles} & {*profiles}
    }
    if "--no-deps" in arguments:
        return frozenset(services)
    return _with_dependencies(services, dependencies)


def _with_dependencies(
    services: Collection[str], dependencies: Mapping[str, Sequence[str]]
) -> frozenset[str]:
    found: set[str] = set()
    remaining = [*services]
    while remaining:
        service = remaining.pop()
        if service not in found:
            found.add(service)
            remaining += dependencies.get(service, ())
    return frozenset(found)
