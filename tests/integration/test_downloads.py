"""`make fetch` fetches all downloads; a download that is missing later is named at once."""

import json
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from devkit import cache, downloads, nodejs, packages, wheels
from devkit.packages import Wish
from tests.harness.program import run

pytestmark = pytest.mark.integration

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache."""
    monkeypatch.setenv("COMPOSEPORTS_DEV_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize(
    ("fetch", "named"),
    [
        pytest.param(
            lambda: packages.unpacked("ssh", Wish("bookworm", ("openssh-server",))),
            "openssh-server from bookworm",
            id="a Debian package",
        ),
        pytest.param(lambda: nodejs.npm_packages("axe", "axe-core@1"), "axe-core@1", id="npm"),
        pytest.param(nodejs.inspector, "inspector", id="a program of npm"),
        pytest.param(wheels.wheels, "wheels", id="wheels"),
    ],
)
def test_what_is_missing_is_named_and_not_fetched(
    fetch: Callable[[], object], named: str, empty: Path
) -> None:
    with pytest.raises(cache.DevError, match="make fetch") as caught:
        fetch()
    assert named in str(caught.value)
    assert not list(empty.glob("trees/*"))


def test_a_program_that_needs_a_download_says_so_without_a_traceback(empty: Path) -> None:
    argv = [sys.executable, str(SCRIPTS / "inspector.py")]
    done = run(*argv, environ=os.environ)
    assert done.code == 1
    assert "make fetch" in done.err
    assert "Traceback" not in done.err
    assert not list(empty.glob("trees/*"))


def test_what_is_there_is_not_fetched_again(
    empty: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = empty / "trees" / "npm-axe-axe-core-1" / "node_modules"
    wanted.mkdir(parents=True)
    assert nodejs.npm_packages("axe", "axe-core@1") == wanted
    assert capsys.readouterr().err == ""


def test_progress_names_the_step_and_what_is_fetched(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with cache.fetching("2/9 ssh") as step:
        cache.begin_fetch("openssh-server", "bookworm")
    assert step.count == 1
    assert capsys.readouterr().err == "[dev] 2/9 ssh: fetching openssh-server from bookworm\n"
    with pytest.raises(cache.DevError):
        cache.begin_fetch("openssh-client", "bookworm")


def test_each_purpose_needs_what_those_before_it_need() -> None:
    names = [{each.name for each in downloads.needed((purpose,))} for purpose in downloads.PURPOSES]
    assert all(fewer <= more for fewer, more in pairwise(names))
    assert names[0] < names[1]


def test_the_makefile_fetches_before_whatever_runs_tests() -> None:
    makefile = (SCRIPTS.parent / "Makefile").read_text()
    rules = [line for line in makefile.splitlines() if line.startswith(("test", "demo", "bench"))]
    names = {rule.partition(":")[0]: rule for rule in rules if ":" in rule}
    own_group = {"test-fresh"}  # it fetches in the clone that it makes
    assert [
        name for name, rule in names.items() if ": fetch-" not in rule and name not in own_group
    ] == []
    assert {"test", "demo", "test-with-engine-2", "test-fleet", "bench"} <= set(names)


def test_an_unknown_purpose_is_refused() -> None:
    argv = [sys.executable, str(SCRIPTS / "fetch.py"), "lunch"]
    done = run(*argv)
    assert done.code == 2
    assert json.dumps(list(downloads.PURPOSES))[1:-1].replace('"', "") in done.err
