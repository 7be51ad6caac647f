"""The git hook: added to an existing file, removed again, and its work when git calls it."""

import os
import pty
import re
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from composeports.usecases.hook.policy import LINE, OWN_SCRIPT, with_block
from tests.harness.program import PROGRAMS, Done, run
from tests.harness.repository import GIT_ENVIRONMENT, add_worktree, git
from tests.support.hostile import HOSTILE, place
from tests.support.machine import FakeDocker, Shell, finished

pytestmark = pytest.mark.integration

OURS = with_block(OWN_SCRIPT)
THEIRS = b"#!/usr/bin/env bash\nset -eu\necho theirs >> ran\n"


@dataclass
class Hooked:
    """A repository and a user who calls git in it, with composeports on PATH or without."""

    repository: Path
    shell: Shell

    @property
    def file(self) -> Path:
        return self.repository / ".git" / "hooks" / "post-checkout"

    def install(self) -> Done:
        return self.shell.run("hook", "install")

    def uninstall(self) -> Done:
        return self.shell.run("hook", "uninstall")

    def git(self, *arguments: str, program: bool = True, cwd: Path | None = None) -> Done:
        """Run git as a person would, hooks included."""
        path = f"{PROGRAMS}:/usr/bin:/bin" if program else "/usr/bin:/bin"
        environ = {**self.shell.environ, **GIT_ENVIRONMENT, "PATH": path}
        return run("git", *arguments, cwd=cwd or self.repository, environ=environ)

    @property
    def leased(self) -> list[str]:
        return [each["worktree"] for each in self.shell.run("status", "--json").document]


