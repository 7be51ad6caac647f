"""`composeports doctor` on a real engine: a good stack has no findings, every drift has one."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engine import docker, engine
from tests.harness.program import run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session

pytestmark = pytest.mark.e2e

COMPOSE = stack({"web": {"ports": ["${WEB_PORT:-8080}:80", "53:53/udp"]}, "db": {}})


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": COMPOSE})


@pytest.fixture
def here(repository: Repository) -> Session:
    """A session whose stack is up."""
    repository.main.ok("up")
    return repository.main


def document(session: Session, *words: str, **variables: str) -> dict[str, Any]:
    """Return the report, whose `ok` is the exit code."""
    done = session.run("doctor", "--json", *words, **variables)
    assert done.err == ""
    report: dict[str, Any] = done.document
    assert done.code == (0 if report["ok"] else 1), done.out
    return report


def found(session: Session, *words: str) -> list[str]:
    """Return "check: what" for each finding about this test's sessions and files.

    Others use the engine, too: their stacks are none of this store's.
    """
    return [
        f"{each['check']}: {each['what']}"
        for each in document(session, *words)["findings"]
        if each["level"] != "note" and not _is_of_others(each, session)
    ]


def _is_of_others(finding: dict[str, Any], session: Session) -> bool:
    below = str(session.directory.parent)
    return (
        finding["check"] == "stacks"
        and below not in json.dumps(finding)
        and (session.known_project not in finding["what"] or not session.known_project)
    )


def test_with_a_stack_up_all_is_well(here: Session, tmp_path: Path) -> None:
    before = {str(each): each.stat().st_mtime_ns for each in here.directory.rglob("*")}
    assert here.project
    assert found(here) == []
    report = document(here)
    assert report["facts"]["engine"]["version"]
    assert report["facts"]["compose"]["version"]
    assert {str(each): each.stat().st_mtime_ns for each in here.directory.rglob("*")} == before
    lines = here.run("doctor").out.splitlines()
    fine = [each.split()[1] for each in lines if each.startswith("ok ")]
    assert {"settings", "engine", "compose", "store", "rights", "leases", "ports"} <= set(fine)
    plain = tmp_path / "plain"
    plain.mkdir()
    assert found(Session(plain, here.environ, here.project)) == []


def test_stopped_stacks_and_stacks_with_profiles_are_no_drift(here: Session) -> None:
    assert here.project
    here.ok("stop")
    assert found(here) == []
    here.ok("start")
    assert found(here) == []


def shown(session: Session) -> str:
    return f"{session.directory.name} ({session.project})"


def test_a_released_session_leaves_nothing_to_find(here: Session) -> None:
    assert here.project
    here.ok("down", "-t", "0")
    assert found(here) == []


def test_a_stack_that_was_taken_away_by_hand_is_found_and_down_settles_it(here: Session) -> None:
    project = here.project
    docker("compose", "--project-name", project, "--project-directory", "/", "down", "-t", "0")
    (told,) = found(here)
    assert told == f"stacks: {shown(here)} holds a lease for a stack that has no containers"
    here.ok("down")
    assert found(here) == []


def test_a_stack_whose_store_was_lost_is_found_and_up_settles_it(here: Session) -> None:
    project, ids = here.project, here.ids()
    for each in here.state.glob("leases*"):
        each.unlink()
    report = document(here)
    (finding,) = [each for each in report["findings"] if project in each["what"]]
    assert finding["what"] == f"the stack {project} has 2 containers (2 running) and no lease"
    assert f"cd {here.directory} && composeports up --adopt" in finding["next_step"]
    here.ok("up", "--adopt")
    assert found(here) == []
    # Its containers are made anew, with labels that name the new store.
    assert set(here.containers("running")) == set(ids)


def test_a_port_that_somebody_changed_is_found_and_up_settles_it(here: Session) -> None:
    project, leased = here.project, here.row["ports"]["web:80/tcp"]
    image = docker("inspect", "--format", "{{.Config.Image}}", f"{project}-web-1").strip()
    labels = json.loads(
        docker("inspect", "--format", "{{json .Config.Labels}}", f"{project}-web-1")
    )
    docker("rm", "--force", f"{project}-web-1")
    other = leased + 7
    words = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    words += ["--network", f"{project}_default", "--publish", f"{other}:80"]
    docker("run", "--detach", "--name", f"{project}-web-1", *words, image)
    assert found(here) == [
        f"stacks: web:80/tcp of {shown(here)} is published on {other}; its lease says {leased}"
    ]
    docker("rm", "--force", f"{project}-web-1")
    here.ok("up")
    assert found(here) == []


def test_a_worktree_that_was_removed_is_found(repository: Repository) -> None:
    gone, stays = repository.worktree("gone"), repository.main
    gone.ok("up")
    project = gone.project
    repository.git("worktree", "remove", "--force", str(gone.directory))
    shutil.rmtree(gone.directory, ignore_errors=True)
    stays.known_project = project
    assert found(stays) == [
        f"leases: gone ({project}) holds ports for {gone.directory}, which does not exist"
    ]
    assert engine().resources(project, "container"), "it only looks"
    docker("compose", "--project-name", project, "--project-directory", "/", "down", "-t", "0")


def test_fix_touches_no_container_and_no_lease(here: Session) -> None:
    ids, row = here.ids(), here.row
    state = here.state
    state.chmod(0o755)
    stray = here.directory / ".composeports" / ".env.99999999.new"
    stray.touch()
    report = document(here, "--fix")
    assert found(here) == []
    assert sorted(report["fixed"]) == sorted(
        [f"{state} has the rights 0700 now", f"removed {stray}"]
    )
    assert (here.ids(), here.row["ports"]) == (ids, row["ports"])
    assert here.own_env


def test_an_engine_that_is_away_still_gets_a_report(here: Session) -> None:
    assert here.project
    report = document(here, DOCKER_HOST="unix:///nowhere.sock")
    (finding,) = [each for each in report["findings"] if each["level"] != "note"]
    assert finding["check"] == "engine"
    assert "unix:///nowhere.sock" in finding["why"]
    assert len(report["facts"]["sessions"]) == 1


def test_every_next_step_that_is_a_command_can_be_run(here: Session) -> None:
    """The command for a lost stack, as the page shows it."""
    assert here.project
    for each in here.state.glob("leases*"):
        each.unlink()
    (finding,) = [each for each in document(here)["findings"] if here.project in each["what"]]
    command = finding["next_step"].partition(" (")[0]
    done = run("sh", "-c", command, cwd=Path("/"), environ={**here.environ, "PWD": os.sep})
    assert done.code == 0, done.err
    assert found(here) == []
