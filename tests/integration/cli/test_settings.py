"""`composeports settings`, and what the user's settings file changes; the installed program."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from composeports.usecases.completion import sessions
from tests.harness.program import PROGRAM
from tests.harness.repository import make_repository
from tests.harness.terminal import Running, on_terminal
from tests.support.machine import Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def file(shell: Shell) -> Path:
    """The user's settings file, which does not exist yet."""
    return Path(shell.environ["HOME"]) / ".config/composeports/config.toml"


def values(shell: Shell) -> dict[str, tuple[object, str]]:
    """Return value and origin of each setting by its name."""
    found = json.loads(shell.run("settings", "list", "--json").out)
    return {each["name"]: (each["value"], each["origin"]) for each in found}


def test_every_setting_is_shown_with_its_origin(shell: Shell, file: Path) -> None:
    repository = make_repository(
        shell.cwd / "shop",
        {"compose.yaml": "services: {}\n", "composeports.toml": 'prefix = "shop"\n'},
    )
    assert shell.run("settings", "set", "max_sessions", "100").code == 0
    found = values(shell.at(repository).having(PORT_ALLOC_BASE="20000"))
    assert found["max_sessions"] == (100, str(file))
    assert found["base_port"] == (20000, "PORT_ALLOC_BASE")
    assert found["ttl_minutes"] == (120, "default")
    assert found["prefix"] == ("shop", f"{repository}/composeports.toml")
    assert found["main"] == ("block", "default")
    assert "Setting" in shell.run("settings").out


def test_one_setting_is_printed(shell: Shell) -> None:
    shell.run("settings", "set", "base_port", "20000")
    assert shell.run("settings", "get", "base_port").out == "20000\n"
    assert shell.run("settings", "get", "PORT_ALLOC_BASE").out == "20000\n"
    assert shell.run("settings", "get", "isolate.images").out == "true\n"
    done = shell.run("settings", "get", "max_session")
    assert (done.code, done.out) == (2, "")
    assert "did you mean max_sessions?" in done.err


def test_what_is_set_counts_and_can_be_unset(shell: Shell, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("# of this machine\n")
    file.chmod(0o640)
    shell.run("settings", "set", "base_port", "20000")
    lease = json.loads(shell.run("allocate", "--session", "a", "--json").out)
    assert lease["db_port"] == 20000
    assert file.read_text() == "# of this machine\nbase_port = 20000\n"
    assert file.stat().st_mode & 0o777 == 0o640
    shell.run("settings", "unset", "base_port")
    assert file.read_text() == "# of this machine\n"


def test_a_variable_has_precedence_and_that_is_told(shell: Shell) -> None:
    shell = shell.having(PORT_ALLOC_MAX_SESSIONS="5")
    done = shell.run("settings", "set", "max_sessions", "100")
    assert "PORT_ALLOC_MAX_SESSIONS is set in this environment" in done.err
    assert values(shell)["max_sessions"] == (5, "PORT_ALLOC_MAX_SESSIONS")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("max_sessions", "1000", "must be <= 65535"),
        ("max_sessions", "0", "max_sessions must be >= 1, got 0"),
        ("max_sessions", "many", "max_sessions must be a whole number"),
        ("store", "mysql://db", "is no store that this version knows"),
        ("subnet_pool", "8.8.0.0/16", "subnet_pool must be a private IPv4 network"),
        ("naming", "folder", 'naming must be "hash" or "worktree", got "folder"'),
    ],
)
def test_a_value_that_cannot_work_is_not_written(
    shell: Shell, file: Path, key: str, value: str, message: str
) -> None:
    done = shell.run("settings", "set", key, value)
    assert done.code == 78
    assert message in done.err
    assert "hint: " in done.err
    assert not file.exists()


def test_an_unknown_name_and_a_setting_of_the_repository_are_usage_errors(shell: Shell) -> None:
    assert "known: base_port" in shell.run("settings", "set", "colour", "red").err
    done = shell.run("settings", "set", "strict", "true")
    assert done.code == 2
    assert "composeports.toml" in done.err
    assert shell.run("settings", "set", "max_sessions", "").code == 2


