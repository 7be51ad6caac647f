"""Run a unit's three stacks at once on the engine with stand-ins, and remove them afterwards."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from corpuskit.knock import wrong_answers
from corpuskit.measure import Failure, Measured, Measurement, Session
from corpuskit.programs import PROGRAM, CallError, Programs, document, reason
from corpuskit.published import moved_ports
from corpuskit.reading import Json, mapping
from corpuskit.standin import PYTHON, Expected, externals, stand_in

PROJECT_LABEL = "com.docker.compose.project"
OWN_LABEL = "composeports.corpus"
SECONDS = 900


@dataclass
class Ground:
    """What the stacks find on the engine: images to stand in, external networks and volumes."""

    programs: Programs
    spoken: tuple[str, ...] = ("tcp",)
    made: list[tuple[str, str]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def provide(self, kind: str, name: str) -> None:
        """Make one, unless it is there."""
        with self._lock:
            place = self.programs.home
            if self.programs.run(["docker", kind, "inspect", name], place).code:
                self.made.append((kind, name))
                argv = ["docker", kind, "create", "--label", f"{OWN_LABEL}=1", name]
                self.programs.run(argv, place)

    def missing(self) -> str:
        """Return what the measurement lacks on the engine; empty if it lacks nothing."""
        home = self.programs.home
        for argv in (("docker", "compose", "version"), ("docker", "version")):
            done = self.programs.run(argv, home)
            if done.code:
                return f"`{' '.join(argv)}` fails: {reason(done)}; try scripts/with-engine"
        if not self.programs.run(["docker", "image", "inspect", PYTHON], home).code:
            self.spoken = ("tcp", "udp")
        return ""

    def remove(self) -> None:
        """Remove the resources that were created."""
        for kind, name in self.made:
            argv = ["docker", kind, "rm", name]
            self.programs.run(argv, self.programs.home, always=True)


@dataclass
class Stacks:
    """The three stacks of one unit."""

    measurement: Measurement
    ground: Ground

    def try_out(self, result: Measured) -> None:
        """Start the stacks, ask every port who answers, stop them; failures go to the result."""
        try:
            result.failures.extend(self._try_out(result))
        finally:
            for session in result.sessions:
                self._remove(session.project)

    def _try_out(self, result: Measured) -> Iterator[Failure]:
        expected: list[Expected] = []
        left_out: dict[str, str] = {}
        for session in result.sessions:
            for kind, name in externals(session.merged):
                self.ground.provide(kind, name)
            standing_in = stand_in(session.merged, self.ground.spoken)
            path = self.measurement.place / f"stand-in-{session.name}.yaml"
            path.write_text(standing_in.document)
            left_out |= standing_in.left_out
            if set(standing_in.left_out) == set(mapping(session.merged.get("services"))):
                continue
            up = self._up(session)
            if isinstance(up, Failure):
                yield up
                return
            expected += standing_in.expected
            before, after = mapping(session.plan.get("ports")), mapping(up.get("ports"))
            for detail in moved_ports({key: before[key] for key in before if key in after}, after):
                yield Failure("up moves a port", f"{session.name}: {detail}")
        for detail in wrong_answers(expected):
            yield Failure("wrong answer", detail)
        result.up |= {"ports": len(expected), "left_out": left_out}
        for session in result.sessions:
            yield from self._down(session)

    def _ours(self, session: Session, *arguments: str) -> list[str]:
        path = self.measurement.place / f"stand-in-{session.name}.yaml"
        return [PROGRAM, *session.options, "-f", str(path), *arguments]

    def _up(self, session: Session) -> Json | Failure:
        argv = self._ours(session, "up", "--json", "--pull", "never")
        done = self.measurement.programs.run(argv, session.checkout, seconds=SECONDS)
        try:
            return document(done)
        except CallError as error:
            said = " ".join(done.err.split()[-60:])
            return Failure("up fails", f"{session.name}: {error} | {said}")

    def _down(self, session: Session) -> Iterator[Failure]:
        argv = self._ours(session, "down", "--volumes", "--timeout", "0")
        done = self.measurement.programs.run(argv, session.checkout, seconds=SECONDS)
        if done.code:
            yield Failure("down fails", f"{session.name}: {reason(done)}")
        left = [*self._left(session.project)]
        if left:
            yield Failure("down leaves", f"{session.name}: {left[0][0]} {left[0][1]}")

    def _left(self, project: str) -> Iterator[tuple[str, str]]:
        """Yield (kind, id) of all that the engine has of a project."""
        only = ("--filter", f"label={PROJECT_LABEL}={project}")
        asks = {
            "container": ("ps", "--all", "--quiet", *only),
            "network": ("network", "ls", "--quiet", *only),
            "volume": ("volume", "ls", "--quiet", *only),
        }
        programs = self.measurement.programs
        for kind, ask in asks.items():
            done = programs.run(["docker", *ask], programs.home, always=True)
            yield from ((kind, name) for name in done.out.split())

    def _remove(self, project: str) -> None:
        """Remove everything that is left of a project."""
        if not project:
            return
        programs = self.measurement.programs
        for kind, name in self._left(project):
            force = ("--force", "--volumes") if kind == "container" else ()
            programs.run(["docker", kind, "rm", *force, name], programs.home, always=True)
