"""The request of a session for a block of ports, with what the engine said about all stacks."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from composeports.core.engine_identity import NOWHERE, Viewpoint
from composeports.core.labels import Mark
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ownership import Owner
from composeports.core.ports import PortBlock, PortGrid
from composeports.core.snapshot import LeaseSummary


class RunningProjects(NamedTuple):
    """Projects with running containers; `known` is False if the engine did not answer."""

    known: bool
    running: frozenset[str] = frozenset()

    def idle(self, project: str) -> bool:
        """Return True if the engine answered and no container of `project` is running."""
        return self.known and project not in self.running

    def with_running(self, projects: Iterable[str]) -> Self:
        """Return a copy with additional running projects."""
        return self._replace(running=self.running.union(projects))


NOTHING_RUNS = RunningProjects(known=True)
UNKNOWN = RunningProjects(known=False)


class AllocationRequest(NamedTuple):
    """A session's request for a block of ports.

    `ttl_minutes` counts from `now` (seconds since the epoch). `pins` maps keys such as
    `"web:3000/tcp"` to the host ports that the session must get. `view` is the engine that was
    queried, and `liveness` is the answer of that engine. `marked` contains the project and the mark
    of each container on it. `adopt_allowed` is True if the user says (--adopt) that a stack which
    may be on another engine with the same id is on this engine. `taken` are project names that are
    in use on the engine and unknown to the store. `prefix` is what a new project name has before
    its hash. `empty_project` is the project of the session's released lease, if the engine has
    nothing of it and the session is to get a name with `prefix`. `unused` is True for the git hook:
    no command of the session has used the lease yet. `may_take_unused` is True if such a lease of
    another session gives way when no block is free.
    """

    session_id: str
    grid: PortGrid
    now: float
    ttl_minutes: int
    liveness: RunningProjects = UNKNOWN
    place: WorktreeLocation = WorktreeLocation()
    avoid: frozenset[PortBlock] = frozenset()
    prefix: str = "ac"
    pins: Mapping[str, int] = {}
    view: Viewpoint = NOWHERE
    marked: frozenset[tuple[str, Mark]] = frozenset()
    adopt_allowed: bool = False
    taken: frozenset[str] = frozenset()
    unused: bool = False
    may_take_unused: bool = False
    empty_project: str = ""

    def idle(self, of: Lease | LeaseSummary) -> bool:
        """Return True if the engine answered and nothing of the lease's stack is running.

        Return False if the stack may be on another engine, because the answer does not apply to it.
        """
        return self.view.is_same(of) and self.liveness.idle(of.project)

    def is_empty(self, of: LeaseSummary) -> bool:
        """Return True if the engine answered and the lease's stack has no container.

        Return False if the stack may be on another engine.
        """
        return self.idle(of) and all(project != of.project for project, _ in self.marked)

    def has_containers(self, of: Lease) -> bool:
        """Return True if the engine has containers with the mark of this lease."""
        owner = Owner.of(of)
        marks = (mark for project, mark in self.marked if project == of.project)
        return any(map(owner.has_marked, marks))
