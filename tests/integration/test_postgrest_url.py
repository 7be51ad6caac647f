"""The PostgREST URL for tests on a stack: the session's port, else the default port."""

import sys
from pathlib import Path

import pytest

from tests.harness.program import PROGRAMS, output
from tests.support.machine import Shell

pytestmark = pytest.mark.integration

CONFTEST = Path(__file__).with_name("conftest.py")
ASK = "import runpy, sys; print(runpy.run_path(sys.argv[1])['POSTGREST_URL'])"


def asked(shell: Shell, *before: str) -> str:
    """Return the URL in a pytest that is started in this shell."""
    argv = (*before, sys.executable, "-c", ASK, str(CONFTEST))
    environ = {**shell.environ, "PYTHONPATH": str(CONFTEST.parents[2])}
    return output(*argv, cwd=shell.cwd, environ=environ).strip()


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        pytest.param({}, "http://localhost:3000", id="not set"),
        pytest.param({"AGENT_COORDINATOR_REST_PORT": ""}, "http://localhost:3000", id="empty"),
        pytest.param({"AGENT_COORDINATOR_REST_PORT": "10001"}, "http://localhost:10001", id="set"),
    ],
)
def test_the_url_follows_the_variable(shell: Shell, port: dict[str, str], expected: str) -> None:
    assert asked(shell.having(**port)) == expected


def test_the_url_is_that_of_the_session(shell: Shell) -> None:
    lease = shell.run("allocate", "--json").document
    program = str(PROGRAMS / "composeports")
    assert asked(shell, program, "env", "--") == f"http://localhost:{lease['rest_port']}"


def test_a_test_gets_it_as_a_fixture(postgrest_url: str) -> None:
    assert postgrest_url.startswith("http://localhost:")
