"""`naming = "worktree"`: which project name a session gets, keeps and leaves."""

import re
from pathlib import Path

import pytest

from composeports.config import Config
from composeports.core.lease import Lease
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.paths import seed_record
from composeports.usecases.allocate import allocate
from composeports.usecases.host_facts import sibling_project_name
from composeports.usecases.prepare import take_new_name
from composeports.usecases.release import release_without_stack
from composeports.usecases.reserve import preview_lease
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import session_by_id, session_from_record
from tests.harness.repository import add_worktree, git
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration

TWINS = ("session-16250", "session-52884")
SETTINGS = "composeports.toml"


@pytest.fixture
def worktree(repository: Path, tmp_path: Path) -> Path:
    """A worktree in a folder whose name is no readable name as it is."""
    return add_worktree(repository, tmp_path / "Login_Form", "feature/login")


def configure(folder: Path, text: str = 'naming = "worktree"') -> None:
    (folder / SETTINGS).write_text(text)


def expected(session: Session) -> str:
    return session.expected_project_name(session.record())


def given(session: Session) -> str:
    """Return the name of the session's lease, which is the one that was expected."""
    name = expected(session)
    assert preview_lease(session, (), lambda lease, _: lease).project == name
    lease = allocate(session)
    assert lease.project == name
    assert expected(session) == name
    return name


def release(machine: FakeMachine, cwd: Path, name: str | None = None) -> Lease:
    release_without_stack(machine.session(name, cwd=cwd))
    record = machine.session(name, cwd=cwd).record()
    assert record is not None
    return record


def test_a_new_session_has_the_name_of_its_folder_in_its_project(
    machine: FakeMachine, worktree: Path
) -> None:
    configure(worktree)
    session = machine.session(cwd=worktree)
    name = given(session)
    assert name == project_name(session.session_id, prefix="ac-login-form")
    assert given(machine.session(cwd=worktree)) == name


def test_a_prefix_comes_first_and_a_sub_folder_is_told_by_its_hash(
    machine: FakeMachine, worktree: Path
) -> None:
    configure(worktree, 'naming = "worktree"\nprefix = "team"\nfiles = ["api/compose.yaml"]')
    (worktree / "api").mkdir()
    (worktree / "api/compose.yaml").write_text("services: {}\n")
    session = machine.session(cwd=worktree)
    assert session.session_id.endswith("#api")
    assert given(session) == project_name(session.session_id, prefix="team-login-form")


def test_a_named_session_has_its_id_in_its_project_and_its_folder(
    machine: FakeMachine, worktree: Path
) -> None:
    configure(worktree)
    session = machine.session("Review 7", cwd=worktree)
    folder = session.folder.path
    assert given(session) == project_name("Review 7", prefix="ac-review-7")
    assert folder == f"{worktree}/.composeports/{session.expected_project_name(session.record())}"
    configure(worktree, "")
    assert machine.session("Review 7", cwd=worktree).folder.path == folder


def test_worktrees_of_one_name_have_projects_of_their_own(
    machine: FakeMachine, repository: Path, tmp_path: Path
) -> None:
    folders = [add_worktree(repository, tmp_path / at / "login", at) for at in ("one", "two")]
    for folder in folders:
        configure(folder)
    names = [given(machine.session(cwd=folder)) for folder in folders]
    assert all(name.startswith("ac-login-") for name in names)
    assert len(set(names)) == 2
    readable = {lease.name for lease in machine.store.held()}
    assert readable == {"login", "login-2"}


def test_the_machine_s_naming_is_that_of_repositories_that_set_none(
    machine: FakeMachine, worktree: Path
) -> None:
    def session() -> Session:
        context = machine.context(cwd=worktree)
        return Session(context._replace(config=context.config._replace(naming="worktree")))

    assert expected(session()).startswith("ac-login-form-")
    configure(worktree, 'naming = "hash"')
    assert re.fullmatch("ac-[0-9a-f]{8}", expected(session()))


def test_a_session_by_its_id_alone_follows_the_machine(machine: FakeMachine) -> None:
    config = Config(port_allocator=machine.settings, naming="worktree")
    context = machine.context()._replace(config=config)
    session = session_by_id(context, "agent-7")
    assert given(session) == project_name("agent-7", prefix="ac-agent-7")
    plain = session_by_id(machine.context(), "agent-8")
    assert given(plain) == project_name("agent-8")
    release_without_stack(plain)
    assert given(session_by_id(context, "agent-8")) == project_name("agent-8")


@pytest.mark.parametrize("texts", [("", 'naming = "worktree"'), ('naming = "worktree"', "")])
def test_a_held_lease_keeps_its_project(
    machine: FakeMachine, worktree: Path, texts: tuple[str, str]
) -> None:
    before, after = texts
    configure(worktree, before)
    name = given(machine.session(cwd=worktree))
    configure(worktree, after)
    assert given(machine.session(cwd=worktree)) == name


