"""A frozen engine (SIGSTOP) is "unknown" within the time limit; no lease is lost."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.private_engine import PrivateEngine, private_engine
from tests.harness.program import PROGRAM, Done, run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.terminal import at_terminal
from tests.harness.waits import HANG, wait_until
from tests.support.compose_gate import around_compose_up

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[3]
# Taken before the guards give each test a home of its own: our engines live in the real one.
HOME = os.environ.get("HOME", "/")
LIMIT = {"COMPOSEPORTS_ENGINE_TIMEOUT": "3"}
ALWAYS = stack({"web": {"ports": ["8080:80", "5353:53/udp"], "restart": "always"}})


@pytest.fixture
def engine(environ: dict[str, str]) -> Iterator[PrivateEngine]:
    """Start an engine of the test's own; remove all of it at the end."""
    with private_engine("frozen") as made:
        environ["DOCKER_HOST"] = made.exports["DOCKER_HOST"]
        yield made


def run_inside(engine: PrivateEngine, session: Session, *arguments: str) -> Done:
    """Run `composeports` on the engine's machine, where its ports are."""
    environ = {**session.environ, "PWD": str(session.directory)}
    return run(*engine.prefix, PROGRAM, *arguments, cwd=session.directory, environ=environ)


def test_a_frozen_engine_is_unknown_and_nothing_is_lost(
    make_repository: MakeRepository, engine: PrivateEngine
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
        assert [each["state"] for each in status.document] == ["unknown"]
        plan = one.run("plan", "--json", **LIMIT)
        assert (plan.code, plan.document["ports"]) == (0, ports), plan.err
        assert one.ok("url", "web", **LIMIT).strip().endswith(str(ports["web:80/tcp"]))
        assert one.ok("env", **LIMIT)
        assert one.ok("config", **LIMIT)
        doctor = one.run("doctor", **LIMIT)
        assert doctor.code == 1
        assert "did not answer within 3 s" in doctor.out
    assert one.leases()[0]["state"] == "running"
    assert one.json("up")["ports"] == ports
    one.ok("down", "-t", "0")
    assert one.leases() == []


def test_up_that_has_begun_waits_for_a_frozen_engine_and_says_so(
    make_repository: MakeRepository, engine: PrivateEngine, environ: dict[str, str], tmp_path: Path
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
    assert one.leases()[0]["state"] == "running"


def test_a_stack_that_the_engine_starts_at_boot_keeps_its_ports(
    make_repository: MakeRepository, engine: PrivateEngine
) -> None:
    one = make_repository({"compose.yaml": ALWAYS}).main
    first = run_inside(engine, one, "up", "--json")
    assert first.code == 0, first.err
    ports = first.document["ports"]
    for _ in range(3):
        engine.halt()
        starting = Thread(target=engine.start)
        starting.start()

        def come_up() -> Done | None:
            done = run_inside(engine, one, "up", "--json")
            return done if done.code == 0 else None

        done = wait_until(come_up, "a stack that is up")
        starting.join()
        assert done is not None
        assert "another block" not in done.err
        assert done.document["ports"] == ports
    assert run_inside(engine, one, "down", "-t", "0").code == 0
