"""Pipes, devices, links and huge files in place of every file that composeports reads."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from composeports.errors import UnsafeFileError
from composeports.regular_file import LIMIT, open_regular, read_regular
from tests.harness.program import Done
from tests.harness.repository import add_worktree, git
from tests.support.hostile import (
    HARMFUL,
    HOSTILE,
    huge_file,
    identity,
    limit_memory,
    named_pipe,
    place,
)
from tests.support.machine import FakeDocker, Shell, finished

pytestmark = pytest.mark.integration

Make = Callable[[Path], None]
CREATED = ("0" * 40, "1" * 40, "1")


@pytest.fixture
def user(shell: Shell, docker: FakeDocker) -> Shell:
    """A shell with a docker that only answers, and with git."""
    (Path(shell.environ["PATH"]) / "git").symlink_to(shutil.which("git") or "git")
    docker.publish(web=8080)
    return shell.using(docker).having(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")


def run(shell: Shell, *arguments: str) -> Done:
    """Run the program to its end, with an end of the memory that it may take."""
    return finished(shell.start(*arguments, preexec_fn=limit_memory))


# The reader


# A pipe that is opened without O_NONBLOCK hangs.
@pytest.mark.timeout(60)
@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("make", HOSTILE)
def test_what_is_no_small_regular_file_is_refused_at_once(
    tmp_path: Path, make: Make, *, follow: bool
) -> None:
    place(make, tmp_path / "file")
    with pytest.raises(UnsafeFileError) as told:
        read_regular(str(tmp_path / "file"), follow=follow)
    assert str(tmp_path / "file") in told.value.message
    assert told.value.hint
    assert (told.value.code, told.value.exit_code) == ("file_unsafe", 78)


def test_a_file_of_just_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a" * LIMIT)
    assert len(read_regular(str(tmp_path / "file"))) == LIMIT
    (tmp_path / "file").write_bytes(b"a" * (LIMIT + 1))
    with pytest.raises(UnsafeFileError, match="larger than"):
        read_regular(str(tmp_path / "file"))


def test_a_link_is_followed_only_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(str(tmp_path / "link"), follow=True) == b"text"
    with pytest.raises(UnsafeFileError, match="symbolic link"):
        read_regular(str(tmp_path / "link"))


def test_the_null_device_is_an_empty_file_where_links_are_followed() -> None:
    assert read_regular(os.devnull, follow=True) == b""
    with pytest.raises(UnsafeFileError, match="device"):
        read_regular(os.devnull)
    with pytest.raises(UnsafeFileError, match="is a device"):
        read_regular("/dev/zero", follow=True)


def test_a_missing_file_and_a_folder_are_told_as_by_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(str(tmp_path / "missing"))
    with pytest.raises(IsADirectoryError):
        read_regular(str(tmp_path))


def test_no_child_inherits_the_file(tmp_path: Path) -> None:
    number = open_regular(str(tmp_path / "file"), flags=os.O_RDWR | os.O_CREAT)
    assert not os.get_inheritable(number)
    os.close(number)


# Files of a repository


@pytest.mark.parametrize("make", HARMFUL)
@pytest.mark.parametrize("name", [".env", "composeports.toml", "pyproject.toml", "compose.yaml"])
def test_a_repository_with_such_a_file_is_refused_by_name(
    user: Shell, make: Make, name: str
) -> None:
    path = user.cwd / name
    place(make, path)
    for command in (("plan",), ("up",)):
        done = run(user, *command, "--json")
        assert (done.code, done.error["code"]) == (78, "file_unsafe")
        assert str(path) in done.error["message"]
        assert done.error["hint"]
    if name != "compose.yaml":
        done = run(user, "env")
        assert (done.code, done.out) == (78, "")
        assert str(path) in done.err


@pytest.mark.parametrize("make", HARMFUL)
@pytest.mark.parametrize("name", [".env", "composeports.toml", "pyproject.toml", "compose.yaml"])
def test_neither_git_nor_the_check_up_waits_for_such_a_file(
    user: Shell, make: Make, name: str
) -> None:
    assert run(user, "up").code == 0
    place(make, user.cwd / name)
    done = run(user, "hook", "run", "post-checkout", *CREATED)
    assert (done.code, done.out) == (0, "")
    for command in ("doctor", "status", "gc"):
        run(user, command)


@pytest.mark.parametrize("make", HARMFUL)
@pytest.mark.parametrize("name", [".git", ".git/HEAD", ".git/commondir"])
def test_git_s_own_files_are_not_waited_for(user: Shell, make: Make, name: str) -> None:
    place(make, user.cwd / name)
    for command in (("plan",), ("env",), ("hook", "run", "post-checkout", *CREATED)):
        done = run(user, *command)
        # 66: outside of git it is another session, which holds no lease.
        assert done.code in {0, 66, 78}
        assert done.code != 78 or name in done.err


@pytest.mark.parametrize("make", HARMFUL)
def test_the_worktree_of_another_session_does_not_stop_the_clean_up(
    user: Shell, tmp_path: Path, make: Make
) -> None:
    other = add_worktree(user.cwd, tmp_path / "other", "other")
    assert run(user.at(other), "allocate").code == 0
    place(make, other / ".git")
    place(make, user.cwd / ".git" / "worktrees" / "other" / "gitdir")
    done = run(user, "gc", "--json")
    assert done.code == 0
    assert len(run(user, "status", "--json").document) == 1


@pytest.mark.parametrize("make", HARMFUL)
@pytest.mark.parametrize("name", [".env", "compose.override.yaml", ".gitignore"])
def test_such_a_file_in_our_folder_is_replaced_and_never_followed(
    user: Shell, tmp_path: Path, make: Make, name: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    assert run(user, "up").code == 0
    before = (user.cwd / ".composeports" / name).read_text()
    for each in (make, lambda path: path.symlink_to(precious)):
        place(each, user.cwd / ".composeports" / name)
        assert run(user, "up").code == 0
        assert (user.cwd / ".composeports" / name).read_text() == before
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("make", HARMFUL)
@pytest.mark.parametrize(
    ("name", "option"),
    [
        (".envrc", "--direnv"),
        (".mcp.json", "--mcp=claude"),
        (".codex/config.toml", "--mcp=codex"),
        (".github/workflows/composeports.yml", "--ci=github"),
    ],
)
def test_init_leaves_such_a_file(user: Shell, make: Make, name: str, option: str) -> None:
    path = user.cwd / name
    place(make, path)
    before = identity(path)
    done = run(user, "init", option)
    assert done.code == 78
    assert name in done.err
    assert identity(path) == before


@pytest.mark.parametrize("make", HARMFUL)
def test_such_a_file_among_the_skills_is_not_ours(user: Shell, make: Make) -> None:
    assert run(user, "skills", "install").code == 0
    place(make, user.cwd / ".claude" / "skills" / "composeports" / "SKILL.md")
    assert run(user, "skills", "check").code == 1
    assert run(user, "skills", "install").code == 78


@pytest.mark.parametrize("make", HARMFUL)
def test_link_refuses_such_a_list_of_what_git_ignores(user: Shell, make: Make) -> None:
    path = user.cwd / ".git" / "info" / "exclude"
    assert run(user, "up").code == 0
    place(make, path)
    before = identity(path)
    done = run(user, "link", "--json")
    assert (done.code, done.error["code"]) == (78, "file_unsafe")
    assert str(path) in done.error["message"]
    assert identity(path) == before


@pytest.mark.parametrize("make", HARMFUL)
def test_unlink_waits_for_no_such_file(user: Shell, make: Make) -> None:
    assert run(user, "up").code == 0
    place(make, user.cwd / ".env")
    for command in ("link", "unlink"):
        assert run(user, command).code == 78


# Habits of users that stay possible


@pytest.mark.parametrize("name", [".env", "compose.yaml", "composeports.toml"])
def test_a_link_to_a_shared_file_is_followed_as_compose_does(user: Shell, name: str) -> None:
    shared = user.cwd.parent / f"shared-{name}"
    texts = {".env": "A=1\n", "compose.yaml": "services: {}\n", "composeports.toml": "prefix='x'\n"}
    shared.write_text(texts[name])
    (user.cwd / name).unlink(missing_ok=True)
    (user.cwd / name).symlink_to(shared)
    assert run(user, "plan").code == 0
    assert run(user, "up").code == 0
    assert (user.cwd / name).is_symlink()


def test_the_null_device_as_an_env_file_is_no_env_file(user: Shell) -> None:
    assert run(user, "--env-file", os.devnull, "plan").code == 0


# The state directory, where others may write


@pytest.mark.parametrize("make", HARMFUL)
def test_such_files_in_a_shared_state_directory_are_not_waited_for(user: Shell, make: Make) -> None:
    assert run(user, "up").code == 0
    files = [path for path in user.state.rglob("*") if path.is_file()]
    names = {path.relative_to(user.state).parts[0] for path in files}
    assert {"locks", "observed"} <= names
    for path in files:
        if path.parent != user.state:
            place(make, path)
    for command in ("up", "status", "doctor", "gc", "down"):
        done = run(user, command)
        assert done.code in {0, 1, 78}, done.err
        assert done.code != 78 or str(user.state) in done.err


@pytest.mark.parametrize("make", [named_pipe, huge_file])
def test_such_a_file_as_the_store_is_not_waited_for(user: Shell, make: Make) -> None:
    place(make, user.state / "leases.sqlite3")
    for command in ("env", "status", "up", "allocate"):
        assert run(user, command).code == 78


def test_git_ignores_what_was_written_beside_a_pipe(user: Shell) -> None:
    assert run(user, "up").code == 0
    place(named_pipe, user.cwd / ".composeports" / ".gitignore")
    assert run(user, "up").code == 0
    assert git(user.cwd, "status", "--short") == ""
