"""The default path of the store."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote

import platformdirs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.paths import STORE_FILE, default_store_url, state_directory

NOWHERE = "/nowhere/at/all"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"COMPOSEPORTS_STATE_DIR": "/s/t"}, "/s/t", id="given"),
        pytest.param({"COMPOSEPORTS_STATE_DIR": "/s/../t/"}, "/t", id="given in a roundabout way"),
        pytest.param({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/composeports", id="XDG"),
        pytest.param(
            {"XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/composeports", id="relative XDG"
        ),
        pytest.param({"HOME": "/h"}, "/h/.local/state/composeports", id="home"),
        pytest.param(
            {"COMPOSEPORTS_STATE_DIR": "", "HOME": "/h"},
            "/h/.local/state/composeports",
            id="given as empty",
        ),
    ],
)
def test_the_state_directory_is(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert state_directory(environ, NOWHERE) == expected


def test_a_relative_directory_is_taken_from_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert state_directory({"COMPOSEPORTS_STATE_DIR": "s"}, NOWHERE) == str(tmp_path / "s")


def test_a_given_home_is_the_user_s() -> None:
    given_ = {"COMPOSEPORTS_STATE_DIR": "~/state"}
    assert state_directory(given_, NOWHERE) == str(Path.home() / "state")


def test_without_a_home_the_user_s_own_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    expected = Path.home() / ".local" / "state" / "composeports"
    assert state_directory({}, NOWHERE) == str(expected)


def test_a_shared_directory_is_used_where_there_is_one(tmp_path: Path) -> None:
    assert state_directory({"HOME": "/h"}, str(tmp_path)) == str(tmp_path)


def test_a_directory_that_was_given_is_stronger_than_the_shared_one(tmp_path: Path) -> None:
    assert state_directory({"COMPOSEPORTS_STATE_DIR": "/s"}, str(tmp_path)) == "/s"


def test_a_shared_directory_that_is_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert state_directory({"HOME": "/h"}, str(tmp_path / "file")).startswith("/h/")


@pytest.mark.parametrize("platform", ["darwin", "linux"])
def test_the_platform_s_own_convention_is_followed(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    expected = platformdirs.user_state_path("composeports", appauthor=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert state_directory(dict(os.environ) | {"COMPOSEPORTS_STATE_DIR": ""}, NOWHERE) == str(
        expected
    )


@given(
    st.text(st.characters(exclude_characters="/\0"), min_size=1)
    | st.sampled_from(["%41", "%25", "a?b", "a#b", "50%", "é \udcff"])
)
def test_the_store_s_url_leads_to_a_file_in_the_state_directory(name: str) -> None:
    environ = {"COMPOSEPORTS_STATE_DIR": f"/s/{name}x"}
    scheme, _, path = default_store_url(environ).partition("://")
    assert scheme == "sqlite"
    assert not {"?", "#"} & set(path)
    assert unquote(path, errors="surrogateescape") == f"/s/{name}x/{STORE_FILE}"
