"""COMPOSEPORTS_STORE: which stores it can name, and the errors for other values."""

import os
from pathlib import Path

import pytest

from composeports.config import Config
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.errors import ConfigError
from composeports.paths import default_store_url, state_directory
from composeports.stores.memory import MemoryStore
from composeports.stores.open import open_store
from composeports.stores.url import without_password

pytestmark = pytest.mark.integration

LEASE = Lease("a", PortBlock(10000, 10), project_name("a"), 100.0, 200.0)


def write_through(url: str) -> None:
    store = open_store(url)
    store.update("a", lambda _: StoreUpdate(LEASE))
    store.close()


def test_memory_is_a_store() -> None:
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("leases.db", "leases.db"),
        ("a b/日本.db", "a b/日本.db"),
        ("a%20b.db", "a b.db"),
        ("100%25.db", "100%.db"),
        ("what%3F%23.db", "what?#.db"),
        ('it\'s "$(x)".db', 'it\'s "$(x)".db'),
    ],
)
def test_a_url_names_a_file(tmp_path: Path, written: str, name: str) -> None:
    write_through(f"sqlite://{tmp_path}/{written}")
    assert (tmp_path / name).is_file()


def test_nothing_is_made_by_opening(tmp_path: Path) -> None:
    open_store(f"sqlite://{tmp_path}/sub/leases.db").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "no store"),
        ("mysql://host/db", "no store that this version knows"),
        ("/var/lib/leases.db", "no store"),
        ("memory", "no store"),
        ("sqlite:leases.db", "no store"),
        ("sqlite://leases.db", "no absolute path (three slashes)"),
        ("sqlite://", "no absolute path"),
        ("sqlite:///tmp/a?mode=ro", "more than a path"),
        ("sqlite:///tmp/a#b", "more than a path"),
        ("sqlite:///tmp/a%00b", "more than a path"),
        ("sqlite:////", "names a folder"),
        ("sqlite:///tmp/no-such-folder/", "names a folder"),
    ],
)
def test_what_names_no_store_is_refused_with_the_setting_s_name(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as told:
        open_store(url)
    assert "COMPOSEPORTS_STORE=" in told.value.message
    assert reason in told.value.message
    assert "sqlite:///" in told.value.hint
    assert told.value.details["setting"] == "COMPOSEPORTS_STORE"
    assert (told.value.exit_code, told.value.code) == (78, "invalid_config")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names a folder, not a file"):
        open_store(f"sqlite://{tmp_path}")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://user:hunter2@host/db", "mysql://...@host/db"),
        ("mysql://user:hunter2@host/db?password=hunter2", "mysql://...@host/db?..."),
        ("mysql://user:hun@ter2@host/db", "mysql://...@host/db"),
        ("mysql://hunter2@host", "mysql://...@host"),
        ("redis://host/?auth=hunter2", "redis://host/?..."),
        ("host=x password=hunter2", "..."),
        ("user:hunter2@host", "..."),
        ("mysql://host/db", "mysql://host/db"),
        ("memory", "memory"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    with pytest.raises(ConfigError) as told:
        open_store(url)
    assert "hunter2" not in str(told.value.as_dict())
    assert f"COMPOSEPORTS_STORE={shown} " in told.value.message


# Where the store is by default


def test_the_default_is_a_file_in_the_state_directory(tmp_path: Path) -> None:
    write_through(Config.from_env({"COMPOSEPORTS_STATE_DIR": str(tmp_path / "s")}).store)
    assert (tmp_path / "s" / "leases.sqlite3").is_file()


@pytest.mark.parametrize("name", ["a b", "100%", "a?b", "a#b", "%41", "日本", os.fsdecode(b"\xe9")])
def test_the_default_survives_any_name_of_the_state_directory(tmp_path: Path, name: str) -> None:
    write_through(default_store_url({"COMPOSEPORTS_STATE_DIR": str(tmp_path / name)}))
    assert (tmp_path / name / "leases.sqlite3").is_file()


def test_the_shared_directory_is_used_where_it_can_be_written(
    tmp_path: Path,
) -> None:
    shared, given = str(tmp_path), {"HOME": "/home/a", "COMPOSEPORTS_STATE_DIR": "/x"}
    assert state_directory({"HOME": "/home/a"}, shared) == shared
    assert state_directory(given, shared) == "/x"


def test_a_shared_directory_that_cannot_be_written_is_left_alone(
    common_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (common_folder / "shared").mkdir(mode=0o555)
    shared = str(common_folder / "shared")
    monkeypatch.setattr("sys.platform", "linux")
    found = state_directory({"HOME": "/home/a"}, shared)
    assert found == "/home/a/.local/state/composeports"


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"HOME": "/home/a"}, "/home/a/.local/state/composeports"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "/s"}, "/s/composeports"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": "relative"}, "/home/a/.local/state/composeports"),
        ({"HOME": "/home/a", "XDG_STATE_HOME": ""}, "/home/a/.local/state/composeports"),
        ({"HOME": "/home/a", "COMPOSEPORTS_STATE_DIR": "/a/../b"}, "/b"),
    ],
)
def test_the_user_s_own_directory_is_the_platform_s(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], found: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert state_directory(environ, "/no/such/folder") == found
