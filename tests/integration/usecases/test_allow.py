"""`allow`: which record lets the commands of a repository run, and which does not."""

import os
from pathlib import Path

import pytest

from composeports.host import record_file
from tests.harness.program import output
from tests.harness.repository import make_repository
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

SETTINGS = '[after]\nfirst-up = "touch first"\nup = """\ntouch each\ntouch more"""\n'
FILES = {"compose.yaml": "services: {web: {image: scratch}}\n", "composeports.toml": SETTINGS}


@pytest.fixture
def shop(shell: Shell, docker: FakeDocker) -> Shell:
    """A main checkout whose settings name commands."""
    docker.publish(web=8080)
    return shell.using(docker).at(make_repository(shell.cwd / "shop", FILES))


@pytest.fixture
def worktree(shop: Shell) -> Shell:
    path = shop.cwd.parent / "feature"
    output("git", "-C", shop.cwd, "worktree", "add", "-q", path)
    return shop.at(path)


def records(shop: Shell) -> list[Path]:
    return [*(shop.state / "allowed").iterdir()]


def assert_refused(shell: Shell) -> None:
    """`up` fails before anything is changed, and shows what it would run."""
    done = shell.run("up", "--json")
    assert (done.code, done.document["error"]["code"]) == (78, "not_allowed")
    assert done.document["error"]["details"]["commands"]["first-up"] == "touch first"
    assert shell.run("status", "--json").document == []
    assert not (shell.cwd / ".composeports").exists()
    assert not (shell.cwd / "first").exists()


def assert_allowed(shell: Shell) -> None:
    """A dry run needs no permission, so what counts is that `up` gets as far as Compose."""
    done = shell.run("up", "--json")
    assert "error" not in done.document or done.document["error"]["code"] == "compose_failed"


def test_nothing_runs_until_it_is_allowed(shop: Shell) -> None:
    assert_refused(shop)
    done = shop.run("up")
    assert "first-up: touch first\n  up: touch each\n    touch more\n" in done.err
    assert "`composeports allow` allows them; `composeports up --no-after`" in done.err
    assert shop.run("up", "--no-after").code == 0
    assert shop.run("up", "--dry-run").code == 0


def test_one_permission_is_for_all_worktrees(shop: Shell, worktree: Shell) -> None:
    done = worktree.run("allow")
    assert done.out == "first-up: touch first\nup: touch each\n    touch more\n"
    assert done.err == f"allowed for this user in {shop.cwd}/.git and its worktrees\n"
    assert_allowed(shop)
    assert_allowed(worktree)
    [record] = records(shop)
    assert record.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", [SETTINGS.replace("more", "other"), SETTINGS + "\n# more\n"])
def test_another_text_has_to_be_allowed_again(worktree: Shell, text: str) -> None:
    worktree.run("allow")
    (worktree.cwd / "composeports.toml").write_text(text)
    (assert_refused if "other" in text else assert_allowed)(worktree)


def test_a_permission_can_be_taken_back(shop: Shell) -> None:
    shop.run("allow")
    done = shop.run("allow", "--revoke", "--json")
    assert (done.code, done.document["allowed"]) == (0, False)
    assert records(shop) == []
    assert_refused(shop)
    assert shop.run("allow", "--revoke").code == 0


def test_a_repository_that_names_the_git_folder_of_another_one_gets_nothing(shop: Shell) -> None:
    shop.run("allow")
    hostile = shop.cwd.parent / "hostile"
    hostile.mkdir()
    for name, text in FILES.items():
        (hostile / name).write_text(text)
    (hostile / ".git").write_text(f"gitdir: {shop.cwd}/.git\n")
    assert_refused(shop.at(hostile))


def test_a_record_that_others_may_write_allows_nothing(shop: Shell) -> None:
    shop.run("allow")
    [record] = records(shop)
    record.chmod(0o620)
    assert_refused(shop)
    shop.run("allow")
    assert_allowed(shop)


@pytest.mark.parametrize("kind", ["link", "pipe", "other", "folder", "bytes"])
def test_what_is_no_record_allows_nothing(shop: Shell, kind: str) -> None:
    shop.run("allow")
    [record] = records(shop)
    copy = record.rename(record.parent / "copy")
    if kind == "link":
        record.symlink_to(copy)
    elif kind == "pipe":
        os.mkfifo(record)
    elif kind == "folder":
        record.mkdir()
    else:
        record.write_bytes(b"\xff\n" if kind == "bytes" else f"{'0' * 64}\n".encode())
    assert_refused(shop)


def test_a_record_of_another_user_allows_nothing(tmp_path: Path) -> None:
    found = tmp_path.stat()
    assert record_file.is_own(found)
    assert not record_file.is_own(os.stat_result((*found[:4], found.st_uid + 1, *found[5:])))


def test_without_commands_there_is_nothing_to_allow(shop: Shell) -> None:
    (shop.cwd / "composeports.toml").unlink()
    done = shop.run("allow")
    assert (done.code, done.out) == (0, "")
    assert done.err == "the settings here have no [after], so there is nothing to allow\n"
    assert shop.run("allow", "--json").document["allowed"] is False


@pytest.mark.parametrize("text", ['up = "a\\u001b[2K"', "up = 7", 'up = " "', 'down = "x"'])
def test_what_is_no_command_is_refused(shop: Shell, text: str) -> None:
    (shop.cwd / "composeports.toml").write_text(f"[after]\n{text}\n")
    done = shop.run("allow")
    assert done.code == 78
    assert "after." in done.err


def test_gc_forgets_that_a_command_of_an_unknown_session_is_due(
    shop: Shell, docker: FakeDocker
) -> None:
    due = shop.state / "first-up"
    shop.run("up", "--no-after")
    [record] = due.iterdir()
    (due / "ac-0123abcd").write_text("due\n")
    assert shop.run("gc").code == 0
    assert [*due.iterdir()] == [record]
    docker.answer("ps")
    assert shop.run("down", "-v").code == 0
