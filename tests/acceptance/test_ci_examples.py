"""The shell steps of the CI examples on a real engine, as a runner runs them, without installing.

They are read from the templates; a unit test checks that docs/ci.md shows the same text.
"""

import pytest

from tests.harness.program import Done
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.support.ci_jobs import ALWAYS, KINDS, ON_FAILURE, ON_SUCCESS, steps_of

pytestmark = pytest.mark.e2e


def job(session: Session, kind: str) -> tuple[bool, str]:
    """Run the job's steps; return True if it passed, and its whole output."""
    passed, printed = True, ""
    for step in steps_of(kind):
        wanted = {ALWAYS: True, ON_SUCCESS: passed, ON_FAILURE: not passed}[step.when]
        if wanted and not step.is_installing:
            done: Done = session.shell(step.script)
            passed = passed and (not done.code or step.when == ALWAYS)
            printed += done.out + done.err
    return passed, printed


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_runs_tests_on_the_stack_and_leaves_nothing(
    make_repository: MakeRepository, kind: str
) -> None:
    service = {"command": ["sh", "-c", "exec httpd -f -p 80"], "ports": ["8080:80"]}
    session = make_repository({"compose.yaml": stack({"web": service})}).main
    project = session.project
    passed, printed = job(session, kind)
    assert passed, printed
    assert f"tests of {project}\n" in printed
    assert session.resources_of() == []
    assert session.json("status") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_whose_stack_fails_shows_the_logs_and_leaves_nothing(
    make_repository: MakeRepository, kind: str
) -> None:
    service = {"command": ["sh", "-c", "echo no room left; exit 1"], "ports": ["8080:80"]}
    session = make_repository({"compose.yaml": stack({"web": service})}).main
    assert session.project
    passed, printed = job(session, kind)
    assert not passed
    assert "no room left" in printed
    assert "tests of" not in printed
    assert session.resources_of() == []
    assert session.json("status") == []
