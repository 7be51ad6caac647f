"""The state directory: which users get which permissions, and what is refused."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from composeports.errors import StoreError
from composeports.host import state_directory
from composeports.host.state_directory import file_mode, make_inner_folder, prepare_folder
from composeports.usecases.seed.journal import hold_record
from tests.support.machine import Shell

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    prepare_folder(str(tmp_path / "deep" / "state"))
    assert mode(tmp_path / "deep" / "state") == 0o700


def test_a_folder_that_is_there_keeps_its_rights(tmp_path: Path) -> None:
    for rights in (0o700, 0o755, 0o770, 0o2770, 0o1777):
        tmp_path.chmod(rights)
        prepare_folder(str(tmp_path))
        assert mode(tmp_path) == rights


@pytest.mark.parametrize("rights", [0o777, 0o707, 0o702, 0o2777])
def test_one_that_every_user_may_write_to_is_refused(tmp_path: Path, rights: int) -> None:
    tmp_path.chmod(rights)
    with pytest.raises(StoreError, match="every user may write to") as told:
        prepare_folder(str(tmp_path))
    assert f"chmod o-w '{tmp_path}'" in told.value.hint
    assert "1777" not in told.value.hint
    assert "+t" not in told.value.hint
    assert mode(tmp_path) == rights
    tmp_path.chmod(0o700)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
OTHER, THEIR_GROUP = 12345, 23456


@needs_root
@pytest.mark.parametrize("rights", [0o700, 0o755, 0o770, 0o1777, 0o2750])
def test_one_of_another_user_is_refused(tmp_path: Path, rights: int) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, OTHER, os.getegid())
    folder.chmod(rights)
    with pytest.raises(StoreError, match="belongs to another user") as told:
        prepare_folder(str(folder))
    assert "COMPOSEPORTS_STATE_DIR" in told.value.hint
    assert told.value.details["owner"] == OTHER


@needs_root
def test_one_of_a_group_may_belong_to_another_member(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    os.chown(folder, OTHER, os.getegid())
    folder.chmod(0o2770)
    prepare_folder(str(folder))
    os.chown(folder, OTHER, THEIR_GROUP)
    folder.chmod(0o2770)
    with pytest.raises(StoreError, match="belongs to another user"):
        prepare_folder(str(folder))


@needs_root
def test_one_of_root_may_be_used(common_folder: Path) -> None:
    prepare_folder("/var/lib")
    assert common_folder.exists()


@pytest.mark.parametrize("below", ["state", "deep/state"])
@pytest.mark.parametrize("there", [False, True])
def test_one_below_a_folder_that_every_user_may_change_is_refused(
    tmp_path: Path, below: str, *, there: bool
) -> None:
    upper = tmp_path / "open"
    upper.mkdir()
    if there:
        (upper / below).mkdir(parents=True)
        for made in upper.rglob("*"):
            made.chmod(0o700)
    upper.chmod(0o777)
    for folder in (upper / below, tmp_path / "link" / below):
        with suppress(FileExistsError):
            (tmp_path / "link").symlink_to(upper)
        with pytest.raises(StoreError, match="may write to") as told:
            prepare_folder(str(folder))
        assert Path(str(told.value.details["parent"])).samefile(upper)
    upper.chmod(0o1777)
    prepare_folder(str(upper / below))


def test_one_whose_path_goes_through_a_link_in_an_open_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o700)
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "state").symlink_to(tmp_path / "own")
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="may write to"):
        prepare_folder(str(tmp_path / "open" / "state"))


def test_one_whose_link_leads_into_an_open_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open" / "own").mkdir(parents=True, mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "open" / "own")
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(StoreError, match="may write to") as told:
        prepare_folder(str(tmp_path / "link" / "state"))
    assert told.value.details["parent"] == str(tmp_path / "open")


def test_every_command_refuses_an_open_parent_and_doctor_tells_it(
    shell: Shell, tmp_path: Path
) -> None:
    assert shell.run("allocate").code == 0
    (tmp_path / "open").mkdir()
    shell.state.rename(tmp_path / "open" / "state")
    (tmp_path / "open").chmod(0o777)
    moved = shell.having(COMPOSEPORTS_STATE_DIR=str(tmp_path / "open" / "state"))
    for command in ("env", "status", "allocate", "release"):
        done = moved.run(command)
        assert (done.code, done.out) == (78, "")
        assert f"every user may write to {tmp_path}/open" in done.err
    assert "may write to" in moved.run("doctor").out


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_one_on_a_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(state_directory, "file_system_of", lambda _: kind)
    with pytest.raises(StoreError, match="network file system") as told:
        prepare_folder(str(tmp_path))
    assert told.value.details["file_system"] == kind
    assert "COMPOSEPORTS_STATE_DIR" in told.value.hint


@pytest.mark.parametrize(
    ("outer", "inner", "file"),
    [
        (0o700, 0o700, 0o600),
        (0o755, 0o700, 0o600),
        (0o2770, 0o2770, 0o660),
        (0o1777, 0o1777, 0o666),
    ],
)
def test_what_is_made_inside_is_for_those_who_share_it(
    tmp_path: Path, outer: int, inner: int, file: int
) -> None:
    tmp_path.chmod(outer)
    make_inner_folder(str(tmp_path / "locks"))
    make_inner_folder(str(tmp_path / "locks"))
    assert mode(tmp_path / "locks") == inner
    assert file_mode(inner) == file


def test_records_of_copies_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "seeding" / "ac-1"
    with hold_record(str(path)) as record:
        assert record is not None
        assert [mode(each) for each in (path, path.parent, path.parents[1])] == [
            0o600,
            0o700,
            0o700,
        ]
