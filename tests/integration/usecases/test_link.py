"""`link` and `unlink`: plain `docker compose` on the stack, and the user's `.env` byte for byte."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from composeports.core.marked_block import LINK_MARKS
from composeports.docker.compose_files import read_env_file, select_files
from composeports.usecases.link.env_file import linked_project, put_in
from composeports.usecases.link.policy import project_of, unlinked
from composeports.usecases.reserve import reserve_lease
from tests.harness.program import Done
from tests.harness.repository import add_worktree, git
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration


@dataclass
class Linker:
    """A user in a worktree whose stack is up, with a fake docker that only answers."""

    shell: Shell
    docker: FakeDocker

    @property
    def file(self) -> Path:
        return self.shell.cwd / ".env"

    @property
    def exclude(self) -> Path:
        return self.shell.cwd / ".git" / "info" / "exclude"

    @property
    def status(self) -> str:
        return git(self.shell.cwd, "status", "--short")

    def ok(self, *arguments: str) -> Done:
        done = self.shell.run(*arguments)
        assert done.code == 0, done.err
        return done

    @property
    def project(self) -> str:
        project: str = self.ok("status", "--json").document[0]["compose_project_name"]
        return project


@pytest.fixture
def linker(shell: Shell, docker: FakeDocker) -> Linker:
    (Path(shell.environ["PATH"]) / "git").symlink_to(shutil.which("git") or "git")
    docker.publish(web=8080)
    made = Linker(
        shell.using(docker).having(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1"), docker
    )
    made.ok("up")
    return made


def test_a_file_that_was_not_there_is_made_ignored_and_removed(linker: Linker) -> None:
    before = linker.exclude.read_bytes() if linker.exclude.exists() else b""
    done = linker.ok("link")
    assert done.out == ""
    assert str(linker.file) in done.err
    values = dict(
        line.split("=", 1) for line in linker.file.read_text().splitlines() if "=" in line
    )
    assert values["COMPOSE_PROJECT_NAME"] == linker.project
    assert values["COMPOSE_FILE"].split(":")[0] == str(linker.shell.cwd / "compose.yaml")
    assert values["PORT_WEB_80"] == "10004"
    assert "COMPOSE_ENV_FILES" not in values
    assert stat.S_IMODE(linker.file.stat().st_mode) == 0o600
    assert linker.status == ""
    assert linker.ok("unlink", "--json").document["changed"] is True
    assert not linker.file.exists()
    assert linker.exclude.read_bytes() == before
    assert linker.ok("unlink", "--json").document["changed"] is False


@pytest.mark.parametrize("text", [b"", b"A=1", b"A=1\r\nB=2\r\n\xff=1\r\n"])
def test_a_file_of_the_users_comes_back_byte_for_byte(linker: Linker, text: bytes) -> None:
    linker.file.write_bytes(text)
    linker.file.chmod(0o640)
    status = linker.status
    assert linker.ok("link", "--json").document["changed"] is True
    assert linker.ok("link", "--json").document["changed"] is False
    assert linker.file.read_bytes().startswith(text)
    assert linker.status == status  # whether git shows it is the user's own affair
    linker.ok("unlink")
    assert linker.file.read_bytes() == text
    assert stat.S_IMODE(linker.file.stat().st_mode) == 0o640
    assert linker.status == status


def test_what_the_user_adds_meanwhile_stays(linker: Linker) -> None:
    linker.ok("link")
    with linker.file.open("a") as file:
        file.write("MINE=1\n")
    linker.ok("up")
    assert linker.file.read_bytes().endswith(LINK_MARKS.end + b"\n")  # it has the last word
    linker.ok("unlink")
    assert linker.file.read_text() == "MINE=1\n"


def test_lines_of_the_users_that_do_not_count_are_told(linker: Linker) -> None:
    linker.file.write_text("COMPOSE_PROJECT_NAME=shop\nA=1\n")
    done = linker.ok("link", "--json")
    assert done.document["overridden"] == ["COMPOSE_PROJECT_NAME"]
    assert "COMPOSE_PROJECT_NAME" in done.err


def refused(linker: Linker, why: str) -> None:
    before = linker.file.read_bytes() if linker.file.is_file() else None
    done = linker.shell.run("link", "--json")
    assert (done.code, done.error["code"]) == (78, "file_not_ours")
    assert why in done.error["message"]
    assert done.error["hint"]
    assert (linker.file.read_bytes() if linker.file.is_file() else None) == before


def test_a_file_that_git_tracks_is_refused(linker: Linker) -> None:
    linker.file.write_text("A=1\n")
    git(linker.shell.cwd, "add", "--force", ".env")
    refused(linker, "is tracked by git")


def test_a_file_that_others_may_use_is_refused(linker: Linker, tmp_path: Path) -> None:
    shared = tmp_path / "shared.env"
    shared.write_text("A=1\n")
    linker.file.symlink_to(shared)
    refused(linker, f"is a link to {shared}")
    linker.file.unlink()
    linker.file.hardlink_to(shared)
    refused(linker, "has another name")
    assert shared.read_text() == "A=1\n"


def test_what_is_no_text_or_has_half_a_block_is_refused(linker: Linker) -> None:
    linker.file.write_bytes("A=1\n".encode("utf-16"))
    refused(linker, "is no UTF-8 text")
    linker.file.write_bytes(LINK_MARKS.begin + b" ac-1 >>>\nA=1\n")
    refused(linker, "not all of it")
    linker.file.unlink()
    linker.file.mkdir()
    refused(linker, "is no file")


def test_without_a_stack_there_is_nothing_to_link_to(linker: Linker) -> None:
    linker.ok("down")
    assert linker.shell.run("link").code == 66
    linker.ok("allocate")
    done = linker.shell.run("link", "--json")
    assert (done.code, done.error["code"]) == (66, "no_lease")
    assert "composeports up" in done.error["hint"]
    assert not linker.file.exists()


@pytest.mark.parametrize("command", ["down", "release"])
def test_who_gives_the_ports_back_unlinks(linker: Linker, command: str) -> None:
    linker.file.write_text("A=1")
    linker.ok("link")
    assert "unlinked" in linker.ok(command).err
    assert linker.file.read_text() == "A=1"


def test_a_lease_is_given_back_also_where_the_file_cannot_be_restored(linker: Linker) -> None:
    linker.ok("link")
    text = linker.file.read_bytes()
    linker.file.write_bytes(text + text)
    assert "by hand" in linker.ok("release").err
    assert linker.file.read_bytes() == text + text
    assert linker.ok("status", "--json").document == []


def test_up_brings_the_block_up_to_date(linker: Linker) -> None:
    linker.file.write_text("A=1")
    linker.ok("link")
    linker.docker.publish(web=8080, db=5432)
    done = linker.ok("up")
    assert "is linked to what is planned now" in done.err
    assert b"PORT_DB_80=10005" in linker.file.read_bytes()
    assert "is linked" not in linker.ok("up").err
    linker.ok("unlink")
    assert linker.file.read_text() == "A=1"


def test_composeports_does_not_read_what_it_wrote_itself(linker: Linker) -> None:
    linker.file.write_text("A=1\n")
    linker.ok("up")
    before = linker.ok("plan", "--json").document
    linker.ok("link")
    assert linker.ok("plan", "--json").document == before
    linker.ok("up")
    asked = [call for call in linker.docker.calls if " config " in call][-1]
    path = asked.split("--env-file ")[1].split(" ")[0]
    assert path == str(linker.shell.cwd / ".composeports" / "user.env")
    assert Path(path).read_text() == "A=1\n"
    assert read_env_file(str(linker.file)) == {"A": "1"}
    selection = select_files(str(linker.shell.cwd), {})
    assert selection.files == (str(linker.shell.cwd / "compose.yaml"),)
    assert selection.variables == {}
    env = linker.ok("env", "--format", "json").document
    assert env["COMPOSE_ENV_FILES"].split(",")[0] == str(linker.file)
    long_way = linker.shell.having(PORT_ALLOC_TTL_MINUTES="120")
    assert long_way.run("env").out == linker.ok("env").out
    linker.ok("down")
    assert not (linker.shell.cwd / ".composeports").exists()


def test_a_shell_that_has_read_the_file_is_no_wish(linker: Linker) -> None:
    linker.ok("link")
    before = linker.ok("plan", "--json").document
    done = linker.shell.sh("set -a; . ./.env; composeports plan --json")
    assert done.document == before


def test_a_copy_in_another_worktree_is_told_and_left(linker: Linker, tmp_path: Path) -> None:
    other = linker.shell.at(add_worktree(linker.shell.cwd, tmp_path / "login", "login"))
    linker.ok("link")
    shutil.copy(linker.file, other.cwd / ".env")
    text = linker.file.read_bytes()
    done = other.run("up")
    assert "which is not this session" in done.err
    assert other.run("down").code == 0
    assert (other.cwd / ".env").read_bytes() == text
    other.run("up")
    assert f"it was linked to {linker.project} before" in other.run("link").err
    assert project_of((other.cwd / ".env").read_bytes()) != linker.project
    assert linker.file.read_bytes() == text
    assert unlinked(text) == b""


def test_worktrees_do_not_take_each_others_entry_for_git(linker: Linker, tmp_path: Path) -> None:
    other = linker.shell.at(add_worktree(linker.shell.cwd, tmp_path / "login", "login"))
    before = linker.exclude.read_bytes() if linker.exclude.exists() else b""
    assert other.run("up").code == 0
    linker.ok("link")
    assert other.run("link").code == 0
    linker.ok("unlink")
    assert git(other.cwd, "status", "--short") == ""
    assert other.run("unlink").code == 0
    assert linker.exclude.read_bytes() == before


def test_gc_takes_the_entry_of_a_worktree_that_is_gone(linker: Linker, tmp_path: Path) -> None:
    other = linker.shell.at(add_worktree(linker.shell.cwd, tmp_path / "login", "login"))
    before = linker.exclude.read_bytes() if linker.exclude.exists() else b""
    assert other.run("up").code == 0
    assert other.run("link").code == 0
    git(linker.shell.cwd, "worktree", "remove", str(other.cwd))
    linker.ok("gc")
    assert linker.exclude.read_bytes() == before


def test_outside_git_it_works_too(linker: Linker, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "compose.yaml").write_text("services: {}\n")
    there = linker.shell.at(plain)
    assert there.run("up").code == 0
    assert there.run("link").code == 0
    assert there.run("down").code == 0
    assert sorted(path.name for path in plain.iterdir()) == ["compose.yaml"]


def test_who_loses_an_expired_lease_is_unlinked(machine: FakeMachine, tmp_path: Path) -> None:
    """Otherwise plain `docker compose up` there would use the ports of another session."""
    rooms = []
    for name in ("a", "b", "c", "d"):
        rooms.append(tmp_path / name)
        rooms[-1].mkdir()
        (rooms[-1] / "compose.yaml").write_text("services: {}\n")
        if name == "d":
            machine.clock.pass_minutes(31)
        lease = reserve_lease(machine.session(cwd=rooms[-1]), ())
        (rooms[-1] / ".env").write_text("A=1")
        put_in(str(rooms[-1]), lease.project, [("API_PORT", "1")], {})
        machine.clock.pass_minutes(1)
    texts = [(room / ".env").read_text() for room in rooms]
    assert [text == "A=1" for text in texts] == [True, False, False, False]
    assert [str(rooms[0]) in line for line in machine.said] == [True]


def test_gc_unlinks_a_lease_that_has_expired(linker: Linker) -> None:
    linker.file.write_bytes(b"MINE=1")
    linker.ok("link")
    with closing(sqlite3.connect(linker.shell.state / "leases.sqlite3")) as store:
        store.execute("UPDATE leases SET expires_at = 1")
        store.commit()
    assert "remove" not in linker.ok("gc", "--dry-run").out
    assert linked_project(str(linker.shell.cwd)) != ""
    done = linker.ok("gc")
    assert "release ports 10000-10099" in done.out
    assert f"unlinked: {linker.file}" in done.err
    assert linker.file.read_bytes() == b"MINE=1"
