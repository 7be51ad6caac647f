"""An installation without extras: the servers say what to install, everything else works."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.program import output
from tests.support.machine import FakeDocker, Shell
from tests.support.wheels import offline

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
OPTIONAL = ("fastapi", "starlette", "uvicorn", "mcp", "pydantic", "psycopg")
TIMES = re.compile(r"\d{4}-\d\d-\d\dT[0-9:]+\+00:00|\b1[12]\d\b")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that has only composeports."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", f"{folder}/bin/python", "install", "--quiet"]
    argv = [*pip, str(ROOT)]
    output(*argv, environ=offline())
    return folder / "bin"


def test_it_has_none_of_the_optional_packages(bare: Path) -> None:
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    argv = [f"{bare}/python", "-c", code, *OPTIONAL]
    assert output(*argv) == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        pytest.param(("serve",), "http", id="serve"),
        pytest.param(("mcp",), "mcp", id="mcp"),
        pytest.param(("mcp", "--http"), "mcp", id="mcp over HTTP"),
    ],
)
def test_a_server_says_what_to_install_and_does_nothing(
    bare: Path, shell: Shell, arguments: tuple[str, ...], extra: str
) -> None:
    done = shell.run(*arguments, program=str(bare / "composeports"))
    assert (done.code, done.out) == (69, "")
    assert f"pip install 'composeports[{extra}]'" in done.err
    assert "uv tool install" in done.err
    assert "pipx" in done.err
    assert not shell.state.exists()


def test_a_store_that_needs_an_extra_says_which(bare: Path, shell: Shell) -> None:
    url = "postgresql://somebody:s3cret@localhost/leases"
    shell = shell.having(COMPOSEPORTS_STORE=url, COMPOSEPORTS_ENGINE="one")
    for words in (("allocate",), ("store", "info"), ("store", "create")):
        done = shell.run(*words, program=str(bare / "composeports"))
        assert (done.code, done.out) == (69, "")
        assert "pip install 'composeports[postgres]'" in done.err
        assert "s3cret" not in done.err


def test_nothing_else_changes(bare: Path, shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    shell = shell.using(docker)
    assert "SUPABASE_URL" not in shell.environ
    for line in (
        "--version",
        "--help",
        "serve --help",
        "mcp --help",
        "mcp --print-config codex",
        "plan --json",
        "up --json",
        "env --format json",
        "url web",
        "status --json",
        "allocate --session other --json",
        "release --session other",
        "down",
        "gc --json",
        "up --no-such-option --json",
    ):
        words = line.split()
        ours = shell.run(*words)
        theirs = shell.run(*words, program=str(bare / "composeports"))
        seen = [
            (each.code, TIMES.sub("", each.out).replace(str(where), ""))
            for each, where in ((ours, Path(sys.executable).parent), (theirs, bare))
        ]
        assert seen[0] == seen[1], line


def test_without_a_database_leases_are_kept(bare: Path, shell: Shell) -> None:
    program = str(bare / "composeports")
    taken = shell.run("allocate", "--json", program=program).document
    (row,) = json.loads(shell.run("status", "--json").out)
    assert row["db_port"] == taken["db_port"]
    assert shell.run("release", program=program).code == 0
    assert shell.run("status", "--json").document == []
