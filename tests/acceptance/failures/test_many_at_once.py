"""Twenty sessions at the same instant: all start, and the engine publishes no port twice."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.failures.conftest import WEB
from tests.harness.engine import docker
from tests.harness.program import PROGRAM
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import HANG

pytestmark = pytest.mark.e2e

COUNT = 20


def test_twenty_sessions_at_once(make_repository: MakeRepository, environ: dict[str, str]) -> None:
    environ |= {"PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": str(COUNT)}
    repository = make_repository({"compose.yaml": WEB})
    sessions = [repository.worktree(f"tree{number}") for number in range(COUNT)]
    documents = [json.loads(out) for out in at_once(sessions, "up", "--json")]
    projects = {document["compose_project_name"] for document in documents}
    assert len(projects) == COUNT
    published = [number for project in projects for number in host_ports(project)]
    assert len(published) == len(set(published)) == COUNT
    assert sorted(published) == sorted(each["ports"]["web:80/tcp"] for each in documents)
    assert len({row["db_port"] for row in sessions[0].leases()}) == COUNT
    at_once(sessions, "down", "-t", "0")
    assert sessions[0].leases() == []
    assert [number for project in projects for number in host_ports(project)] == []


def host_ports(project: str) -> list[int]:
    """Return the host ports that the engine says a project publishes, on IPv4."""
    only = ("--filter", f"label=com.docker.compose.project={project}")
    ids = docker("ps", "--quiet", *only).split()
    found = json.loads(docker("container", "inspect", *ids)) if ids else []
    return [
        int(binding["HostPort"])
        for each in found
        for bindings in each["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
        if ":" not in binding["HostIp"]
    ]


def at_once(sessions: list[Session], *arguments: str) -> list[str]:
    """Run the same command in all sessions, all started before the first is waited for."""
    started = [
        subprocess.Popen(
            [PROGRAM, *arguments],
            cwd=session.directory,
            env={**session.environ, "PWD": str(session.directory)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for session in sessions
    ]
    with ThreadPoolExecutor(len(started)) as readers:
        said = list(readers.map(lambda program: program.communicate(timeout=HANG), started))
    for program, (_, err) in zip(started, said, strict=True):
        assert program.returncode == 0, err
    return [out for out, _ in said]
