"""`composeports doctor` of the installed program: a full report in every bad state, and repairs."""

import fcntl
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from composeports.host.session_lock_file import hold
from composeports.stores.sqlite.database import VERSION
from tests.harness.repository import make_repository
from tests.support.earlier_stores import as_of_version
from tests.support.machine import UNREACHABLE, FakeDocker, Shell

pytestmark = pytest.mark.integration

CHECKS = [
    "settings",
    "engine",
    "compose",
    "store",
    "rights",
    "leases",
    "stacks",
    "links",
    "ports",
    "networks",
    "leftovers",
    "clock",
]
BASE = "26000"


@pytest.fixture
def here(shell: Shell, docker: FakeDocker) -> Shell:
    docker.publish(web=8080)
    return shell.using(docker).having(
        PORT_ALLOC_BASE=BASE, PORT_ALLOC_RANGE="10", PORT_ALLOC_MAX_SESSIONS="4"
    )


def examined(shell: Shell, *arguments: str) -> dict[str, Any]:
    """Return the document; its `ok` and the exit code agree, and nothing goes to stderr."""
    done = shell.run(*arguments, "doctor", "--json")
    document: dict[str, Any] = done.document
    assert done.code == (0 if document["ok"] else 1)
    assert done.err == ""
    assert all(each["what"] and each["why"] for each in document["findings"])
    return document


def found(shell: Shell, *arguments: str) -> list[str]:
    """Return "check: what" of all findings that are more than notes."""
    findings = examined(shell, *arguments)["findings"]
    return [f"{each['check']}: {each['what']}" for each in findings if each["level"] != "note"]


def let_run(docker: FakeDocker, shell: Shell, *, port: int = 0, directory: str = "") -> str:
    """Put the session's stack on the fake engine, as `up` would start it; return its project."""
    row = json.loads(shell.run("status", "--json").out)
    project = row[0]["compose_project_name"] if row else shell.run("plan", "--json").document
    name = project if isinstance(project, str) else project["compose_project_name"]
    shown = port or (row[0]["ports"]["web:80/tcp"] if row else 1)
    folder = directory or str(shell.cwd)
    files = f"{folder}/compose.yaml,{folder}/.composeports/compose.override.yaml"
    docker.answer(
        "ps",
        f"c1\trunning\t{name}\tweb\t0.0.0.0:{shown}->80/tcp\t{name}-web-1\t{folder}\t{files}\n",
    )
    return str(name)


def test_before_anything_was_done_all_is_well_and_nothing_is_made(here: Shell) -> None:
    before = sorted(here.cwd.rglob("*"))
    done = here.run("doctor")
    assert (done.code, done.err) == (0, "")
    assert [each.split()[:2] for each in done.out.splitlines()] == [["ok", name] for name in CHECKS]
    assert not here.state.exists()
    assert sorted(here.cwd.rglob("*")) == before


def test_with_a_stack_up_all_is_well(here: Shell, docker: FakeDocker) -> None:
    assert here.run("up").code == 0
    let_run(docker, here)
    assert found(here) == []


def test_without_a_compose_file_or_a_repository_it_works(here: Shell, tmp_path: Path) -> None:
    bare = make_repository(tmp_path / "bare", {"README": ""})
    assert found(here.at(bare)) == []
    (tmp_path / "plain").mkdir()
    assert found(here.at(tmp_path / "plain")) == []


# doctor reports the rest even if one part is broken


def test_without_docker_the_rest_is_told(shell: Shell) -> None:
    document = examined(shell)
    assert {each["check"] for each in document["findings"]} == {"engine", "compose"}
    assert "install Docker" in document["findings"][0]["next_step"]
    assert document["facts"]["stacks"] is None


def test_an_engine_that_is_away_is_told_with_where_docker_looks(
    here: Shell, docker: FakeDocker
) -> None:
    assert here.run("up").code == 0
    docker.go_away()
    document = examined(here)
    (finding,) = document["findings"]
    assert "did not answer" in finding["what"]
    assert "unix:///fake.sock (context default)" in finding["why"]
    assert document["facts"]["engine"]["trouble"]["message"] == finding["what"]


