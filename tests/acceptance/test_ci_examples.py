"""The shell steps of the CI examples on a real engine, as a runner runs them, without installing.

They are read from the templates and from action.yml; a unit test checks that docs/ci.md shows the
same text.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness.program import Done, run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.support.ci_jobs import ALWAYS, KINDS, ON_FAILURE, ON_SUCCESS, action, steps_of

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


EXPRESSION = re.compile(r"\$\{\{ inputs\.([a-z-]+) \}\}")


def test_the_action_starts_the_stack(make_repository: MakeRepository, tmp_path: Path) -> None:
    service = {"command": ["sh", "-c", "exec httpd -f -p 80"], "ports": ["8080:80"]}
    stopped = {"command": ["sh", "-c", "exit 1"]}
    files = {"deploy/compose.yaml": stack({"web": service, "other": stopped})}
    session = make_repository(files).main
    (step,) = [step for step in action()["runs"]["steps"] if step.get("id") == "up"]
    given = {"up": "--wait  web; touch pwned", "working-directory": "deploy"}
    refused = run_step(session, step, given, tmp_path / "output")
    assert refused.code != 0
    assert not list(session.directory.rglob("pwned"))
    passed = run_step(session, step, {**given, "up": "--wait web"}, tmp_path / "output")
    assert passed.code == 0, passed.err
    below = Session(session.directory / "deploy", session.environ)
    assert (tmp_path / "output").read_text() == f"project={below.project}\n"
    assert list(below.containers("running")) == ["web-1"]
    below.ok("down", "--volumes", "-t", "0")


def run_step(session: Session, step: dict[str, Any], given: dict[str, str], output: Path) -> Done:
    """Run a step of the action as a runner does, with these inputs."""

    def filled(text: str) -> str:
        return EXPRESSION.sub(lambda found: given[found[1]], text)

    assert step["shell"] == "bash"
    assert "${{" not in step["run"]  # an input in a script would be a part of the script
    variables = {name: filled(text) for name, text in step["env"].items()}
    folder = session.directory / filled(step["working-directory"])
    environ = {**session.environ, **variables, "GITHUB_OUTPUT": str(output), "PWD": str(folder)}
    words = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"])
    return run(*words, cwd=folder, environ=environ)
