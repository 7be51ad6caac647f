"""Twenty sessions at the same instant: all start, and the engine publishes no port twice."""

import json

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.engine import engine
from tests.harness.program import finish_all
from tests.harness.session import MakeRepository, Session

pytestmark = pytest.mark.e2e

COUNT = 20


def test_twenty_sessions_at_once(make_repository: MakeRepository, environ: dict[str, str]) -> None:
    environ |= {"PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": str(COUNT)}
    repository = make_repository({"compose.yaml": WEB})
    sessions = [repository.worktree(f"tree{number}") for number in range(COUNT)]
    documents = [json.loads(out) for out in at_once(sessions, "up", "--json")]
    projects = {document["compose_project_name"] for document in documents}
    assert len(projects) == COUNT
    published = [number for project in projects for number in engine().published(project).values()]
    assert len(published) == len(set(published)) == COUNT
    assert sorted(published) == sorted(each["ports"]["web:80/tcp"] for each in documents)
    assert len({row["db_port"] for row in sessions[0].leases()}) == COUNT
    at_once(sessions, "down", "-t", "0")
    assert sessions[0].leases() == []
    assert [number for project in projects for number in engine().published(project).values()] == []


def at_once(sessions: list[Session], *arguments: str) -> list[str]:
    """Run the same command in all sessions, all started before the first is waited for."""
    results = finish_all([session.start(*arguments) for session in sessions])
    for done in results:
        assert done.code == 0, done.err
    return [done.out for done in results]