def test_an_engine_that_goes_away_in_between_is_told(here: Shell, docker: FakeDocker) -> None:
    docker.answer("ps", err=UNREACHABLE, code=1)
    assert [each.partition(":")[0] for each in found(here)] == ["engine"]


def test_an_old_compose_is_told(here: Shell, docker: FakeDocker) -> None:
    docker.answer("version", "2.20.0\n")
    (told,) = found(here)
    assert "2.20.0 is too old" in told


def test_a_missing_buildx_is_told_where_something_is_built(here: Shell, docker: FakeDocker) -> None:
    docker.answer("buildx", err="docker: 'buildx' is not a docker command.\n", code=1)
    assert found(here) == []
    (here.cwd / "compose.yaml").write_text("services: {web: {build: .}}\n")
    assert [each.partition(":")[0] for each in found(here)] == ["compose"]


def test_settings_that_are_not_accepted_are_all_told(here: Shell) -> None:
    (here.cwd / "composeports.toml").write_text("prefx = 'x'\n")
    told = found(here.having(PORT_ALLOC_RANGE="none"))
    assert [each.partition(":")[0] for each in told] == ["settings", "settings"]
    assert "PORT_ALLOC_RANGE" in told[0]
    assert "prefx" in told[1]


def test_a_store_setting_that_names_none_is_told(here: Shell) -> None:
    told = found(here.having(COMPOSEPORTS_STORE="file:///x"))
    assert len(told) == 1
    assert told[0].startswith("settings: COMPOSEPORTS_STORE=file:///x is no store")
    assert found(here.having(COMPOSEPORTS_STORE="memory:")) == []


def test_a_damaged_store_is_told_and_stays(here: Shell) -> None:
    assert here.run("allocate").code == 0
    store = here.state / "leases.sqlite3"
    data = bytearray(store.read_bytes())
    data[4096:] = b"\xa5" * len(data[4096:])
    store.write_bytes(data)
    told = found(here)
    assert told[0].startswith(f"store: {store} is damaged")
    assert store.read_bytes() == data


