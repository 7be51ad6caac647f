"""The lease: a session's claim on a block until `expires_at`, as a plain value."""

from collections.abc import Mapping
from typing import NamedTuple, Self

from composeports.core.engine_address import LOCALHOST
from composeports.core.engine_traits import NO_TRAITS, EngineTraits
from composeports.core.labels import Mark, Tags, mark_of
from composeports.core.ports import API, DB, REALTIME, REST, PortBlock
from composeports.core.service_state import ServiceState
from composeports.core.session import derive_session_id


class WorktreeLocation(NamedTuple):
    """The location of a session on disk; unknown parts are empty.

    `machine` is the name of the machine that has this disk, if other machines can see the lease.
    `named_by` is the git directory from which the session id is made, if that is not `git_dir`: the
    repository was moved later, or another session already has the id of `git_dir`. `around` is set
    for a clone that is inside another checkout: it is the git directory of the outer checkout.
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
        """Return the id of the session at this location, if the user gave no session name."""
        name = self.named_by or self.git_dir
        local_id = derive_session_id(name or None, self.worktree, self.directory)
        return f"{self.machine}:{local_id}" if self.machine else local_id

    @property
    def below(self) -> str:
        """Return the sub-folder of the worktree that the session is about."""
        return self.directory.removeprefix(self.worktree).strip("/")

    def is_on(self, machine: str) -> bool:
        """Return True if the location is on the disk of `machine`.

        A location without a machine name is always on the machine that reads it.
        """
        return self.machine in {"", machine}


class ComposeInvocation(NamedTuple):
    """How the last `up` called Compose: absolute paths, without composeports' own two files.

    `overridden` is True if the plan had an override document. `default_ports` is True if the host
    ports of the Compose file itself were requested.
    """

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    overridden: bool = False
    default_ports: bool = False


class Lease(NamedTuple):
    """A session's block, its project name, and the facts remembered about the session.

    Times are in seconds since the epoch. `held` is False after a release: the record then remains,
    and gives the same session the same ports again.

    Keys such as `"web:80/tcp"` name a published port. `offsets` maps each port that was ever
    planned to an offset in the block. `ports` maps the ports of the last plan to host ports, and
    `urls` maps them to the URL or address for clients. `pins` maps ports to host ports outside the
    block that the session holds.

    `environment` are the variables that follow the six fixed variables, or replace one of them.
    `subnets` maps `"backend#0"`, the first subnet of the network backend, to the subnet that the
    session uses instead. `standings` are the names and networks of the last plan's containers, by
    service. `name` is the readable name of the session (`core/session_name.py`), which it keeps;
    empty for a lease of an earlier version.

    `engine` is the id of the engine that runs the stack, empty if unknown; `traits` distinguish
    this engine from others with the same id. `unused` is True for a lease of the git hook until a
    command of the session uses it. `host` is where its published ports are reached: a
    name, or an address without brackets. `marks` are the labels that volumes and networks of the
    project had when its stack was created, by keys such as `"volume:data"`; None if unknown.
    `tags` are the labels for people, by the same keys, and by `STACK` those of everything that the
    stack creates; they do not change while the stack exists. None if unknown.
    `former_stores` are the ids of the stores that kept the lease before, and `store` is the id of
    the store that keeps it now; it does not count in comparisons.
    """

    session_id: str
    block: PortBlock
    project: str
    allocated_at: float
    expires_at: float
    held: bool = True
    ttl_minutes: int = 120
    offsets: Mapping[str, int] = {}
    ports: Mapping[str, int] = {}
    urls: Mapping[str, str] = {}
    pins: Mapping[str, int] = {}
    subnets: Mapping[str, str] = {}
    environment: tuple[tuple[str, str], ...] = ()
    place: WorktreeLocation = WorktreeLocation()
    stack: ComposeInvocation = ComposeInvocation()
    engine: str = ""
    host: str = LOCALHOST
    marks: Mapping[str, Mark] | None = None
    former_stores: tuple[str, ...] = ()
    standings: Mapping[str, ServiceState] = {}
    traits: EngineTraits = NO_TRAITS
    name: str = ""
    tags: Mapping[str, Tags] | None = None
    unused: bool = False
    store: str = ""

    def __eq__(self, other: object) -> bool:
        # `store` is the last field.
        return isinstance(other, Lease) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])

    @property
    def on_machine(self) -> str:
        """Return the name of the session's machine; empty if unknown."""
        return self.place.machine

    @property
    def mark(self) -> Mark:
        """Return the mark for resources that the session's stack creates now."""
        return mark_of(self.store, self.session_id)

    @property
    def db_port(self) -> int:
        """Return the port in `AGENT_COORDINATOR_DB_PORT`."""
        return self.block.port(DB)

    @property
    def rest_port(self) -> int:
        """Return the port in `AGENT_COORDINATOR_REST_PORT`."""
        return self.block.port(REST)

    @property
    def realtime_port(self) -> int:
        """Return the port in `AGENT_COORDINATOR_REALTIME_PORT`."""
        return self.block.port(REALTIME)

    @property
    def api_port(self) -> int:
        """Return the port in `API_PORT`."""
        return self.block.port(API)

    @property
    def shares_place(self) -> bool:
        """True if other sessions can use the same directory; this one then needs its own folder.

        This is the case for a session with a name from the user. It is also the case for a stack on
        a remote engine, because a stack on a local engine can exist for the same directory.
        """
        return self.session_id != self.place.session_id or self.host != LOCALHOST

    def renewed(self, now: float, ttl_minutes: int) -> Self:
        """Return the lease as held until `ttl_minutes` after `now`."""
        return self._replace(held=True, expires_at=now + ttl_minutes * 60, ttl_minutes=ttl_minutes)

    def at(self, place: WorktreeLocation) -> Self:
        """Return the lease at a new location; paths below the old directory move with it."""
        if place in {self.place, WorktreeLocation()}:
            return self
        old_directory, new_directory = self.place.directory, place.directory

        def moved(paths: tuple[str, ...]) -> tuple[str, ...]:
            if not old_directory:
                return paths
            return tuple(
                new_directory + path[len(old_directory) :]
                if path.startswith(old_directory + "/")
                else path
                for path in paths
            )

        stack = self.stack._replace(
            files=moved(self.stack.files), env_files=moved(self.stack.env_files)
        )
        return self._replace(place=place, stack=stack)

    def released(self) -> Self:
        """Return the lease as it is remembered after its release."""
        return self._replace(held=False)

    def expired(self, now: float) -> bool:
        """Return True if the time to live is over; the stack may still be running."""
        return self.expires_at <= now
