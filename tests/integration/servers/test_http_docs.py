"""Run the example of docs/http.md unchanged: the routes in another application."""

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from composeports.servers.http.app import create_app
from tests.harness.program import PROGRAMS
from tests.harness.waits import wait_until
from tests.support.fakes import FakeMachine
from tests.support.machine import Shell
from tests.support.serving import KEY, serving

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[3] / "docs/http.md"
RUNNER = """
import sys, uvicorn
sys.path.insert(0, sys.argv[1])
import example
config = uvicorn.Config(example.app, port=0, timeout_graceful_shutdown=5)
server = uvicorn.Server(config)
server.run()
"""


def test_the_example_of_the_docs_runs(shell: Shell, tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "example.py").write_text(example[1])
    process = shell.start("-c", RUNNER, str(tmp_path), program=Path(sys.executable).name)
    assert PROGRAMS.joinpath(Path(sys.executable).name).exists()
    try:
        url = ""
        assert process.stderr is not None
        while not url:
            line = process.stderr.readline().decode()
            assert line, "it ended"
            found = re.search(r"running on (http\S+)", line)
            url = found[1] if found else ""
        below = f"{url}/stacks-of-this-machine"
        assert httpx.get(url).json() == {"this is": "the coordinator"}
        key = {"X-API-Key": "a-secret"}
        body = {"session_id": "a"}
        assert httpx.post(f"{below}/ports/allocate", json=body).status_code == 401
        given = httpx.post(f"{below}/ports/allocate", json=body, headers=key).json()
        assert given["success"] is True
        (row,) = shell.run("status", "--json").document
        assert row["db_port"] == given["allocation"]["db_port"]
        name = {"Host": "coordinator.example"}
        assert httpx.get(f"{below}/ports/status", headers=name).json()[0]["session_id"] == "a"
        other = {"Host": "elsewhere.example"}
        assert httpx.get(f"{below}/ports/status", headers=other).status_code == 403
        assert httpx.get(f"{below}/docs").status_code == 200
        for path in ("/", "/page.js", "/page.css"):
            assert httpx.get(below + path).status_code == 200
        with httpx.stream("GET", f"{below}/events") as answer:
            assert next(answer.iter_lines()) == "event: status"
        process.terminate()
        wait_until(lambda: process.poll() is not None, "its end")
    finally:
        process.kill()
        process.communicate()


def test_the_request_of_the_docs_gets_the_answer_of_the_docs(shell: Shell) -> None:
    text = DOCS.read_text()
    command = re.search(r"```sh\n(curl .*?)```", text, re.DOTALL)
    shown = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert command is not None
    assert shown is not None
    line = command[1].replace("\\\n", " ").replace("$KEY", KEY)
    _, url, _, key, _, kind, _, body = shlex.split(line)
    headers = dict(each.split(": ") for each in (key, kind))
    with serving(shell) as server:
        where = url.replace("http://127.0.0.1:8377", server.url)
        given = httpx.post(where, content=body, headers=headers).json()
    expected = json.loads(shown[1])
    assert list(given) == list(expected)
    times = {"allocated_at": "", "expires_at": "", "compose_project_name": ""}
    assert {**given["allocation"], **times} == {**expected["allocation"], **times}
    first, _ = expected["env_snippet"].split("\n")
    assert given["env_snippet"].startswith(f"{first}\n")


def test_the_docs_name_every_route_and_every_code() -> None:
    text = DOCS.read_text()
    for word in (
        "/ports/allocate", "/ports/renew", "/ports/release", "/stacks/up", "/stacks/down",
        "/ports/status", "/events", "/health", "no_ports_available", "stack_left",
        "host_not_allowed", "cross_site", "no_lease", "store_unusable", "engine_unreachable",
        "compose_failed", "store_busy",
    ):  # fmt: skip
        assert word in text


def test_below_a_path_the_page_is_free_too_and_nothing_else(machine: FakeMachine) -> None:
    other = FastAPI()
    other.mount("/below", create_app(machine.context(), keys=["a"], open_reading=False, hosts=None))

    async def ask() -> dict[str, int]:
        transport = httpx.ASGITransport(app=other)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            paths = ("/", "/page.js", "/ports/status", "/health", "/below/", "/page.js/")
            return {path: (await client.get(f"/below{path}")).status_code for path in paths}

    assert asyncio.run(ask()) == {
        "/": 200,
        "/page.js": 200,
        "/ports/status": 401,
        "/health": 401,
        "/below/": 401,
        "/page.js/": 401,
    }
