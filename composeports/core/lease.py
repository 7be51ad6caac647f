"""The lease: a session's hold on a block until `expires_at`; a plain value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from composeports.core.engine_address import LOCALHOST
from composeports.core.engine_traits import NO_TRAITS, EngineTraits
from composeports.core.labels import Mark, mark_of
from composeports.core.ports import API, DB, REALTIME, REST, PortBlock
from composeports.core.service_state import ServiceState
from composeports.core.session import derive_session_id


class WorktreeLocation(NamedTuple):
    """Where a session lives on disk; empty where that is not known.

    `machine` is the name of the machine whose disk it is, where others may see the lease, too.
    `named_by` is the git directory that the session is named after, where that is not `git_dir`:
    its repository was moved since, or another session has that name. `around` is the git directory
    of the checkout that this one, which is a clone of its own, lies in.
    """

    worktree: str = ""
    git_dir: str = ""
    directory: str = ""
    branch: str = ""
    machine: str = ""
    named_by: str = ""
    around: str = ""

    @property
    def session_id(self) -> str:
        """The id of the session that has this place and no name of its own."""
        name = self.named_by or self.git_dir
        own = derive_session_id(name or None, self.worktree, self.directory)
        return f"{self.machine}:{own}" if self.machine else own

    @property
    def below(self) -> str:
        """The sub-folder of the worktree that the session is about."""
        return self.directory.removeprefix(self.worktree).strip("/")

    def is_on(self, machine: str) -> bool:
        """Tell whether it is the named machine's disk; without a name it is everybody's own."""
        return self.machine in {"", machine}


class ComposeInvocation(NamedTuple):
    """How the last `up` called Compose; absolute paths, our own two files left out.

    `default_ports` tells that the file's own ports were wanted.
    """

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    overridden: bool = False
    default_ports: bool = False


@dataclass(frozen=True, slots=True)
class Lease:
    """A session's block, project name and memory.

    Times are seconds since the epoch. `held` is False once released: what is left is the
    memory that gives the same session the same ports again. `offsets` maps `"web:80/tcp"` to
    an offset of the block for every published port ever planned; `ports` maps the ones of the
    last plan to host ports, `urls` to what a client of the port wants. `environment` is what
    follows the six fixed variables, or replaces one of them. `pins` are host ports outside the
    block that the session holds, by the same keys; `subnets` maps `"backend#0"`, the first subnet
    block that the session holds, by the same keys; `subnets` maps `"backend#0"`, the first subnet
    of the network backend, to the one that the session has instead. `engine` is the id of the
    engine that the stack is on, empty where that is not known; `traits` tell it from others with
    the same id. `host` is where its published ports are reached: a name, or an address without
    brackets. `store` is the id of the store that keeps the lease, `former_stores` are the ids of
    those that kept it before. `marks` are the labels that volumes and networks of the project had
    when its stack was begun, by keys such as `"volume:data"`; None where that is not known.
    `standings` are the names and networks of the last plan's containers, by service.
    """

    session_id: str
    block: PortBlock
    project: str
    allocated_at: float
    expires_at: float
    held: bool = True
    ttl_minutes: int = 120
    offsets: Mapping[str, int] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, int] = field(default_factory=dict)
    subnets: Mapping[str, str] = field(default_factory=dict)
    environment: tuple[tuple[str, str], ...] = ()
    place: WorktreeLocation = field(default_factory=WorktreeLocation)
    stack: ComposeInvocation = field(default_factory=ComposeInvocation)
    engine: str = ""
    host: str = LOCALHOST
    marks: Mapping[str, Mark] | None = None
    former_stores: tuple[str, ...] = ()
    standings: Mapping[str, ServiceState] = field(default_factory=dict)
    traits: EngineTraits = NO_TRAITS
    store: str = field(default="", compare=False)

    @property
    def on_machine(self) -> str:
        """The name of the machine that the session is on, empty where that is not known."""
        return self.place.machine

    @property
    def mark(self) -> Mark:
        """The labels of what the session's stack makes now."""
        return mark_of(self.store, self.session_id)

    @property
    def db_port(self) -> int:
        """`AGENT_COORDINATOR_DB_PORT`."""
        return self.block.port(DB)

    @property
    def rest_port(self) -> int:
        """`AGENT_COORDINATOR_REST_PORT`."""
        return self.block.port(REST)

    @property
    def realtime_port(self) -> int:
        """`AGENT_COORDINATOR_REALTIME_PORT`."""
        return self.block.port(REALTIME)

    @property
    def api_port(self) -> int:
        """`API_PORT`."""
        return self.block.port(API)

    @property
    def shares_place(self) -> bool:
        """Whether others may have the same place, so that its files need a folder of their own.

        So it is with a session that has a name, and with a stack on a remote engine, beside which
        there may be one of this machine.
        """
        return self.session_id != self.place.session_id or self.host != LOCALHOST

    def renewed(self, now: float, ttl_minutes: int) -> Self:
        """Return the lease held until `ttl_minutes` from `now`."""
        return replace(self, held=True, expires_at=now + ttl_minutes * 60, ttl_minutes=ttl_minutes)

    def at(self, place: WorktreeLocation) -> Self:
        """Return the lease at the place it is now, its files moved along with the directory."""
        if place in {self.place, WorktreeLocation()}:
            return self
        before, after = self.place.directory, place.directory

        def moved(paths: tuple[str, ...]) -> tuple[str, ...]:
            if not before:
                return paths
            return tuple(
                after + path[len(before) :] if path.startswith(before + "/") else path
                for path in paths
            )

        stack = self.stack._replace(
            files=moved(self.stack.files), env_files=moved(self.stack.env_files)
        )
        return replace(self, place=place, stack=stack)

    def released(self) -> Self:
        """Return what is remembered of the lease after its release."""
        return replace(self, held=False)

    def expired(self, now: float) -> bool:
        """Tell whether the time to live is over; a running stack outlives that."""
        return self.expires_at <= now