def test_damage_that_no_command_meets_is_told(here: Shell) -> None:
    """A page of an index that nothing reads now."""
    assert here.run("allocate").code == 0
    store = here.state / "leases.sqlite3"
    with closing(sqlite3.connect(store)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'remembered_digest'"
        ((page,),) = connection.execute(query)
    data = bytearray(store.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    store.write_bytes(data)
    assert here.run("status").code == 0
    (told,) = found(here)
    assert told.startswith(f"store: {store} is damaged")


def test_a_store_that_is_locked_for_long_is_told(here: Shell) -> None:
    assert here.run("allocate").code == 0
    with closing(sqlite3.connect(here.state / "leases.sqlite3", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        (told,) = found(here)
    assert "is locked" in told


def test_a_store_of_the_format_before_is_looked_at_and_not_upgraded(here: Shell) -> None:
    assert here.run("allocate").code == 0
    store = here.state / "leases.sqlite3"
    as_of_version(store, 1)
    document = examined(here)
    assert document["ok"]
    assert (document["facts"]["store"]["format"], VERSION) == (1, 4)
    assert len(document["facts"]["sessions"]) == 1
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_network_file_system_is_told(here: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the check-up itself sees it; a real one is mounted in the acceptance tests."""
    from composeports.docker.engine import Engine  # noqa: PLC0415
    from composeports.usecases.doctor import collect_store as checkup_store  # noqa: PLC0415 - to put a mount table under it
    from composeports.usecases.doctor import doctor as checkup  # noqa: PLC0415 - to put a mount table under it

    monkeypatch.setattr(checkup_store, "file_system_of", lambda _path: "nfs4")
    patient = checkup.DoctorContext(here.environ, str(here.cwd), Engine(here.environ))
    _, told = checkup.check(patient)
    assert [finding.what for name, finding in told.findings if name == "store"] == [
        f"{here.state}/leases.sqlite3 lies on a network file system (nfs4)"
    ]


# Drift


def test_a_port_that_differs_is_told(here: Shell, docker: FakeDocker) -> None:
    assert here.run("up").code == 0
    name = let_run(docker, here, port=9999)
    assert found(here) == [
        f"stacks: web:80/tcp of {here.cwd.name} ({name}) is published on 9999; its lease says 26004"
    ]


def test_a_stack_that_was_taken_away_is_told(here: Shell) -> None:
    assert here.run("up").code == 0
    (told,) = found(here)
    assert "that has no containers" in told


def test_a_stack_without_a_lease_is_told(here: Shell, docker: FakeDocker) -> None:
    assert here.run("up").code == 0
    name = let_run(docker, here)
    for each in here.state.glob("leases*"):
        each.unlink()
    assert found(here) == [f"stacks: the stack {name} has 1 container (1 running) and no lease"]


def test_a_worktree_that_is_gone_is_told_and_one_that_is_out_of_sight_is_not(
    here: Shell, tmp_path: Path
) -> None:
    folder = tmp_path / "disk" / "work"
    folder.mkdir(parents=True)
    assert here.at(folder).run("allocate").code == 0
    folder.rmdir()
    (told,) = found(here)
    assert told.startswith("leases: ")
    assert str(folder) in told
    folder.parent.rmdir()
    assert found(here) == []


# Repairs


def test_rights_are_told_and_mended(here: Shell) -> None:
    assert here.run("allocate").code == 0
    store = here.state / "leases.sqlite3"
    here.state.chmod(0o755)
    store.chmod(0o644)
    assert len(found(here)) == 2
    done = here.run("doctor", "--fix")
    assert done.code == 0
    assert done.out.count("fixed: ") == 2
    assert (here.state.stat().st_mode & 0o777, store.stat().st_mode & 0o777) == (0o700, 0o600)


def test_what_all_may_write_to_is_mended(here: Shell) -> None:
    assert here.run("allocate").code == 0
    here.state.chmod(0o777)
    assert here.run("status").code == 78
    assert len(found(here)) == 2
    assert here.run("doctor", "--fix").code == 0
    assert here.state.stat().st_mode & 0o777 == 0o700
    assert here.run("status").code == 0


def test_files_of_a_released_session_are_removed_and_nothing_else(here: Shell) -> None:
    assert here.run("up").code == 0
    folder = here.cwd / ".composeports"
    kept = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert here.run("down").code == 0
    folder.mkdir()
    for name, data in kept.items():
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("mine\n")
    assert [each.partition(":")[0] for each in found(here)] == ["leftovers"]
    done = here.run("doctor", "--fix", "--json")
    assert (done.code, done.document["fixed"]) == (0, [f"removed {folder}"])
    assert (folder / "notes.txt").read_text() == "mine\n"
    assert not (folder / ".env").exists()


def test_files_of_a_session_that_the_store_has_forgotten_are_removed(
    here: Shell, docker: FakeDocker
) -> None:
    assert here.run("up").code == 0
    for each in here.state.glob("leases*"):
        each.unlink()
    let_run(docker, here)
    assert not [each for each in found(here) if each.startswith("leftovers")]
    docker.answer("ps")
    assert [each.partition(":")[0] for each in found(here)] == ["leftovers"]
    assert here.run("doctor", "--fix").code == 0
    assert not (here.cwd / ".composeports").exists()


def test_files_of_a_session_that_holds_its_lease_stay(here: Shell, docker: FakeDocker) -> None:
    assert here.run("--session", "named", "up").code == 0
    docker.answer("ps")
    assert here.run("doctor", "--fix").code == 1
    assert [each.name for each in (here.cwd / ".composeports").glob("*/.env")] == [".env"]


def test_temporary_files_of_the_dead_are_removed_and_of_the_living_not(here: Shell) -> None:
    assert here.run("up").code == 0
    folder = here.cwd / ".composeports"
    observed = here.state / "observed"
    observed.mkdir(exist_ok=True)
    alive, dead = folder / f".env.{os.getpid()}.new", folder / ".env.99999999.new"
    stray = observed / "abc.99999999.new"
    for each in (alive, dead, stray):
        each.touch(0o600)
    here.run("doctor", "--fix")
    assert (alive.exists(), dead.exists(), stray.exists()) == (True, False, False)


def test_locks_that_nobody_holds_are_removed(here: Shell) -> None:
    assert here.run("allocate").code == 0
    for folder in ("locks", "seeding"):
        (here.state / folder).mkdir(mode=0o700, exist_ok=True)
        for name in ("ac-00000001", "ac-00000002"):
            (here.state / folder / name).touch(0o600)
    held = here.state / "locks" / "ac-00000002"
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = here.run("doctor", "--fix")
    assert done.code == 0, "notes are no failure"
    left = {str(each.relative_to(here.state)) for each in here.state.glob("*/ac-0000000?")}
    assert left == {"locks/ac-00000002"}


def test_a_copy_that_was_killed_is_told_and_left_to_up_and_down(here: Shell) -> None:
    assert here.run("allocate").code == 0
    (here.state / "seeding").mkdir(mode=0o700)
    record = here.state / "seeding" / "ac-00000001"
    record.write_text("{}\n")
    record.chmod(0o600)
    (told,) = found(here)
    assert told.startswith("leftovers: a copy into the volumes of ac-00000001 was killed")
    assert here.run("doctor", "--fix").code == 1
    assert record.exists()


def test_without_fix_nothing_changes(here: Shell) -> None:
    assert here.run("up").code == 0
    here.state.chmod(0o755)
    (here.cwd / ".composeports" / ".env.99999999.new").touch()

    def look() -> dict[str, tuple[int, bytes]]:
        files = [*here.state.rglob("*"), *here.cwd.rglob("*")]
        return {
            str(each): (each.stat().st_mode, each.read_bytes())
            for each in files
            if each.is_file() and each.suffix not in {".sqlite3-shm", ".sqlite3-wal"}
        }

    before = look()
    assert len(found(here)) == 2
    assert look() == before
    assert here.state.stat().st_mode & 0o777 == 0o755


def test_a_stale_link_is_told_with_the_command_that_mends_it(here: Shell) -> None:
    assert here.run("up").code == 0
    assert here.run("link").code == 0
    linked = (here.cwd / ".env").read_text()
    assert [each for each in found(here) if each.startswith("links")] == []
    assert here.run("down").code == 0
    (here.cwd / ".env").write_text(linked)  # as if it were restored from a backup
    (finding,) = [each for each in examined(here)["findings"] if each["check"] == "links"]
    assert f"{here.cwd}/.env is linked to ac-" in finding["what"]
    assert "which holds no lease" in finding["what"]
    assert here.sh(finding["next_step"]).code == 0
    assert not (here.cwd / ".env").exists()
    assert found(here) == []


def test_a_refused_command_leaves_no_lock(here: Shell, docker: FakeDocker) -> None:
    docker.answer("config", err="broken", code=1)
    assert here.run("up").code == 78
    assert list((here.state / "locks").iterdir()) == []
    docker.publish(web=8080)
    assert here.run("up").code == 0
    docker.answer("config", err="broken", code=1)
    (here.cwd / "compose.yaml").write_text("services: {}")
    assert here.run("up").code == 78
    assert len(list((here.state / "locks").iterdir())) == 1  # the lease is still held


def test_a_refused_command_keeps_the_lock_file_of_a_killed_one(
    here: Shell, docker: FakeDocker
) -> None:
    assert here.run("up").code == 0
    (path,) = (here.state / "locks").iterdir()
    assert here.run("down").code == 0
    with hold(str(path), "down", None, lambda _: None):
        pass  # its work is not marked as finished
    docker.answer("config", err="broken", code=1)
    assert here.run("up").code == 78
    assert path.exists()


def test_of_a_lease_after_a_down_it_is_not_said_who_removed_the_containers(here: Shell) -> None:
    assert here.run("up").code == 0
    assert here.run("down").code == 0
    assert here.run("allocate").code == 0
    told = here.run("doctor", "--json").document
    (finding,) = [entry for entry in told["findings"] if "no containers" in entry["what"]]
    assert "without" not in finding["why"]
