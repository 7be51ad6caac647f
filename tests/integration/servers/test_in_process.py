"""The application inside another process: Starlette's client, and the Python API beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from composeports.port_allocator import get_port_allocator, reset_port_allocator
from composeports.servers.http.app import create_app

pytestmark = pytest.mark.integration

KEY = "a key of this test"
HEADERS = {"X-API-Key": KEY}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    monkeypatch.setenv("COMPOSEPORTS_API_KEYS", KEY)
    reset_port_allocator()
    yield create_app()
    reset_port_allocator()


def allocated(client: TestClient, session_id: str) -> int:
    answer = client.post("/ports/allocate", json={"session_id": session_id}, headers=HEADERS)
    assert answer.status_code == 200, answer.text
    port: int = answer.json()["allocation"]["db_port"]
    return port


def test_the_client_of_tests_needs_no_name_for_the_server(app: FastAPI) -> None:
    client = TestClient(app)
    assert client.get("/ports/status").status_code == 200
    assert client.get("/ports/status", headers={"Host": "elsewhere"}).status_code == 403
    with TestClient(app, client=("127.0.0.1", 5000)) as other:
        assert other.get("/ports/status").status_code == 403


def test_the_python_api_gives_out_the_server_s_own_leases(app: FastAPI) -> None:
    allocator = get_port_allocator()
    with TestClient(app) as client:
        assert get_port_allocator() is allocator
        first, second = allocated(client, "a"), allocator.allocate("b").db_port
        assert first != second
        assert allocator.allocate("a").db_port == first
        assert [each.session_id for each in allocator.status()] == ["a", "b"]
        listed = client.get("/ports/status").json()
        assert {each["db_port"] for each in listed} == {first, second}
        assert allocator.release("a")
        assert allocator.release("nobody")
        assert [each.session_id for each in allocator.status()] == ["b"]
    assert get_port_allocator() is not allocator


def test_a_server_that_ends_leaves_the_one_that_came_after_it(app: FastAPI) -> None:
    with TestClient(app):
        create_app()
        later = get_port_allocator()
    assert get_port_allocator() is later


def test_down_says_whether_a_lease_was_given_back(app: FastAPI) -> None:
    client = TestClient(app)
    allocated(client, "a")
    answers = [
        client.post("/stacks/down", json={"session_id": "a"}, headers=HEADERS).json()
        for _ in range(2)
    ]
    assert [each["released"] for each in answers] == [True, False]
