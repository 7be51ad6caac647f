"""The config cache: used for the same texts in any worktree, never from another user's file."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from composeports.docker.config_cache import KEPT, TURNS, ConfigCache, digest_of

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "observed"


def kept(folder: Path, digest: str = "abc") -> str | None:
    return ConfigCache(str(folder), digest).text


@contextmanager
def another_process(folder: Path, *steps: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a process that does the steps and says what came of each; it is killed at the end."""
    script = f"""
from composeports.docker.config_cache import ConfigCache
mine = ConfigCache({str(folder)!r}, "abc")
for step in {steps!r}:
    if step == "input":
        input()
        continue
    getattr(mine, step)()
    print(mine.text or ("awaited" if mine.is_awaited else "first"), flush=True)
"""
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        yield other
        other.kill()


def said(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_was_kept_is_there_for_the_next(folder: Path) -> None:
    assert kept(folder) is None
    assert not folder.parent.exists()
    ConfigCache(str(folder), "abc").keep("seen")
    assert kept(folder) == "seen"
    assert kept(folder, "other") is None
    assert (folder / "abc").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_nothing_is_kept_for_files_that_cannot_be_told_apart(folder: Path) -> None:
    ConfigCache(str(folder), "").keep("seen")
    assert not folder.exists()
    assert kept(folder, "") is None


def test_the_same_text_is_not_written_again(folder: Path) -> None:
    ConfigCache(str(folder), "abc").keep("seen")
    before = (folder / "abc").stat().st_ino
    ConfigCache(str(folder), "abc").keep("seen")
    assert (folder / "abc").stat().st_ino == before


def test_somebody_elses_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ConfigCache(str(folder), "abc").keep("seen")
    stranger = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    assert kept(folder) is None


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    folder.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("planted")
    (folder / "abc").symlink_to(tmp_path / "elsewhere")
    assert kept(folder) is None
    ConfigCache(str(folder), "abc").keep("seen")
    assert (tmp_path / "elsewhere").read_text() == "planted"
    assert kept(folder) == "seen"


def test_text_that_is_none_counts_for_nothing(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "abc").write_bytes(b"\xff\xfe")
    assert kept(folder) is None


def test_where_nothing_can_be_kept_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    ConfigCache(str(tmp_path / "state"), "abc").keep("seen")
    assert (tmp_path / "state").read_text() == "a file"


def test_only_the_newest_are_kept(folder: Path) -> None:
    for number in range(KEPT + 3):
        ConfigCache(str(folder), f"digest{number}").keep("seen")
        os.utime(folder / f"digest{number}", (number, number))
    ConfigCache(str(folder), "last").keep("seen")
    names = set(os.listdir(folder))
    assert len(names) == KEPT
    assert "last" in names
    assert "digest0" not in names


def test_what_a_killed_process_left_is_removed_by_the_next(folder: Path) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    ConfigCache(str(folder), "abc").keep("seen")
    left = folder / f"def.{ended.pid}.new"
    under_way = folder / f"def.{os.getppid()}.new"
    for path in (left, under_way):
        path.touch()
    ConfigCache(str(folder), "abc").keep("seen again")
    assert not left.exists()
    assert under_way.exists()


@pytest.mark.parametrize(
    ("texts", "same"),
    [
        pytest.param(("services: {}", "services: {}"), True, id="the same text"),
        pytest.param(("services: {}", "services: {a: {}}"), False, id="another text"),
        pytest.param(("include: [x.yaml]", "include: [x.yaml]"), False, id="other files take part"),
    ],
)
def test_the_digest_is_that_of_the_texts(
    tmp_path: Path, texts: tuple[str, str], *, same: bool
) -> None:
    digests = []
    for name, text in zip("ab", texts, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yaml").write_text(text)
        digests.append(digest_of([str(tmp_path / name / "compose.yaml")]))
    assert (digests[0] == digests[1] != "") is same


def test_texts_are_not_joined(tmp_path: Path) -> None:
    for name, text in {"a": "ab", "b": "c", "c": "a", "d": "bc"}.items():
        (tmp_path / name).write_text(text)
    one, two, three, four = (str(tmp_path / name) for name in "abcd")
    assert digest_of([one, two]) != digest_of([three, four])


def test_a_file_that_is_gone_has_no_digest(tmp_path: Path) -> None:
    assert digest_of([str(tmp_path / "gone")]) == ""


def test_one_asks_and_the_others_wait_for_what_it_keeps(folder: Path) -> None:
    first = ConfigCache(str(folder), "abc")
    first.take_turn()
    assert not first.is_awaited
    with another_process(folder, "take_turn", "wait") as other:
        assert said(other) == "awaited"
        first.keep("seen")
        assert said(other) == "seen"


def test_who_comes_after_the_turn_needs_none(folder: Path) -> None:
    first, late = ConfigCache(str(folder), "abc"), ConfigCache(str(folder), "abc")
    first.take_turn()
    first.keep("seen")
    late.take_turn()
    assert (late.text, late.is_awaited) == ("seen", False)


def test_a_turn_ends_with_its_process(folder: Path) -> None:
    mine = ConfigCache(str(folder), "abc")
    with another_process(folder, "take_turn", "input") as killed:
        assert said(killed) == "first"
        mine.take_turn()
        assert mine.is_awaited
    began = time.monotonic()
    mine.wait()
    assert time.monotonic() - began < 1
    assert (mine.text, mine.is_awaited) == (None, False)


def test_nobody_waits_for_ever(folder: Path) -> None:
    mine = ConfigCache(str(folder), "abc")
    with another_process(folder, "take_turn", "input") as slow:
        assert said(slow) == "first"
        mine.take_turn()
        mine.wait(0.1)
        assert (mine.text, mine.is_awaited) == (None, False)


def test_other_files_have_a_turn_of_their_own(folder: Path) -> None:
    mine = ConfigCache(str(folder), "def")
    with another_process(folder, "take_turn", "input") as slow:
        assert said(slow) == "first"
        mine.take_turn()
        assert not mine.is_awaited
    mine.release()


def test_without_a_place_for_turns_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    alone = ConfigCache(str(tmp_path / "state"), "abc")
    alone.take_turn()
    alone.wait()
    alone.keep("seen")
    assert (alone.text, alone.is_awaited) == (None, False)


def test_the_file_of_the_turns_stays(folder: Path) -> None:
    first = ConfigCache(str(folder), "abc")
    first.take_turn()
    first.keep("seen")
    os.utime(folder / TURNS, (0, 0))
    for number in range(KEPT + 3):
        ConfigCache(str(folder), f"digest{number}").keep("seen")
    assert (folder / TURNS).exists()
