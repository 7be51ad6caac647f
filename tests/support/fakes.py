"""Fakes for the use cases: engine, ports, clock and messages that tests control."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from composeports.config import Config, PortAllocatorConfig
from composeports.docker.containers import Container
from composeports.docker.engine import Engine, Listing
from composeports.docker.resource_labels import MarkListing, OwnLabels
from composeports.errors import EngineError
from composeports.host.port_listeners import NOBODY_SEEN, PortListener
from composeports.host.process import Finished
from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.session import Session

Port = tuple[int, str]
NOON = 43200.0


class _Nothing:
    """A program that has ended already."""

    def finish(self) -> Finished:
        """Return an empty answer."""
        return Finished(0)

    def stop(self) -> None:
        """Do nothing."""


class _FakeListing(Listing):
    """An answer that is computed when it is read."""

    def __init__(self, engine: "FakeEngine", project: str | None) -> None:
        super().__init__(engine, _Nothing())
        self._fake = engine
        self._project = project

    def containers(self) -> tuple[Container, ...]:
        """Return what the fake engine has now."""
        if self._fake.away:
            message = "the Docker engine did not answer: it is away"
            raise EngineError(message, hint="start the engine")
        return tuple(each for each in self._fake.present if self._project in {None, each.project})


class _NoMarks(MarkListing):
    """An answer that there are no volumes and networks, while the engine is there."""

    def __init__(self, engine: "FakeEngine", project: str) -> None:
        self._fake = engine
        self._project = project

    def labels(self) -> dict[str, OwnLabels]:
        """Return nothing; EngineError while the fake engine is away."""
        if self._fake.away:
            message = "the Docker engine did not answer: it is away"
            raise EngineError(message, hint="start the engine")
        return {}


class FakeEngine(Engine):
    """An engine that has the containers that it is given, until it is `away`."""

    def __init__(self) -> None:
        super().__init__({})
        self.present: list[Container] = []
        self.bindings: dict[str, frozenset[Port]] = {}
        self.away = False
        self.kept_volumes: set[str] = set()

    def add(
        self,
        project: str,
        *ports: tuple[int, int, str],
        state: str = "running",
        service: str = "web",
    ) -> Container:
        """Add a container; a stopped one shows no ports and keeps its bindings."""
        identity = f"{len(self.present):064x}"
        shown = ports if state == "running" else ()
        container = Container(identity, state, project, service, shown)
        self.present.append(container)
        self.bindings[identity] = frozenset((host, protocol) for host, _, protocol in ports)
        return container

    def start_listing(self, project: str | None = None) -> Listing:
        """Return an answer about all containers, or those of one project."""
        return _FakeListing(self, project)

    def start_mark_listing(self, project: str) -> MarkListing:
        """Return the answer that nothing of the project is left."""
        return _NoMarks(self, project)

    def reserved_ports(self, containers: Iterable[Container]) -> frozenset[Port]:
        """Return what the containers publish, running or not."""
        return frozenset().union(*(self.bindings[each.id] for each in containers))

    def networks(self, project: str) -> tuple[str, ...]:
        """Return one network for each project that has containers."""
        return tuple({each.project for each in self.present if each.project == project})

    def volumes(self, project: str) -> tuple[str, ...]:
        """Return one volume if the project is one of `kept_volumes`."""
        if self.away:
            message = "the Docker engine did not answer: it is away"
            raise EngineError(message, hint="start the engine")
        return (f"{project}_data",) if project in self.kept_volumes else ()


class FakePorts:
    """Which ports of the machine are taken, and which were asked for."""

    def __init__(self) -> None:
        self.used: set[Port] = set()
        self.holders: dict[Port, PortListener] = {}
        self.asked: list[frozenset[Port]] = []

    def taken(self, wanted: Iterable[Port]) -> frozenset[Port]:
        """Return those of `wanted` that are in use."""
        asked = frozenset(wanted)
        self.asked.append(asked)
        return asked & self.used

    def holder(self, port: Port) -> PortListener:
        """Return the process that the test says has the port."""
        return self.holders.get(port, NOBODY_SEEN)


class FakeClock:
    """A clock that only changes when a test moves it."""

    def __init__(self) -> None:
        self.seconds = NOON

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return self.seconds

    def pass_minutes(self, minutes: float) -> None:
        """Move the clock forward."""
        self.seconds += minutes * 60


@dataclass
class FakeMachine:
    """One machine with a store, an engine, ports and a clock, for several sessions."""

    cwd: Path
    settings: PortAllocatorConfig = field(
        default_factory=lambda: PortAllocatorConfig(20000, 10, 30, 3)
    )
    store: Store = field(default_factory=MemoryStore)
    engine: FakeEngine = field(default_factory=FakeEngine)
    ports: FakePorts = field(default_factory=FakePorts)
    clock: FakeClock = field(default_factory=FakeClock)
    said: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    on_pause: Callable[[], object] = lambda: None

    def context(self, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Context:
        """Return the doors to this machine."""
        return Context(
            environ=environ or {},
            cwd=str(cwd or self.cwd),
            config=Config(port_allocator=self.settings),
            store=self.store,
            engine=self.engine,
            now=self.clock.now,
            find_taken_ports=self.ports.taken,
            find_port_holder=self.ports.holder,
            sleep=self.pause,
            report=self.said.append,
        )

    def pause(self, seconds: float) -> None:
        """Take no time, and run the test's action for this moment."""
        self.pauses.append(seconds)
        self.on_pause()

    def session(self, name: str | None = None, cwd: Path | None = None) -> Session:
        """Return the Session for a session name, or for the folder."""
        return Session(self.context(cwd=cwd), Options(session=name))
