"""A team's first day with composeports, from a clone to the last worktree; nothing is left."""

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.engine import engine
from tests.harness.program import run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import fetch

pytestmark = pytest.mark.e2e

SERVE = (
    'mkdir -p /www; echo "$$GREETING of $$HOSTNAME" > /www/index.html; exec httpd -f -p 80 -h /www'
)
HEALTHY = {
    "test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:80/"],
    "interval": "200ms",
    "retries": 50,
}
FILES = {
    "README.md": "# shop\n\n    cp .env.example .env && docker compose up\n",
    ".gitignore": ".env\n__pycache__/\n.pytest_cache/\n",
    ".env.example": "API_HOST_PORT=8000\nGREETING=hello\n",
    "docker-compose.yml": stack(
        {
            "db": {
                "container_name": "shop-db",
                "ports": ["5432:5432"],
                "volumes": ["data:/var/lib/data"],
                "command": ["sh", "-c", "echo 3 > /var/lib/data/rows; exec sleep 1000"],
            },
            "api": {
                "depends_on": ["db"],
                "ports": ["${API_HOST_PORT:-8000}:80"],
                "environment": {"GREETING": "${GREETING:-nothing}"},
                "command": ["sh", "-c", SERVE],
                "healthcheck": HEALTHY,
                "networks": ["default", "backend"],
            },
        },
        volumes={"data": {"name": "shop_data"}},
        networks={"backend": {"name": "shop_backend"}},
    ),
    "docker-compose.override.yml": json.dumps({"services": {"api": {"labels": {"env": "dev"}}}}),
    "backend/pyproject.toml": (
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\ncomposeports_directory = ".."\n'
    ),
    "backend/app/__init__.py": "",
    "backend/tests/test_api.py": """
import urllib.request

def test_the_api_says_hello(composeports_stack):
    url = composeports_stack.url("api")
    with urllib.request.urlopen(url, timeout=5) as answer:
        said = answer.read().decode()
    own = composeports_stack.run("exec", "-T", "api", "hostname").strip()
    assert said == f"hello of {own}\\n"

def test_the_database_has_its_rows(composeports_stack):
    rows = composeports_stack.run("exec", "-T", "db", "cat", "/var/lib/data/rows")
    assert rows == "3\\n"
    assert str(composeports_stack.port("db")) == composeports_stack.env["PORT_DB_5432"]
""",
}
NAMES = ("login", "search", "checkout")


@pytest.fixture
def clone(make_repository: MakeRepository, tmp_path: Path) -> Repository:
    """A clone of the team's repository, with the env file that its README asks for."""
    origin = make_repository(FILES).main
    folder = tmp_path / "work" / "shop"
    folder.parent.mkdir()
    done = run(
        "git", "clone", "--quiet", str(origin.directory), str(folder),
        cwd=tmp_path, environ=origin.environ,
    )  # fmt: skip
    assert done.code == 0, done.err
    return Repository(Session(folder, origin.environ))


def is_clean(session: Session) -> bool:
    done = run("git", "status", "--porcelain", cwd=session.directory, environ=session.environ)
    return (done.code, done.out) == (0, "")


def in_each(sessions: Sequence[Session], do: Callable[[Session], object]) -> None:
    """Do it in all worktrees at once; afterwards git finds nothing to say in any."""
    with ThreadPoolExecutor(len(sessions)) as pool:
        list(pool.map(do, sessions))
    assert [each.directory.name for each in sessions if not is_clean(each)] == []


def test_from_a_clone_to_the_last_worktree(clone: Repository) -> None:
    set_up(clone)
    sessions = [worktree(clone, name) for name in NAMES]
    in_each(sessions, lambda each: each.ok("up", "--wait"))
    assert len({each.project for each in sessions}) == len(sessions)
    in_each(sessions, pass_tests)
    assert [len(each.containers("running")) for each in sessions] == [2, 2, 2]
    in_each(sessions, use_plain_compose)
    *ended, forgotten = sessions
    in_each(ended, lambda each: each.ok("down", "--volumes", "-t", "0"))
    for each in sessions:
        clone.git("worktree", "remove", str(each.directory))
    assert forgotten.containers("running")
    clone.main.ok("gc", "--volumes")
    assert [engine().resources(each.project) for each in sessions] == [[], [], []]
    assert clone.main.json("status") == []
    assert is_clean(clone.main)
    assert not (clone.main.directory / ".composeports").exists()


def set_up(clone: Repository) -> None:
    """Let `init` write the team's files, and commit them; a second `init` has nothing to do."""
    main = clone.main
    assert "docker-compose.yml" in main.ok("init")
    assert is_clean(main)
    wanted = ("--settings", "--direnv", "--mcp", "claude", "--skills", "--ci", "github")
    main.ok("init", *wanted)
    clone.git("add", ".")
    clone.git("commit", "--quiet", "--message", "Use composeports")
    main.ok("init", *wanted)
    assert is_clean(main)


def worktree(clone: Repository, name: str) -> Session:
    """Add a worktree as the README of the repository says."""
    session = clone.worktree(name)
    (session.directory / ".env").write_text(FILES[".env.example"])
    assert is_clean(session)
    return session


def pass_tests(session: Session) -> None:
    """Run the repository's own tests in its own folder for them."""
    argv = (sys.executable, "-m", "pytest", "-q")
    done = run(*argv, cwd=session.directory / "backend", environ=session.environ)
    assert done.code == 0, done.out + done.err


def use_plain_compose(session: Session) -> None:
    """Link, look at the stack as an IDE does, and unlink, which leaves the env file as it was."""
    before = session.ids()
    session.ok("link")
    names = session.compose("ps", "--services").split()
    assert sorted(names) == ["api", "db"]
    port = session.compose("port", "api", "80").strip().rpartition(":")[2]
    assert fetch(f"localhost:{port}").startswith("hello of ")
    session.compose("up", "--detach")
    assert session.ids() == before
    session.ok("unlink")
    assert (session.directory / ".env").read_text() == FILES[".env.example"]
