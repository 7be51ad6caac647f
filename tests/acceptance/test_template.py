"""The main use case: the agent-coordinator stack in a checkout and two worktrees at once."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.session import RANGE, MakeRepository, Session
from tests.harness.waits import fetch, page, wait_until

pytestmark = pytest.mark.e2e

TEMPLATE = Path(__file__).parents[2] / "templates/docker-compose.yml"
IMAGES = {
    "AGENT_COORDINATOR_DB_IMAGE": "composeports-dev/postgres:1",
    "AGENT_COORDINATOR_REST_IMAGE": "composeports-dev/rest:1",
    "AGENT_COORDINATOR_REALTIME_IMAGE": "composeports-dev/realtime:1",
    "API_IMAGE": "composeports-dev/api:1",
}


def sql(session: Session, statement: str) -> list[str]:
    psql = ("psql", "--username=postgres", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align")
    return session.ok("exec", "-T", "db", *psql, "--command", statement).splitlines()


def bases(sessions: Iterable[Session]) -> list[int]:
    return [session.row["db_port"] for session in sessions]


def check_ports(session: Session) -> None:
    base = session.row["db_port"]
    assert list(session.own_env.items())[:6] == [
        ("AGENT_COORDINATOR_DB_PORT", str(base)),
        ("AGENT_COORDINATOR_REST_PORT", str(base + 1)),
        ("AGENT_COORDINATOR_REALTIME_PORT", str(base + 2)),
        ("API_PORT", str(base + 3)),
        ("COMPOSE_PROJECT_NAME", session.project),
        ("SUPABASE_URL", f"http://localhost:{base + 1}"),
    ]
    assert session.published() == {
        "db-1:5432/tcp": base,
        "rest-1:3000/tcp": base + 1,
        "realtime-1:4000/tcp": base + 2,
        "api-1:8081/tcp": base + 3,
    }


def check_data(session: Session, name: str) -> None:
    assert sql(session, "SELECT body FROM notes") == [name]
    rest = session.ok("url", "rest").strip()
    assert rest == f"http://localhost:{session.row['rest_port']}"
    rows = wait_until(lambda: json.loads(fetch(f"{rest}/notes")), f"the table at {rest}")
    assert [row["body"] for row in rows] == [name]


def check_pages(session: Session) -> None:
    ids = session.ids()
    for service in ("realtime", "api"):
        answer = page(session.ok("url", service).strip())
        assert ids[f"{service}-1"].startswith(answer.split()[0])


def check_status(session: Session) -> None:
    rows = session.json("status")
    assert [row["state"] for row in rows] == ["running"] * 3
    assert [row["worktree"] for row in rows if row["current"]] == [str(session.directory)]
    marked = [line for line in session.ok("status").splitlines() if line.startswith("*")]
    assert len(marked) == 1
    assert session.directory.name in marked[0]


def test_checkout_and_worktrees_run_the_template_at_once_each_with_its_own_data(
    make_repository: MakeRepository, environ: dict[str, str]
) -> None:
    environ |= IMAGES
    repository = make_repository({"docker-compose.yml": TEMPLATE.read_text()})
    sessions = {"main": repository.main} | {
        name: repository.worktree(name) for name in ("one", "two")
    }

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda session: session.ok("up", "--wait"), sessions.values()))

    first = int(environ["PORT_ALLOC_BASE"])
    assert sorted(bases(sessions.values())) == [first, first + RANGE, first + 2 * RANGE]
    assert len({session.project for session in sessions.values()}) == len(sessions)
    for name, session in sessions.items():
        check_ports(session)
        sql(session, "CREATE TABLE notes (body text); NOTIFY pgrst, 'reload schema'")
        sql(session, f"INSERT INTO notes VALUES ('{name}')")
    for name, session in sessions.items():
        check_data(session, name)
        check_pages(session)
        check_status(session)
        assert session.shell("git status --porcelain").out == ""
        assert (session.directory / "docker-compose.yml").read_bytes() == TEMPLATE.read_bytes()

    for session in sessions.values():
        assert session.resources_of() != []
        session.ok("down", "--volumes", "-t", "0")
        assert session.resources_of() == []
        assert session.row == {}
        assert not (session.directory / ".composeports").exists()
        assert session.shell("git status --porcelain").out == ""
    assert repository.main.json("status") == []