def test_a_value_that_is_not_accepted_is_told_with_the_file(shell: Shell, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("max_sessions = 0\n")
    done = shell.run("allocate", "--session", "a")
    assert (done.code, done.out) == (78, "")
    assert f"error: {file}: max_sessions must be >= 1, got 0" in done.err
    file.write_text("max_sessions = [\n")
    done = shell.run("allocate", "--session", "a")
    assert done.code == 78
    assert f"{file} is not valid TOML" in done.err


def test_a_password_is_not_shown_and_only_the_user_can_read_it(shell: Shell, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("max_sessions = 5\n")
    file.chmod(0o644)
    done = shell.run("settings", "set", "store", "postgresql://me:secret@db/leases")
    assert done.code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    shown = shell.run("settings").out + shell.run("settings", "get", "store").out
    assert "postgresql://...@db/leases" in shown
    assert "secret" not in shown


def test_the_store_of_the_file_is_used_on_every_path(shell: Shell, tmp_path: Path) -> None:
    url = f"sqlite://{tmp_path}/elsewhere.sqlite3"
    shell.run("settings", "set", "store", url)
    repository = make_repository(shell.cwd / "shop", {"compose.yaml": "services: {}\n"})
    shell = shell.at(repository)
    assert shell.run("allocate").code == 0
    assert (tmp_path / "elsewhere.sqlite3").exists()
    assert "COMPOSE_PROJECT_NAME=" in shell.run("env", "--format", "dotenv").out
    assert len(sessions({**shell.environ})) == 1
    assert "elsewhere.sqlite3" in shell.run("doctor").out


def test_a_pool_of_the_machine_is_that_of_repositories_that_set_none(shell: Shell) -> None:
    shell.run("settings", "set", "subnet_pool", "172.30.0.0/16")
    assert values(shell)["subnets.pool"][0] == "172.30.0.0/16"
    repository = make_repository(
        shell.cwd / "shop",
        {
            "compose.yaml": "services: {}\n",
            "composeports.toml": '[subnets]\npool = "10.1.0.0/16"\n',
        },
    )
    assert values(shell.at(repository))["subnets.pool"][0] == "10.1.0.0/16"


def test_the_naming_of_the_machine_is_that_of_repositories_that_set_none(
    shell: Shell, file: Path
) -> None:
    def naming(at: Shell) -> tuple[object, str]:
        found = at.run("settings", "get", "naming", "--json").document
        return found["value"], found["origin"]

    def project(at: Shell) -> str:
        at.run("release")
        return str(at.run("allocate", "--json").document["compose_project_name"])

    assert naming(shell) == ("hash", "default")
    assert re.fullmatch("ac-[0-9a-f]{8}", project(shell))
    assert shell.run("settings", "set", "naming", "worktree").code == 0
    assert naming(shell) == ("worktree", str(file))
    variable = shell.having(COMPOSEPORTS_NAMING="hash")
    assert naming(variable) == ("hash", "COMPOSEPORTS_NAMING")
    plain, named = (
        shell.at(
            make_repository(
                shell.cwd / f"{text}-shop",
                {"compose.yaml": "services: {}\n", "composeports.toml": f'naming = "{text}"\n'},
            )
        )
        for text in ("hash", "worktree")
    )
    assert naming(plain) == ("hash", f"{plain.cwd}/composeports.toml")
    assert re.fullmatch("ac-[0-9a-f]{8}", project(plain))
    assert re.fullmatch("ac-worktree-shop-[0-9a-f]{8}", project(named.having(**variable.environ)))
    folder = make_repository(shell.cwd / "bare")
    assert re.fullmatch("ac-bare-[0-9a-f]{8}", project(shell.at(folder)))
    assert re.fullmatch("ac-[0-9a-f]{8}", project(variable.at(make_repository(folder / "in"))))


def test_a_naming_that_is_not_accepted_is_told_with_the_file(shell: Shell, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text('naming = "folder"\n')
    done = shell.run("allocate")
    assert (done.code, done.out) == (78, "")
    assert f'{file}: naming must be "hash" or "worktree", got "folder"' in done.err
    done = shell.having(COMPOSEPORTS_NAMING="name").run("allocate")
    assert done.code == 78
    assert 'COMPOSEPORTS_NAMING must be "hash" or "worktree", got "name"' in done.err


def test_the_schema_is_printed(shell: Shell) -> None:
    schema = json.loads(shell.run("settings", "schema").out)
    assert schema["properties"]["pin"]["type"] == "object"


@contextmanager
def asked_for_more_sessions(shell: Shell) -> Iterator[Running]:
    """Ask for a second session on a terminal, with room for one; yield at the question."""
    shell.run("settings", "set", "max_sessions", "1")
    shell.run("allocate", "--session", "a")
    argv = (PROGRAM, "allocate", "--session", "b")
    environ = {**shell.environ, "TERM": "xterm"}
    with on_terminal(*argv, cwd=shell.cwd, environ=environ) as running:
        running.says("Raise max_sessions to 100 for good?")
        yield running


def test_on_a_terminal_more_sessions_are_offered_and_taken(shell: Shell, file: Path) -> None:
    with asked_for_more_sessions(shell) as running:
        running.type("y\n")
        running.says("COMPOSE_PROJECT_NAME=")
        assert running.ends() == 0
    assert "max_sessions = 100" in file.read_text()


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_the_question_for_more_sessions_can_be_left(shell: Shell, file: Path, key: str) -> None:
    with asked_for_more_sessions(shell) as running:
        running.type(key)
        running.says("interrupted")
        assert running.ends() == 130
    assert "max_sessions = 1\n" in file.read_text()


def test_without_a_terminal_nothing_is_asked(shell: Shell, file: Path) -> None:
    shell.run("settings", "set", "max_sessions", "1")
    shell.run("allocate", "--session", "a")
    done = shell.run("allocate", "--session", "b")
    assert done.code == 75
    assert "`composeports settings set max_sessions 100`" in done.err
    assert "max_sessions = 1\n" in file.read_text()
