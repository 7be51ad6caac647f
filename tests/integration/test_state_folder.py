"""The folder that remembers: who gets which rights, and what is refused."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from composeports.errors import StoreError
from composeports.host import state_folder
from composeports.host.seed_records import hold_record
from composeports.host.state_folder import file_mode, make_inner_folder, prepare_folder

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
    assert mode(tmp_path) == rights
    tmp_path.chmod(0o700)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_one_on_a_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(state_folder, "file_system_of", lambda _: kind)
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