@pytest.mark.parametrize("texts", [("", 'naming = "worktree"'), ('naming = "worktree"', "")])
def test_a_released_lease_keeps_its_project_while_the_engine_has_anything_of_it(
    machine: FakeMachine, worktree: Path, texts: tuple[str, str]
) -> None:
    before, after = texts
    configure(worktree, before)
    name = given(machine.session(cwd=worktree))
    assert release(machine, worktree).project == name
    configure(worktree, after)
    machine.engine.kept_volumes.add(name)
    assert given(machine.session(cwd=worktree)) == name
    release(machine, worktree)
    machine.engine.kept_volumes.clear()
    machine.engine.add(name, state="exited")
    assert expected(machine.session(cwd=worktree)) == name
    machine.engine.present.clear()
    new_name = given(machine.session(cwd=worktree))
    assert new_name != name
    assert new_name == project_name(
        machine.session(cwd=worktree).session_id, prefix="ac-login-form" if after else "ac"
    )


def test_a_network_or_an_unfinished_copy_keeps_the_project(
    machine: FakeMachine, worktree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"COMPOSEPORTS_STATE_DIR": str(tmp_path / "state")}

    def session() -> Session:
        return Session(machine.context(environ, cwd=worktree))

    name = given(session())
    release(machine, worktree)
    configure(worktree)
    with monkeypatch.context() as patch:
        patch.setattr(machine.engine, "networks", lambda project: (project,))
        assert expected(session()) == name
    record = Path(seed_record(environ, name))
    record.parent.mkdir(parents=True)
    record.write_text("")
    assert expected(session()) == name
    record.unlink()
    assert expected(session()).startswith("ac-login-form-")


def test_an_engine_that_is_away_or_another_one_keeps_the_project(
    machine: FakeMachine, worktree: Path
) -> None:
    name = given(machine.session(cwd=worktree))
    record = release(machine, worktree)
    configure(worktree)
    machine.engine.away = True
    assert given(machine.session(cwd=worktree)) == name
    machine.engine.away = False
    release(machine, worktree)
    machine.store.update(record.session_id, lambda snapshot: _elsewhere(snapshot.own or record))
    assert expected(machine.session(cwd=worktree)) == name


def _elsewhere(lease: Lease) -> StoreUpdate:
    return StoreUpdate(lease._replace(held=False, engine="unix:///elsewhere"))


def test_a_command_uses_one_name_from_its_start_to_its_end(
    machine: FakeMachine, worktree: Path
) -> None:
    name = given(machine.session("mine", cwd=worktree))
    configure(worktree)
    session = machine.session("mine", cwd=worktree)
    release_without_stack(session)
    assert expected(session) == name
    assert session.folder.path.endswith(f"/{name}")
    assert expected(machine.session("mine", cwd=worktree)) != name


def test_a_new_prefix_is_used_once_nothing_is_left(machine: FakeMachine, worktree: Path) -> None:
    name = given(machine.session(cwd=worktree))
    configure(worktree, 'prefix = "team"')
    assert given(machine.session(cwd=worktree)) == name
    release(machine, worktree)
    machine.engine.kept_volumes.add(name)
    assert given(machine.session(cwd=worktree)) == name
    release(machine, worktree)
    machine.engine.kept_volumes.clear()
    assert given(machine.session(cwd=worktree)) == f"team-{name.rpartition('-')[2]}"


def test_a_session_that_is_opened_by_its_record_keeps_its_project(
    machine: FakeMachine, worktree: Path
) -> None:
    configure(worktree)
    session = machine.session(cwd=worktree)
    name = given(session)
    release(machine, worktree)
    opened = session_from_record(machine.context(), session.session_id)
    assert expected(opened) == name
    assert allocate(opened).project == name


def test_a_worktree_that_is_renamed_keeps_its_project(
    machine: FakeMachine, repository: Path, worktree: Path, tmp_path: Path
) -> None:
    configure(worktree)
    name = given(machine.session(cwd=worktree))
    moved = tmp_path / "sign-in"
    git(repository, "worktree", "move", str(worktree), str(moved))
    assert given(machine.session(cwd=moved)) == name
    release(machine, moved)
    machine.engine.kept_volumes.add(name)
    assert given(machine.session(cwd=moved)) == name


def test_twins_have_names_of_their_own(machine: FakeMachine, worktree: Path) -> None:
    """Two sessions with one hash, whose ids begin alike."""
    configure(worktree)
    long = [f"{'x' * 30}-{number}" for number in range(2)]
    assert len({given(machine.session(name, cwd=worktree)) for name in long}) == 2
    release(machine, worktree, long[0])
    names = {given(machine.session(twin, cwd=worktree)) for twin in TWINS}
    assert len(names) == 2


def test_as_new_takes_another_name_if_a_stack_of_another_store_has_it(
    machine: FakeMachine, worktree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.engine, "entries", lambda _kind, _label: [])
    configure(worktree)
    name = expected(machine.session(cwd=worktree))
    machine.engine.add(name)
    session = machine.session(cwd=worktree)
    take_new_name(session)
    record = machine.session(cwd=worktree).record()
    assert record is not None
    assert record.project == project_name(session.session_id, {name}, "ac-login-form")


def test_the_name_of_a_sibling_follows_its_own_settings(
    machine: FakeMachine, worktree: Path
) -> None:
    configure(worktree)
    (worktree / "edge").mkdir()
    (worktree / "edge/compose.yaml").write_text("services: {}\n")
    edge = machine.session(cwd=worktree / "edge")
    session = machine.session(cwd=worktree)
    assert edge.session_id.endswith("#edge")
    assert sibling_project_name(session, edge.place) == expected(edge)
