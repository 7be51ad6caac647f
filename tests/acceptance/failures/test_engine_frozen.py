"""A frozen engine (SIGSTOP) is "unknown" within the time limit; no lease is lost."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.conftest import (
    PROGRAM,
    TINY,
    Done,
    MakeRepository,
    Session,
    run,
    stack,
    wait_until,
)
from tests.acceptance.failures.conftest import WEB, at_terminal, leases
from tests.support.compose_gate import around_compose_up
from tests.support.machine import frozen
from tests.support.patience import HANG

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
# Taken before the guards give each test a home of its own: our engines live in the real one.
HOME = os.environ.get("HOME", "/")
LIMIT = {"COMPOSEPORTS_ENGINE_TIMEOUT": "3"}
ALWAYS = stack({"web": {"ports": ["8080:80", "5353:53/udp"], "restart": "always"}})


@dataclass(frozen=True)
class OwnEngine:
    """A private engine for the test, with the ports of a separate machine."""

    name: str
    folder: Path
    namespace: str

    @property
    def pid(self) -> int:
        """The engine's process id."""
        return int((self.folder / "docker.pid").read_text())

    def frozen(self) -> AbstractContextManager[None]:
        """Stop the engine (SIGSTOP): it accepts connections, and answers none."""
        return frozen(self.pid)

    def run(self, session: Session, *arguments: str) -> Done:
        """Run `composeports` on the engine's machine."""
        inside = ("nsenter", f"--net=/run/netns/{self.namespace}", "--")
        environ = {**session.environ, "PWD": str(session.directory)}
        return run(*inside, PROGRAM, *arguments, cwd=session.directory, environ=environ)


def switch(name: str, verb: str, *options: str) -> str:
    """Call scripts/engine.py, which must succeed."""
    argv = [sys.executable, str(ROOT / "scripts/engine.py"), verb, "--name", name, *options]
    done = run(*argv, cwd=ROOT, environ={**os.environ, "HOME": HOME})
    assert done.code == 0, done.err
    return done.out


@pytest.fixture
def engine(environ: dict[str, str]) -> Iterator[OwnEngine]:
    """Start an engine of the test's own, with the tiny image; remove all of it at the end."""
    name = f"frozen-{os.getpid()}"
    switch(name, "start", "--netns")
    try:
        exports = switch(name, "env").splitlines()
        place = dict(each.removeprefix("export ").split("=", 1) for each in exports)
        environ["DOCKER_HOST"] = place["DOCKER_HOST"]
        folder = Path(place["DOCKER_HOST"].removeprefix("unix://")).parent
        image = subprocess.run(["docker", "save", TINY], capture_output=True, check=True).stdout
        subprocess.run(["docker", "load"], input=image, env=environ, check=True)
        yield OwnEngine(name, folder, place["COMPOSEPORTS_DEV_NETNS"])
    finally:
        switch(name, "stop")


def test_a_frozen_engine_is_unknown_and_nothing_is_lost(
    make_repository: MakeRepository, engine: OwnEngine
) -> None:
    one = make_repository({"compose.yaml": WEB}).main
    ports = one.json("up")["ports"]
    with engine.frozen():
        for command in (
            ["up"],
            ["down"],
            ["down", "-v"],
            ["release"],
            ["gc"],
            ["allocate", "--session", "another"],
        ):
            done = one.run(*command, **LIMIT)
            assert done.code == 69, f"{command}: {done.err}"
            assert "did not answer within 3 s" in done.err
        status = one.run("status", "--json", **LIMIT)
        assert [each["state"] for each in json.loads(status.out)] == ["unknown"]
        plan = one.run("plan", "--json", **LIMIT)
        assert (plan.code, json.loads(plan.out)["ports"]) == (0, ports), plan.err
        assert one.ok("url", "web", **LIMIT).strip().endswith(str(ports["web:80/tcp"]))
        assert one.ok("env", **LIMIT)
        assert one.ok("config", **LIMIT)
        doctor = one.run("doctor", **LIMIT)
        assert doctor.code == 1
        assert "did not answer within 3 s" in doctor.out
    assert leases(one)[0]["state"] == "running"
    assert one.json("up")["ports"] == ports
    one.ok("down", "-t", "0")
    assert leases(one) == []


def test_up_that_has_begun_waits_for_a_frozen_engine_and_says_so(
    make_repository: MakeRepository, engine: OwnEngine, environ: dict[str, str], tmp_path: Path
) -> None:
    one = make_repository({"compose.yaml": WEB}).main
    pid = engine.pid

    def freeze(_count: int) -> None:
        os.kill(pid, signal.SIGSTOP)

    try:
        with (
            around_compose_up(environ, tmp_path / "gate", freeze),
            at_terminal(Session(one.directory, {**environ, **LIMIT}), PROGRAM, "up") as up,
        ):
            up.says("waiting for the Docker engine at unix://")
            assert up.process.poll() is None
            os.kill(pid, signal.SIGCONT)
            assert up.ends(HANG) == 0, up.said
    finally:
        os.kill(pid, signal.SIGCONT)
    assert leases(one)[0]["state"] == "running"


def test_a_stack_that_the_engine_starts_at_boot_keeps_its_ports(
    make_repository: MakeRepository, engine: OwnEngine
) -> None:
    one = make_repository({"compose.yaml": ALWAYS}).main
    first = engine.run(one, "up", "--json")
    assert first.code == 0, first.err
    ports = json.loads(first.out)["ports"]
    for _ in range(3):
        switch(engine.name, "stop", "--keep")
        script = str(ROOT / "scripts/engine.py")
        starting = subprocess.Popen(
            [sys.executable, script, "start", "--netns", "--name", engine.name],
            cwd=ROOT,
            env={**os.environ, "HOME": HOME},
            stdout=subprocess.DEVNULL,
        )

        def come_up() -> Done | None:
            done = engine.run(one, "up", "--json")
            return done if done.code == 0 else None

        done = wait_until(come_up, "a stack that is up")
        assert starting.wait(HANG) == 0
        assert done is not None
        assert "another block" not in done.err
        assert json.loads(done.out)["ports"] == ports
    assert engine.run(one, "down", "-t", "0").code == 0
