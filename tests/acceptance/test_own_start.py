"""`up` while another program starts the session's own containers: the ports stay."""

import random
import subprocess
import time
from collections.abc import Sequence

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session

pytestmark = pytest.mark.e2e

TRIES = 10
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
SERVICES = stack(
    {
        "dns": {"ports": ["5432:5432", "5433-5434:5433-5434", "5353:53/udp"]},
        "web": {"ports": ["8080:80"]},
    }
)
STARTS = ("docker start", "docker compose start", "docker restart --time 0")


def started(session: Session, how: str) -> Sequence[str]:
    """Return the command by which something else starts the session's stack."""
    if how == "docker compose start":
        return ("docker", "compose", "-p", session.project, "start")
    return (*how.split(), *session.ids().values())


@pytest.mark.parametrize("how", STARTS)
def test_own_containers_that_are_being_started_are_no_strangers(
    make_repository: MakeRepository, how: str
) -> None:
    one = make_repository({"compose.yaml": SERVICES}).main
    ports = one.json("up")["ports"]
    chosen = random.Random(7)
    for attempt in range(TRIES):
        docker("stop", "--time", "0", *one.ids().values())
        program, *words = started(one, how)
        with one.start(*words, program=program, **QUIET) as starting:
            # The moment is the input of each try: `up` comes somewhere in the start, and waiting
            # for a state would choose it.
            time.sleep(chosen.uniform(0.05, 0.6))
            done = one.run("up")
            starting.wait()
        assert done.code == 0, done.err
        assert "move to another block" not in done.err, f"try {attempt}: {done.err}"
        assert "another engine" not in done.err
        assert one.row["ports"] == ports
    one.ok("down", "-t", "0")