@pytest.fixture
def hooked(repository: Path, shell: Shell) -> Hooked:
    tools = Path(shell.environ["PATH"])
    (tools / "git").symlink_to(shutil.which("git") or "git")
    having = shell.having(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    shutil.rmtree(repository / ".git" / "hooks", ignore_errors=True)
    return Hooked(repository, having)


# Installing


def test_a_new_hook_can_be_run_and_holds_nothing_but_ours(hooked: Hooked) -> None:
    done = hooked.install()
    assert (done.code, done.out) == (0, "")
    assert str(hooked.file) in done.err
    assert hooked.file.read_bytes() == OURS
    assert os.access(hooked.file, os.X_OK)


def test_twice_is_once(hooked: Hooked) -> None:
    hooked.install()
    done = hooked.install()
    assert done.code == 0
    assert "already" in done.err
    assert hooked.file.read_bytes() == OURS


def test_uninstalling_removes_a_file_that_was_ours_alone(hooked: Hooked) -> None:
    hooked.install()
    assert hooked.uninstall().code == 0
    assert not hooked.file.exists()
    assert hooked.uninstall().code == 0


@pytest.mark.parametrize("theirs", [THEIRS, b"#!/bin/sh", b"#!/bin/sh\r\ntrue\r\n", b"#!/bin/sh\n"])
@pytest.mark.parametrize("mode", [0o755, 0o700, 0o775])
def test_a_script_of_somebody_is_restored_byte_for_byte(
    hooked: Hooked, theirs: bytes, mode: int
) -> None:
    hooked.file.parent.mkdir()
    hooked.file.write_bytes(theirs)
    hooked.file.chmod(mode)
    for action, expected in ((hooked.install, with_block(theirs)), (hooked.uninstall, theirs)):
        assert action().code == 0
        assert hooked.file.read_bytes() == expected
        assert stat.S_IMODE(hooked.file.stat().st_mode) == mode
    assert sorted(path.name for path in hooked.file.parent.iterdir()) == ["post-checkout"]


def test_a_hook_that_is_a_link_is_refused(hooked: Hooked, tmp_path: Path) -> None:
    real = tmp_path / "shared-hook"
    for text in (THEIRS, OURS):
        real.write_bytes(text)
        real.chmod(0o755)
        hooked.file.parent.mkdir(exist_ok=True)
        hooked.file.unlink(missing_ok=True)
        hooked.file.symlink_to(real)
        refused(hooked, f"is a link to {real}")
        assert hooked.shell.run("hook", "install", "--anywhere").code == 78
        assert hooked.uninstall().code == 78
        assert hooked.file.is_symlink()
        assert real.read_bytes() == text


@pytest.mark.parametrize("hooks_path", ["", "own/hooks", "own"])
def test_a_hooks_folder_that_is_a_link_is_refused(
    hooked: Hooked, tmp_path: Path, hooks_path: str
) -> None:
    (tmp_path / "elsewhere" / "hooks").mkdir(parents=True)
    if hooks_path:
        git(hooked.repository, "config", "core.hooksPath", hooks_path)
        (hooked.repository / "own").symlink_to(tmp_path / "elsewhere")
        (hooked.repository / ".git" / "info").mkdir(exist_ok=True)
        (hooked.repository / ".git" / "info" / "exclude").write_text("own\n")
    else:
        hooked.file.parent.symlink_to(tmp_path / "elsewhere")
    refused(hooked, "composeports follows none")
    assert hooked.shell.run("hook", "install", "--anywhere").code == 78
    assert hooked.uninstall().code == 0
    assert [path.name for path in (tmp_path / "elsewhere").rglob("*")] == ["hooks"]


def test_a_link_outside_of_the_repository_is_not_followed_either(
    hooked: Hooked, tmp_path: Path
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "elsewhere").symlink_to(tmp_path / "real")
    elsewhere(hooked, tmp_path)
    done = hooked.shell.run("hook", "install", "--anywhere")
    assert done.code == 78
    assert "composeports follows none" in done.err
    assert list((tmp_path / "real").iterdir()) == []


@pytest.mark.parametrize("make", HOSTILE)
def test_a_hook_that_is_no_small_regular_file_is_refused(
    hooked: Hooked, make: Callable[[Path], None]
) -> None:
    place(make, hooked.file)
    for done in (hooked.install(), hooked.uninstall()):
        assert done.code == 78
        assert str(hooked.file) in done.err


def test_worktrees_share_the_hook(hooked: Hooked, tmp_path: Path) -> None:
    one = add_worktree(hooked.repository, tmp_path / "one", "one")
    assert Hooked(hooked.repository, hooked.shell.at(one)).install().code == 0
    assert hooked.file.read_bytes() == OURS


@pytest.mark.parametrize("where", ["absolute", "relative"])
def test_the_repositorys_own_hooks_path_is_respected(hooked: Hooked, where: str) -> None:
    folder = hooked.repository / "hooks of ours"
    git(
        hooked.repository,
        "config",
        "core.hooksPath",
        str(folder if where == "absolute" else folder.name),
    )
    assert hooked.install().code == 0
    assert (folder / "post-checkout").read_bytes() == OURS
    assert not hooked.file.exists()


def elsewhere(hooked: Hooked, tmp_path: Path) -> Path:
    """Configure a hooks folder outside of the repository."""
    git(hooked.repository, "config", "core.hooksPath", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere" / "post-checkout"


def test_a_hooks_path_outside_of_the_repository_needs_a_word(
    hooked: Hooked, tmp_path: Path
) -> None:
    hook = elsewhere(hooked, tmp_path)
    refused(hooked, "lies outside of the repository")
    assert not hook.parent.exists()
    assert hooked.shell.run("hook", "install", "--anywhere").code == 0
    assert hook.read_bytes() == OURS
    assert hooked.uninstall().code == 78
    assert hook.read_bytes() == OURS
    assert hooked.shell.run("hook", "uninstall", "--anywhere").code == 0
    assert not hook.exists()


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"n\n", 78), (b"\n", 78)])
def test_on_a_terminal_it_asks(hooked: Hooked, tmp_path: Path, answer: bytes, code: int) -> None:
    hook = elsewhere(hooked, tmp_path)
    ours, terminal = pty.openpty()
    try:
        os.write(ours, answer)
        done = finished(hooked.shell.start("hook", "install", stdin=terminal, stderr=terminal))
        assert done.code == code
        os.set_blocking(ours, False)
        assert str(hook).encode() in os.read(ours, 1 << 16).replace(b"\r\n", b"")
    finally:
        os.close(ours)
        os.close(terminal)
    assert hook.exists() == (code == 0)


