"""The lease store and its folder in every bad state: one clear error, no loss, repaired later.

Each row of DAMAGES is a row of docs/damage.md. The commands run as the installed program.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from composeports.stores.sqlite.database import VERSION
from tests.harness.program import PROGRAM, Done, start, without_root_powers
from tests.support.machine import FakeDocker, Shell, finished

pytestmark = pytest.mark.integration

COMMANDS = ("up", "env", "status", "down", "release")


@dataclass
class Place:
    """A state directory with a lease in it, and what a test does to it."""

    state: Path
    saved: Path

    @property
    def file(self) -> Path:
        return self.state / "leases.sqlite3"

    def overwrite(self, start: int, end: int | None = None) -> None:
        data = bytearray(self.file.read_bytes())
        data[start:end] = b"\xa5" * len(data[start:end])
        self.file.write_bytes(data)

    def sql(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement)

    def restore(self) -> None:
        """Do what the user does in the end: put the folder back as it was."""
        self.state.chmod(0o700) if self.state.is_dir() and not self.state.is_symlink() else None
        if self.state.is_symlink() or self.state.is_file():
            self.state.unlink()
        shutil.rmtree(self.state, ignore_errors=True)
        shutil.copytree(self.saved, self.state)


def replace_by_link(place: Place) -> None:
    shutil.rmtree(place.state)
    place.state.symlink_to(place.state.with_name("unmounted"))


def replace_by_file(place: Place) -> None:
    shutil.rmtree(place.state)
    place.state.write_text("mine\n")


def link_the_file(place: Place) -> None:
    place.file.unlink()
    place.file.symlink_to(place.state / "unmounted")


def empty_beside_a_log(place: Place) -> None:
    (place.state / "leases.sqlite3-wal").write_bytes(b"\xa5" * 4096)
    place.file.write_bytes(b"")


def become_foreign(place: Place) -> None:
    place.file.unlink()
    place.sql("CREATE TABLE invoices (id)")


@dataclass(frozen=True)
class Damage:
    """The damage, and the answer of every command; the commands in `works` still work."""

    act: Callable[[Place], Any]
    said: str
    hint: str
    works: tuple[str, ...] = ()
    root_obeys: bool = False


DAMAGES = {
    "garbage": Damage(
        lambda at: at.file.write_bytes(b"dear diary\n" * 500),
        "is not a database",
        "move the file away",
    ),
    "its first page overwritten": Damage(
        lambda at: at.overwrite(0, 4096), "is not a database", "move the file away"
    ),
    "a later page overwritten": Damage(
        lambda at: at.overwrite(4096), "is damaged", "move the file away"
    ),
    "truncated": Damage(lambda at: os.truncate(at.file, 5000), "is damaged", "move the file away"),
    "emptied beside its log": Damage(empty_beside_a_log, "is damaged", "-wal"),
    "of a newer version": Damage(
        lambda at: at.sql(f"PRAGMA user_version = {VERSION + 1}"),
        "of a newer composeports",
        "upgrade composeports",
    ),
    "of another program": Damage(become_foreign, "of something else", "COMPOSEPORTS_STORE"),
    "a damaged record": Damage(
        lambda at: at.sql("UPDATE leases SET memory = '{}'"),
        "damaged record of session",
        "this removes the record",
        ("env", "status"),
    ),
    "a link to nothing": Damage(link_the_file, "is a link to", "remove the link"),
    "read-only": Damage(
        lambda at: at.file.chmod(0o400),
        "is read-only",
        "writable",
        ("env", "status"),
        root_obeys=True,
    ),
    "unreadable": Damage(
        lambda at: at.file.chmod(0), "cannot be opened", "permissions", root_obeys=True
    ),
    "a folder that is read-only": Damage(
        lambda at: at.state.chmod(0o500), "is read-only", "writable", root_obeys=True
    ),
    "a folder that is shut": Damage(
        lambda at: at.state.chmod(0), "Permission denied", "permissions", root_obeys=True
    ),
    "a folder that all may write to": Damage(
        lambda at: at.state.chmod(0o777), "every user may write to", "chmod o-w"
    ),
    "a folder that is a file": Damage(
        replace_by_file, "is not a folder", "move what is in the way"
    ),
    "a folder that is a link to nothing": Damage(replace_by_link, "is a link to", "mount its disk"),
}


@pytest.fixture
def here(shell: Shell, docker: FakeDocker) -> Shell:
    """A shell in a repository whose stack was started, on an engine that has nothing now."""
    docker.publish(web=8080)
    return shell.using(docker)


@pytest.fixture
def place(here: Shell, tmp_path: Path) -> Iterator[Place]:
    assert here.run("up").code == 0
    at = Place(here.state, tmp_path / "saved")
    shutil.copytree(here.state, at.saved)
    yield at
    with suppress(OSError):
        at.state.chmod(0o700)


def run(shell: Shell, command: str, *, root_obeys: bool) -> Done:
    """Run a command, if requested as a user who is bound by file permissions (not root)."""
    rights = without_root_powers() if root_obeys else []
    form = () if command == "env" else ("--json",)
    environ = {"PWD": str(shell.cwd), **shell.environ}
    return finished(start(*rights, PROGRAM, command, *form, cwd=shell.cwd, environ=environ))


def content(path: Path) -> dict[str, object]:
    """Return the files, except those that SQLite creates to read; a record without its time."""
    if not path.is_dir() or path.is_symlink():
        return {".": os.readlink(path) if path.is_symlink() else path.read_bytes()}
    return {
        each.name: os.readlink(each) if each.is_symlink() else each.read_bytes()
        for each in sorted(path.iterdir())
        if not each.is_dir() and each.suffix != ".sqlite3-shm" and each.name != "leases.sqlite3-wal"
    }


def records(place: Place) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(place.file)) as connection:
        return connection.execute("SELECT session_id, held, memory, stack FROM leases").fetchall()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_each_command_tells_a_damage_and_a_later_down_works(
    here: Shell, docker: FakeDocker, place: Place, damage: Damage
) -> None:
    damage.act(place)
    look = content if "env" not in damage.works else lambda _: {"rows": records(place)}
    before = look(place.state)
    asked = len(docker.calls)
    for command in COMMANDS:
        done = run(here, command, root_obeys=damage.root_obeys)
        if command in damage.works:
            assert done.code == 0, f"{command}: {done.err}"
            continue
        assert done.code == 78, f"{command}: {done}"
        error = (
            done.error
            if command != "env"
            else {"message": done.err, "hint": done.err, "code": "store_unusable"}
        )
        assert error["code"] == "store_unusable", f"{command}: {done}"
        assert damage.said in error["message"], f"{command}: {done}"
        assert damage.hint in error["hint"], f"{command}: {done}"
    assert look(place.state) == before
    changing = [call for call in docker.calls[asked:] if " up " in call or " down" in call]
    if "status" not in damage.works:  # else `down` reads enough to take the stack away
        assert not changing, "the engine was told to do something"
    place.restore()
    done = here.run("down", "--json")
    assert (done.code, done.document["released"]) == (0, True)
