"""The facts that `doctor` collected about the machine, the engine and the store; plain values."""

from dataclasses import dataclass, field

from composeports.core.lease import Lease
from composeports.core.ports import KernelPorts, PortGrid
from composeports.core.service_state import ObservedService


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as another command would report it: the message and the next step."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The engine that `docker` talks to; `trouble` is set if it did not answer.

    `reached` is the host of a remote engine's published ports. `secured` is True if no other
    machine on the way to the engine can read the connection or talk to it. `milliseconds` is the
    duration of one request. `network` is the program that creates Podman's networks, `dns` tells if
    Podman's name server is installed, and `lingers` tells if the programs of its user run on after
    the logout; None or empty if unknown. If no engine answers, `sockets` are the sockets of other
    engines.
    """

    version: str = ""
    context: str = ""
    host: str = ""
    trouble: Problem | None = None
    reached: str = ""
    secured: bool = True
    milliseconds: int = 0
    product: str = "Docker"
    rootless: bool = False
    network: str = ""
    dns: bool | None = None
    lingers: bool | None = None
    first_port: int = 0
    sockets: tuple[str, ...] = ()
    podman_command: bool = False
    as_root: bool = False


@dataclass(frozen=True, slots=True)
class ComposeFacts:
    """The Compose plugin; `builds` is True if the Compose files here build images.

    `classic` is True if the environment asks for builds without BuildKit.
    """

    version: str = ""
    trouble: Problem | None = None
    builds: bool = False
    buildx: bool = True
    classic: bool = False


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The lease store; `format` is 0 if there is none yet.

    For a store on a server: `server` is its version, `latency` the seconds of one round trip, and
    `ahead` the seconds by which its clock is ahead of this machine's. `lacking` are the rights that
    its user lacks, `grants` are the statements that grant them, and `excess` are the statements
    that revoke rights which no user needs.
    """

    path: str = ""
    format: int = 0
    trouble: Problem | None = None
    damage: tuple[str, ...] = ()
    file_system: str = ""
    server: str = ""
    latency: float = 0.0
    ahead: float = 0.0
    lacking: tuple[str, ...] = ()
    grants: str = ""
    excess: tuple[str, ...] = ()
    read_only: bool = False
    refused: tuple[str, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Return True if all leases of the store could be read."""
        return self.trouble is None and not self.lacking


@dataclass(frozen=True, slots=True)
class Item:
    """The state directory itself (first), or a file or folder in it."""

    path: str
    mode: int
    mine: bool = True
    folder: bool = False


@dataclass(frozen=True, slots=True)
class EngineStack:
    """The containers that the engine has of one Compose project.

    `ours` is True if a container was started with an override document that composeports wrote.
    `foreign` is True if it was started in another user's folder. `ports` are pairs of
    ("web:80/tcp", host port) of the running containers, which are in `seen`.
    """

    project: str
    directory: str = ""
    ours: bool = False
    foreign: bool = False
    containers: int = 0
    running: int = 0
    ports: tuple[tuple[str, int], ...] = ()
    seen: tuple[ObservedService, ...] = ()


@dataclass(frozen=True, slots=True)
class StaleFile:
    """A file or folder that composeports made and no longer needs, and its project."""

    path: str
    kind: str
    project: str = ""


@dataclass(frozen=True, slots=True)
class LinkedEnvFile:
    """A project directory whose `.env` is linked to a project (`composeports link`)."""

    directory: str
    path: str
    project: str


@dataclass(frozen=True, slots=True)
class LabelTwin:
    """Another engine with this engine's id, as leases show it.

    `sure` is False if it may be the same engine. `place` is the name of its machine, if known;
    `folder` is the data folder of this engine.
    """

    id: str
    place: str
    folder: str
    leases: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts; None means unknown. Times are seconds since the epoch.

    `gone` are the ids of sessions whose worktree is deleted. `elsewhere` are the ids of sessions
    whose stack is, or may be, on another engine with this engine's id.
    """

    engine: EngineFacts = field(default_factory=EngineFacts)
    compose: ComposeFacts = field(default_factory=ComposeFacts)
    store: StoreFacts = field(default_factory=StoreFacts)
    settings: tuple[Problem, ...] = ()
    state: tuple[Item, ...] = ()
    sessions: tuple[Lease, ...] = ()
    gone: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    twins: tuple[LabelTwin, ...] = ()
    stacks: tuple[EngineStack, ...] | None = ()
    grid: PortGrid | None = None
    kernel: KernelPorts | None = None
    listening: frozenset[tuple[int, str]] = frozenset()
    pools: tuple[tuple[str, int], ...] = ()
    subnets: tuple[str, ...] | None = ()
    strays: tuple[StaleFile, ...] = ()
    links: tuple[LinkedEnvFile, ...] = ()
    now: float = 0.0