def test_on_a_terminal_nothing_is_asked_inside_of_the_repository(hooked: Hooked) -> None:
    ours, terminal = pty.openpty()
    try:
        done = finished(hooked.shell.start("hook", "install", stdin=terminal, stderr=terminal))
        assert done.code == 0
        assert hooked.file.exists()
    finally:
        os.close(ours)
        os.close(terminal)


def refused(hooked: Hooked, why: str) -> None:
    before = hooked.file.read_bytes() if hooked.file.exists() else None
    done = hooked.shell.run("hook", "install", "--json")
    assert done.code == 78
    assert why in done.error["message"]
    assert LINE.decode() in done.error["hint"]
    assert (hooked.file.read_bytes() if hooked.file.exists() else None) == before
    assert git(hooked.repository, "status", "--short") == ""


@pytest.mark.parametrize(
    ("script", "mode", "why"),
    [
        (b"#!/usr/bin/python3\n", 0o755, "is not a shell script"),
        (b"\x7fELF\0\0", 0o755, "is not a shell script"),
        (b"echo hello\n", 0o755, "is not a shell script"),
        (b"#!/bin/sh\n", 0o644, "is not executable"),
        (OURS.partition(b"# <<<")[0], 0o755, "not all of it"),
    ],
)
def test_what_is_no_script_that_git_runs_is_refused(
    hooked: Hooked, script: bytes, mode: int, why: str
) -> None:
    hooked.file.parent.mkdir()
    hooked.file.write_bytes(script)
    hooked.file.chmod(mode)
    refused(hooked, why)


def test_a_link_that_leads_nowhere_is_refused(hooked: Hooked) -> None:
    hooked.file.parent.mkdir()
    hooked.file.symlink_to("nowhere")
    refused(hooked, "is a link to")


def commit_hooks(hooked: Hooked, *names: str) -> None:
    for name in names:
        path = hooked.repository / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(THEIRS)
        path.chmod(0o755)
    git(hooked.repository, "add", ".")
    git(hooked.repository, "commit", "--quiet", "--message", "hooks")


def test_a_hook_that_git_tracks_is_refused(hooked: Hooked) -> None:
    commit_hooks(hooked, ".githooks/post-checkout")
    git(hooked.repository, "config", "core.hooksPath", ".githooks")
    refused(hooked, "is tracked by git")


@pytest.mark.parametrize(
    ("tracked", "hooks_path"),
    [(".githooks/pre-commit", ".githooks"), (".husky/pre-commit", ".husky/_")],
)
def test_a_folder_of_tracked_hooks_is_refused(
    hooked: Hooked, tracked: str, hooks_path: str
) -> None:
    commit_hooks(hooked, tracked)
    git(hooked.repository, "config", "core.hooksPath", hooks_path)
    refused(hooked, "git tracks")


def test_hooks_of_all_repositories_are_refused(hooked: Hooked, tmp_path: Path) -> None:
    (tmp_path / "gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}/all\n")
    hooked.shell = hooked.shell.having(GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))
    refused(hooked, "serves all repositories")
    assert not (tmp_path / "all").exists()


def test_hooks_that_are_switched_off_are_refused(hooked: Hooked) -> None:
    git(hooked.repository, "config", "core.hooksPath", "/dev/null")
    refused(hooked, "is not a folder")


