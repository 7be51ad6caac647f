"""A foreign or unwritable `.composeports`: 78, nothing is changed, no lease is left."""

import os
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import run_with_rights
from tests.harness.session import Session

pytestmark = pytest.mark.e2e


def refused(session: Session) -> None:
    """Check that `up` ends with 78 and leaves neither lease nor container."""
    done = run_with_rights(session, "up", "--json")
    assert done.code == 78, f"{done.out}{done.err}"
    error = done.error
    assert error["code"] == "file_access"
    assert ".composeports" in error["message"]
    assert "nothing was changed" in error["hint"]
    assert session.leases() == []
    assert session.resources_of() == []


def test_a_file_of_that_name_is_left_alone(web: Session) -> None:
    file = web.directory / ".composeports"
    file.write_text("mine\n")
    refused(web)
    assert file.read_text() == "mine\n"
    assert web.run("down").code == 0
    assert file.read_text() == "mine\n"


@pytest.mark.parametrize("there", [True, False], ids=["folder", "dangling"])
def test_a_link_of_that_name_is_not_followed(there: bool, web: Session, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    if there:
        target.mkdir()
        (target / ".env").write_text("mine\n")
    (web.directory / ".composeports").symlink_to(target)
    refused(web)
    assert web.run("down").code == 0
    assert (web.directory / ".composeports").is_symlink()
    assert target.exists() == there
    if there:
        assert [(path.name, path.read_text()) for path in target.iterdir()] == [(".env", "mine\n")]


def test_a_folder_that_cannot_be_written(web: Session) -> None:
    folder = web.directory / ".composeports"
    folder.mkdir()
    folder.chmod(0o555)
    refused(web)
    assert list(folder.iterdir()) == []
    folder.chmod(0o755)
    assert web.json("up")["ports"], "what was in the way is gone"


def test_a_worktree_that_cannot_be_written(web: Session) -> None:
    before = sorted(os.listdir(web.directory))
    web.directory.chmod(0o555)
    try:
        refused(web)
        assert run_with_rights(web, "plan").code == 0
        assert run_with_rights(web, "allocate").code == 0
        assert run_with_rights(web, "release").code == 0
    finally:
        web.directory.chmod(0o755)
    assert sorted(os.listdir(web.directory)) == before


def test_a_folder_that_becomes_unwritable_costs_a_running_stack_nothing(web: Session) -> None:
    ports = web.json("up")["ports"]
    ids = web.ids()
    folder = web.directory / ".composeports"
    web.change("8080}:80", '8080}:80", "9000:90')
    folder.chmod(0o555)
    assert run_with_rights(web, "up").code == 78
    folder.chmod(0o755)
    assert web.ids() == ids
    assert [row["ports"] for row in web.leases()] == [ports]
    web.ok("down", "-t", "0")


def test_what_somebody_else_put_into_the_folder_stays(web: Session) -> None:
    web.ok("up")
    note = web.directory / ".composeports/notes.txt"
    note.write_text("mine\n")
    web.ok("down", "-t", "0")
    assert note.read_text() == "mine\n"
    assert not (note.parent / ".env").exists()
