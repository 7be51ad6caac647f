"""Control characters are printed as escapes: in paths, records, settings and program output."""

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness.repository import make_repository
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

# ESC, the one-character CSI, a bell, an override of the writing direction, and a delete.
NASTY = "x\x1b[31m\x9b1m\a\u202e\x7f"
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
COMMANDS = [
    ("plan",),
    ("status",),
    ("url", "web"),
    ("url", NASTY),
    ("allocate",),
    ("gc",),
    ("gc", "--dry-run"),
    ("doctor",),
    ("init", "--dry-run", "--settings"),
    ("skills", "check"),
    ("store", "info"),
    ("link",),
    ("unlink",),
    ("release",),
    ("down",),
    ("up", "--strict"),
    ("release", "--session", NASTY),
    ("env", "--session", f"no {NASTY}"),
    ("-f", NASTY, "plan"),
    (NASTY,),
    ("plan", f"--{NASTY}"),
]


def assert_shown(shell: Shell, *words: str) -> None:
    done = shell.run(*words)
    # What `env` prints is for a shell, which gets values as they are.
    text = done.err + ("" if words[0] == "env" else done.out)
    found = [line for line in text.split("\n") if RAW.search(line)]
    assert not found, words
    assert done.code in {0, 1, 2, 66, 69, 75, 78}, (words, done)


@pytest.fixture
def nasty(shell: Shell, tmp_path: Path) -> Shell:
    """Return a repository at a nasty path, with nasty things in its Compose file."""
    folder = make_repository(tmp_path / NASTY / "shop")
    docker = FakeDocker(tmp_path / "docker")
    port = {"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}
    service = {"image": NASTY, "container_name": NASTY, "network_mode": "host"}
    services = {
        "web": {"image": "scratch", "ports": [port], "environment": {"URL": NASTY}},
        NASTY: service,
    }
    docker.answer("config", json.dumps({"name": "any", "services": services}))
    return shell.using(docker).at(folder)


def test_paths_and_names_are_shown_as_escapes(nasty: Shell) -> None:
    nasty.run("allocate", "--session", NASTY)
    for words in COMMANDS:
        assert_shown(nasty, *words)


def test_json_has_them_as_escapes_too(nasty: Shell) -> None:
    nasty.run("allocate", "--session", NASTY)
    for words in ("plan",), ("status",), ("url", NASTY), ("gc",), ("doctor",), ("down",):
        assert_shown(nasty, *words, "--json")
    sessions = [row["session_id"] for row in nasty.run("status", "--json").document]
    assert NASTY in sessions


@pytest.mark.parametrize("column", ["environment", "project", "memory"])
def test_damaged_records_are_shown_as_escapes(nasty: Shell, column: str) -> None:
    nasty.run("allocate")
    with closing(sqlite3.connect(nasty.state / "leases.sqlite3")) as store, store:
        store.execute(f"UPDATE leases SET {column} = ?", (NASTY,))
    for words in ("status",), ("env",), ("doctor",), ("gc",), ("url", "web"):
        assert_shown(nasty, *words)


@pytest.mark.parametrize(
    "text",
    [f'files = ["{NASTY}"]\n', f"{NASTY} = 1\n", '"x\\u001b[31m" = 1\n', 'prefix = "\\u001b[1m"\n'],
)
def test_settings_are_shown_as_escapes(nasty: Shell, text: str) -> None:
    (nasty.cwd / "composeports.toml").write_text(text)
    for words in ("plan",), ("env",), ("doctor",), ("up",):
        assert_shown(nasty, *words)


def test_what_programs_say_is_shown_as_escapes(nasty: Shell, tmp_path: Path) -> None:
    docker = FakeDocker(tmp_path / "docker")
    docker.answer("config", err=f"{NASTY}\n", code=15)
    docker.answer("ps", err=f"{NASTY}\n", code=1)
    for words in ("plan",), ("status",), ("gc",), ("doctor",), ("down",):
        assert_shown(nasty.using(docker), *words)