def test_outside_git_there_is_no_hook(hooked: Hooked, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    done = hooked.shell.at(tmp_path / "plain").run("hook", "install")
    assert done.code == 2
    assert "no git repository" in done.err


# What it does

NEW = ("hook", "run", "post-checkout", "0" * 40, "1" * 40, "1")


def test_a_new_worktree_has_a_lease_at_once(hooked: Hooked, tmp_path: Path) -> None:
    hooked.install()
    done = hooked.git("worktree", "add", "--quiet", str(tmp_path / "one"))
    assert (done.code, done.out, done.err) == (0, "", "")
    assert hooked.leased == [str(tmp_path / "one")]


def test_the_project_of_a_new_worktree_follows_the_naming(hooked: Hooked, tmp_path: Path) -> None:
    hooked.shell = hooked.shell.having(COMPOSEPORTS_NAMING="worktree")
    hooked.install()
    hooked.git("worktree", "add", "-b", "new", str(tmp_path / "New_One"))
    (row,) = hooked.shell.run("status", "--json").document
    assert row["worktree"] == str(tmp_path / "New_One")
    assert row["compose_project_name"].startswith("ac-new-one-")


def test_a_shell_that_is_on_another_session_leases_for_the_new_worktree(
    hooked: Hooked, tmp_path: Path
) -> None:
    hooked.install()
    hooked.shell = hooked.shell.having(
        COMPOSEPORTS_SESSION="other", COMPOSE_FILE=str(hooked.repository / "compose.yaml")
    )
    assert hooked.git("worktree", "add", "--quiet", str(tmp_path / "one")).code == 0
    assert hooked.leased == [str(tmp_path / "one")]


def test_a_checkout_leases_nothing(hooked: Hooked) -> None:
    hooked.install()
    assert hooked.git("switch", "--quiet", "--create", "other").err == ""
    assert hooked.git("checkout", "--", ".").err == ""
    assert hooked.leased == []


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_a_new_worktree_without_a_compose_file_gets_none(
    hooked: Hooked, tmp_path: Path, place: str
) -> None:
    git(hooked.repository, "rm", "--quiet", "--cached", "compose.yaml")
    git(hooked.repository, "commit", "--quiet", "--message", "without")
    hooked.install()
    folder = tmp_path / "one" if place == "beside" else hooked.repository / "one"
    assert hooked.git("worktree", "add", "--quiet", str(folder)).code == 0
    assert hooked.leased == []


@pytest.mark.parametrize("how", ["git", "rm"])
def test_a_checkout_tells_of_worktrees_that_are_gone(
    hooked: Hooked, tmp_path: Path, how: str
) -> None:
    hooked.install()
    one, two = tmp_path / "one", tmp_path / "two"
    for each in (one, two):
        hooked.git("worktree", "add", "--quiet", str(each))
    if how == "git":
        hooked.git("worktree", "remove", "--force", str(one))
    else:
        shutil.rmtree(one)
    done = hooked.git("switch", "--quiet", "--create", "other", cwd=two)
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert str(one) in done.err
    assert str(two) not in done.err
    assert "composeports gc" in done.err


def test_other_repositories_are_not_told(hooked: Hooked, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(hooked.repository, other)
    one = add_worktree(other, tmp_path / "one", "one")
    hooked.shell.at(one).run("allocate")
    shutil.rmtree(one)
    hooked.install()
    assert hooked.git("switch", "--quiet", "--create", "new").err == ""


def test_without_the_program_git_is_as_ever(hooked: Hooked, tmp_path: Path) -> None:
    hooked.install()
    done = hooked.git("worktree", "add", "--quiet", str(tmp_path / "one"), program=False)
    assert (done.code, done.err) == (0, "")
    assert hooked.leased == []


def test_whatever_goes_wrong_git_goes_on(hooked: Hooked, tmp_path: Path) -> None:
    hooked.install()
    hooked.shell.state.mkdir()
    (hooked.shell.state / "leases.sqlite3").write_text("this is no store, and never was one\n" * 9)
    done = hooked.git("worktree", "add", "--quiet", str(tmp_path / "one"))
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert done.err.startswith("composeports: ")


def test_the_hook_of_somebody_else_still_runs(hooked: Hooked) -> None:
    hooked.file.parent.mkdir()
    hooked.file.write_bytes(THEIRS)
    hooked.file.chmod(0o755)
    hooked.install()
    assert hooked.git("switch", "--quiet", "--create", "other").code == 0
    assert (hooked.repository / "ran").read_text() == "theirs\n"


@pytest.mark.parametrize("arguments", [[], ["post-checkout"], ["pre-commit", "a", "b", "1"]])
def test_what_git_would_not_call_does_nothing(hooked: Hooked, arguments: list[str]) -> None:
    done = hooked.shell.run("hook", "run", *arguments)
    assert (done.code, done.out, done.err) == (0, "", "")


# When all blocks are held


def ports_of(hooked: Hooked) -> dict[str, int]:
    """Return the first port of each worktree that holds a lease."""
    entries = hooked.shell.run("status", "--json").document
    return {Path(entry["worktree"]).name: entry["db_port"] for entry in entries}


def test_the_twenty_first_worktree_takes_the_ports_that_nobody_has_used(
    hooked: Hooked, docker: FakeDocker, tmp_path: Path
) -> None:
    docker.publish(web=8080)
    (hooked.repository / "compose.yaml").write_text("services: {web: {image: scratch}}\n")
    hooked.git("commit", "--quiet", "--all", "--message", "web")
    hooked.install()
    hooked.shell = hooked.shell.using(docker)
    folders = [tmp_path / f"w{number}" for number in range(21)]
    for folder in folders[:20]:
        done = hooked.git("worktree", "add", "--quiet", str(folder))
        assert (done.code, done.err) == (0, "")
    first_ports = {f"w{number}": 10000 + 100 * number for number in range(20)}
    assert ports_of(hooked) == first_ports

    # The hook takes a lease from nobody, and git goes on.
    done = hooked.git("worktree", "add", "--quiet", str(folders[20]))
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "composeports: this worktree has no ports yet: no block of ports is free: of 20, 20 held "
        "by other sessions; its first `composeports up` asks for them again\n"
    )
    assert ports_of(hooked) == first_ports

    # The oldest worktree is in use by `env` (its fast path), the next two by other commands.
    oldest, second, third, fourth = (hooked.shell.at(folder) for folder in folders[:4])
    assert "AGENT_COORDINATOR_DB_PORT=10000" in oldest.run("env").out
    assert second.run("allocate").code == 0
    assert third.run("up").code == 0

    done = hooked.shell.at(folders[20]).run("up")
    assert done.code == 0
    (line,) = (line for line in done.err.splitlines() if "gave way" in line)
    assert line == (
        f"no block of ports was free, so w3 ({folders[3]}) gave way: the git hook leased its "
        "ports, and no command used them; its next `composeports up` takes new ports"
    )
    assert ports_of(hooked) == {**{n: p for n, p in first_ports.items() if n != "w3"}, "w20": 10300}
    assert not (folders[3] / ".composeports").exists()

    # It gave way, which its next commands say; `up` takes the next one that nobody has used.
    for command in (("env",), ("url", "db"), ("ps",)):
        done = fourth.run(*command)
        assert (done.code, done.out) == (66, "")
        assert "composeports up" in done.err
    assert fourth.run("up").code == 0
    assert ports_of(hooked)["w3"] == 10400
    assert "w4" not in ports_of(hooked)
    text = (folders[3] / ".composeports" / ".env").read_text()
    assert re.findall("AGENT_COORDINATOR_DB_PORT=(.*)", text) == ["10400"]
    assert "10400" in fourth.run("env").out

    # Once all are used, the way out is as ever.
    for folder in folders[5:20]:
        assert hooked.shell.at(folder).run("env").code == 0
    done = hooked.shell.at(folders[4]).run("allocate")
    assert done.code == 75
    assert "`composeports settings set max_sessions 100`" in done.err


def test_the_first_env_and_an_allocate_at_the_same_time_get_different_ports(
    shell: Shell, docker: FakeDocker, repository: Path, tmp_path: Path
) -> None:
    """With one block, either `env` prints its ports or `allocate` takes them, never both."""
    shell = shell.using(docker)
    assert shell.run("settings", "set", "max_sessions", "1").code == 0
    one = shell.at(add_worktree(repository, tmp_path / "one", "one"))
    two = shell.at(add_worktree(repository, tmp_path / "two", "two"))
    for _ in range(4):
        assert one.run(*NEW).code == 0
        processes = one.start("env"), two.start("allocate")
        env, allocate = map(finished, processes)
        assert {env.code, allocate.code} in ({0, 75}, {66, 0}), (env.err, allocate.err)
        assert ("AGENT_COORDINATOR_DB_PORT=10000" in env.out + allocate.out) is True
        (entry,) = shell.run("status", "--json").document
        assert entry["worktree"] == str((one if env.code == 0 else two).cwd)
        for each in (one, two):
            each.run("release")
