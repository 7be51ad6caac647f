"""What `doctor` has seen of the machine, the engine and the store; plain values."""

from dataclasses import dataclass, field

from composeports.core.lease import Lease
from composeports.core.ports import KernelPorts, PortGrid
from composeports.core.service_state import ObservedService


@dataclass(frozen=True, slots=True)
class Problem:
    """An error that a part of ours would have told: what, and the next step."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The engine that `docker` talks to; `trouble` where it did not answer.

    `reached` is where its published ports are, where it is a remote one; `secured` tells that
    nobody on the way to it can listen or talk to it; a question to it takes so many milliseconds.
    `network`, `dns`, `lingers`: what makes Podman's networks, whether its name server is there,
    and whether its user's programs outlive a login; None or empty where that is not known. Where no
    engine answers, `sockets` are those of others that are there.
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
    """The Compose plugin; `builds` tells that the Compose files here build images.

    `classic`: the environment asks for builds without BuildKit.
    """

    version: str = ""
    trouble: Problem | None = None
    builds: bool = False
    buildx: bool = True
    classic: bool = False


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The lease store; `format` 0 where there is none yet.

    Of one on a server: its version, how many seconds a round trip takes, how many seconds its clock
    is ahead of ours, the rights that its user lacks, each with the statement that grants it, and
    the statements that revoke rights which no user needs.
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
        """Whether the leases that were seen are all that there are."""
        return self.trouble is None and not self.lacking


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder in the state directory, the directory itself first."""

    path: str
    mode: int
    mine: bool = True
    folder: bool = False


@dataclass(frozen=True, slots=True)
class EngineStack:
    """What the engine has of one Compose project.

    `ours`: its containers were started with an override document of ours. `foreign`: from a folder
    of another user. `ports` are ("web:80/tcp", host port) of the running ones, which are `seen`.
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
    """A file or folder of ours that nobody needs any more, and whose it was."""

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
    """Another engine with this one's id, as leases show it; `sure` tells that it is another one.

    `place` is its machine, as far as that is known; `folder` is where this engine's data is.
    """

    id: str
    place: str
    folder: str
    leases: int
    sure: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it; None is what is not known. Times are seconds since the epoch.

    `gone` and `elsewhere` are sessions: their worktrees are gone, or their stacks are, or may be,
    on another engine with this one's id.
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
