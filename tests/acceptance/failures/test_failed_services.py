"""On a terminal, `up --wait` shows one line that names the services still starting."""

import re

import pytest

from tests.harness.engine import docker
from tests.harness.program import PROGRAM
from tests.harness.repository import stack
from tests.harness.session import MakeRepository
from tests.harness.terminal import at_terminal
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

WAITS_FOR_FILE = stack(
    {
        name: {
            "healthcheck": {
                "test": ["CMD", "test", "-e", "/ready"],
                "interval": "0.2s",
                "retries": 10000,
            }
        }
        for name in ("api", "db")
    }
)


def test_a_terminal_shows_one_line_that_is_erased(make_repository: MakeRepository) -> None:
    session = make_repository({"compose.yaml": WAITS_FOR_FILE}).main
    project = session.project
    with at_terminal(session, PROGRAM, "up", "--wait") as program:
        program.says("still starting: api, db (")
        docker("exec", f"{project}-api-1", "touch", "/ready")
        program.says("still starting: db (")
        docker("exec", f"{project}-db-1", "touch", "/ready")
        assert program.ends() == 0
        assert "\r\x1b[K" in program.said
        assert "still starting: api, db\r\n" not in program.said


def test_down_ends_a_stack_that_is_waited_for(make_repository: MakeRepository) -> None:
    session = make_repository({"compose.yaml": WAITS_FOR_FILE}).main
    with at_terminal(session, PROGRAM, "up", "--wait") as program:
        program.says("still starting: api, db (")
        session.ok("down", "-t", "0")
        assert program.ends() == 1
        # A container that was just killed may be seen before it is removed.
        assert re.search("removed while `up` waited: api|nothing of ac-", program.said)
    wait_until(lambda: session.resources_of() == [], "nothing is left")
    assert session.json("status") == []
