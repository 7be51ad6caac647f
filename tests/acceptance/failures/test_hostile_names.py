"""Paths and values with special characters for a shell, YAML or an env file stay plain text."""

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.program import run
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

NAMES = {
    "spaces": "two  words ",
    "quotes": 'it\'s "quoted" `touch pwned`',
    "command": "$(touch pwned);touch pwned #",
    "newline": "line\nexport API_PORT=1",
    "non-ascii": "Ünïcode-日本",
    "mixed case": "MiXed-Case_Tree",
    "separators": "a:b,c;d",
}
SHOWN = ("WEB_PORT", "API_PORT", "COMPOSE_PROJECT_NAME")


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": WEB})


def evaluated(session: Session, script: str, **variables: str) -> dict[str, str]:
    """Return the environment of a shell that has run the script."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    done = session.shell(f"{script}\npython3 -c '{show}'", **variables)
    assert done.code == 0, done.err
    environ: dict[str, str] = done.document
    return environ


def assert_nothing_ran(*folders: Path) -> None:
    """Check that no command hidden in a name has made its file."""
    assert [path for folder in folders for path in folder.rglob("pwned")] == []


def read_back(session: Session, file: str, *options: str) -> dict[str, str]:
    """Return the environment of the service `web` as `docker compose config` reads it."""
    shown = session.compose("--file", file, *options, "config", "--format", "json")
    environ: dict[str, str] = json.loads(shown)["services"]["web"]["environment"]
    # `config` doubles each dollar sign, so that its output can be read as a Compose file.
    return {name: value.replace("$$", "$") for name, value in environ.items()}


def as_dotenv_reads(session: Session, names: Iterable[str], folder: Path) -> dict[str, str]:
    """Return what real Compose reads from `env --format dotenv`."""
    environment = {name: f"${{{name}}}" for name in names}
    service = {"image": TINY, "environment": environment}
    write(
        folder,
        {
            "session.env": session.ok("env", "--format", "dotenv"),
            "reader.yaml": json.dumps({"services": {"web": service}}),
        },
    )
    clean = {name: value for name, value in session.environ.items() if name not in environment}
    return read_back(Session(folder, clean), "reader.yaml", "--env-file", "session.env")


def compose_refuses(session: Session) -> bool:
    """Return True if plain `docker compose` cannot read the file at its path.

    Compose 2.40 cannot in a folder with a line break in its name, 2.26 can.
    """
    return session.shell("docker compose config --quiet").code != 0


def assert_refused(session: Session, name: str) -> None:
    """Check that `up` reports the bad folder on one line, and leaves nothing."""
    assert "\n" in name, "any other name is one that Compose can read"
    done = session.run("up")
    assert (done.code, done.out) == (78, "")
    error, hint, page_of_error = done.err.splitlines()
    assert error.startswith("error: this Docker Compose cannot read")
    assert "line break" in error
    assert repr(name)[1:-1] in error
    assert "git worktree move" in hint
    assert "composeports explain compose_file" in page_of_error
    told = session.run("up", "--json").document["error"]
    assert told["code"] == "compose_file"
    assert session.leases() == []
    assert not (session.directory / ".composeports").exists()


@pytest.mark.parametrize("case", NAMES)
def test_a_worktree_may_have_any_name(case: str, repository: Repository, tmp_path: Path) -> None:
    directory = tmp_path / NAMES[case]
    repository.git("worktree", "add", "--quiet", "--detach", str(directory))
    one = Session(directory, repository.main.environ)
    if compose_refuses(one):
        assert_refused(one, NAMES[case])
        return
    made = one.json("up")
    port = made["ports"]["web:80/tcp"]
    assert one.published() == {"web-1:80/tcp": port}
    assert page(one.ok("url", "web").strip())
    assert one.row["worktree"] == str(directory)
    assert one.json("up")["ports"] == made["ports"]
    env = evaluated(one, 'eval "$(composeports env)"')
    assert {name: env[name] for name in SHOWN} == {name: made["env"][name] for name in SHOWN}
    shown: dict[str, str] = json.loads(one.ok("env", "--format", "json"))
    assert {name: env[name] for name in shown} == shown
    assert str(directory) in shown["COMPOSE_FILE"]
    assert as_dotenv_reads(one, shown, tmp_path / "reader") == shown
    plain = one.shell('eval "$(composeports env)"; docker compose ps --services')
    assert (plain.out, plain.code) == ("web\n", 0), plain.err
    assert one.ok("ps", "--services") == "web\n"
    assert len(one.ok("status").splitlines()) == 2
    one.ok("down", "-t", "0")
    assert one.resources_of() == []
    assert run("git", "status", "--short", cwd=directory, environ=one.environ).out == ""
    assert_nothing_ran(tmp_path)


def test_a_link_to_the_worktree_is_the_worktree(repository: Repository, tmp_path: Path) -> None:
    one = repository.main
    made = one.json("up")
    link = tmp_path / "link to it"
    link.symlink_to(one.directory)
    linked = Session(link, one.environ)
    ids = one.ids()
    assert linked.json("up")["session_id"] == made["session_id"]
    assert one.ids() == ids
    assert len(linked.leases()) == 1
    assert linked.ok("url", "web") == one.ok("url", "web")
    linked.ok("down", "-t", "0")
    assert one.leases() == []


def test_two_folders_that_differ_by_case_are_two_sessions(
    repository: Repository, tmp_path: Path
) -> None:
    if (tmp_path / "MAIN").exists():
        return  # a file system that knows no case has no such folders
    one, two = repository.worktree("tree"), repository.worktree("Tree")
    assert one.json("allocate")["db_port"] != two.json("allocate")["db_port"]


VALUES = {
    "SINGLE": "it's",
    "DOUBLE": 'say "hi"',
    "COMMAND": "$(touch pwned)`touch pwned`",
    "LINES": "one\ntwo\nexport API_PORT=1",
    "BACKSLASH": "a\\b\\n$HOME",
    "BLANK": "  spaced  # no comment  ",
}


def quoted(value: str) -> str:
    """Write a value as Compose reads it in an env file."""
    for char in '\\"$':
        value = value.replace(char, f"\\{char}")
    return f'"{value}"'.replace("\n", "\\n")


def test_values_of_an_env_file_reach_the_container_as_compose_reads_them(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    names = {name: f"${{{name}}}" for name in VALUES}
    text = stack({"web": {"ports": ["${WEB_PORT:-8080}:80"], "environment": names}})
    one = make_repository({"compose.yaml": text}).main
    lines = "".join(f"{name}={quoted(value)}\n" for name, value in VALUES.items())
    write(one.directory, {".env": f"{lines}WEB_PORT=8080\n"})
    own = read_back(one, "compose.yaml")
    one.ok("up")
    inside = one.containers()["web-1"]["Config"]["Env"]
    assert set(inside) >= {f"{name}={value}" for name, value in own.items()}
    assert own == VALUES
    env = evaluated(one, 'eval "$(composeports env)"')
    assert env["API_PORT"] == str(one.row["api_port"])
    assert_nothing_ran(tmp_path)


def test_a_value_of_the_shell_is_not_executed(web: Session, tmp_path: Path) -> None:
    hostile = "$(touch pwned)'\"`touch pwned`\n"
    web.ok("up", COMPOSE_PROFILES="a'$(touch pwned)")
    env = evaluated(web, 'eval "$(composeports env)"', UNRELATED=hostile)
    assert env["WEB_PORT"] == str(web.row["ports"]["web:80/tcp"])
    assert_nothing_ran(tmp_path)
