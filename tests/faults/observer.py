"""Read the state from the engine, the store, sockets and files without any code under test."""

import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = "com.docker.compose.project"
# What may be in a state directory while no command runs.
STATE_FILES = {
    ".": re.compile(r"leases\.sqlite3(-wal|-shm)?|filler"),
    "known": re.compile(r"machine|engine-[0-9a-f]{16}"),
    "locks": re.compile(r"[a-z0-9-]+"),
    "observed": re.compile(r"[0-9a-f]{64}|turns"),
    "wrapper": re.compile(r"docker|docker-compose|composeports-wrapper"),
}
NOTHING = re.compile("")


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("engine", timeout=timeout or 3600)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Engine:
    """The engine by its own API; `address` is where its published ports are reached."""

    socket: str
    address: str = "127.0.0.1"

    @classmethod
    def of(cls, environ: Mapping[str, str], address: str = "127.0.0.1") -> "Engine":
        """Return the engine that `docker` uses in this environment."""
        host = environ.get("DOCKER_HOST", "")
        if not host:
            argv = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
            host = subprocess.run(
                argv, env=dict(environ), capture_output=True, text=True, check=True
            ).stdout.strip()
        assert host.startswith("unix://"), f"an engine on a socket is needed: {host}"
        return cls(host.removeprefix("unix://"), address)

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Return the document at a path of the API."""
        asked = {name: json.dumps(value) for name, value in query.items()}
        connection = _Connection(self.socket, 60)
        with closing(connection):
            connection.request("GET", f"{path}?{urllib.parse.urlencode(asked)}")
            answer = connection.getresponse()
            data = answer.read()
        assert answer.status == http.client.OK, f"{path}: {answer.status} {data[:200]!r}"
        return json.loads(data)

    def containers(self, project: str = "") -> list[dict[str, Any]]:
        """Return the containers of a project, or all."""
        label = f"{PROJECT}={project}" if project else PROJECT
        found: list[dict[str, Any]] = self.get(
            "/containers/json", all=1, filters={"label": [label]}
        )
        return found

    def networks(self, project: str) -> list[dict[str, Any]]:
        """Return the networks of a project."""
        label = f"{PROJECT}={project}"
        found: list[dict[str, Any]] = self.get("/networks", filters={"label": [label]})
        return found

    def volumes(self, project: str) -> set[str]:
        """Return the names of the volumes that a project's containers mount, or that are its."""
        label = f"{PROJECT}={project}"
        found = self.get("/volumes", filters={"label": [label]})["Volumes"] or []
        mounted = {
            str(mount["Name"])
            for each in self.containers(project)
            for mount in each["Mounts"]
            if mount["Type"] == "volume"
        }
        return mounted | {str(each["Name"]) for each in found}

    def published(self, project: str = "") -> dict[str, int]:
        """Return what running containers publish on IPv4, by container name and target."""
        return {
            f"{each['Names'][0]}:{port['PrivatePort']}/{port['Type']}": port["PublicPort"]
            for each in self.containers(project)
            for port in each["Ports"]
            if "PublicPort" in port and ":" not in port.get("IP", "")
        }

    def events(self, since: float) -> Iterator[dict[str, Any]]:
        """Yield the engine's events from a moment on, as they come."""
        connection = _Connection(self.socket, 120)
        with closing(connection):
            connection.request("GET", f"/events?since={since:.9f}")
            answer = connection.getresponse()
            while line := answer.readline():
                yield json.loads(line)

    def page(self, port: int, seconds: float = 15) -> str:
        """Return what answers on a published port, once something does; else nothing."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                url = f"http://{self.address}:{port}/"
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return str(answer.read(), "utf-8", "replace").strip()
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    return ""
                time.sleep(0.02)  # nothing tells when a port answers; the deadline ends it


@dataclass(frozen=True)
class Row:
    """One row of the store."""

    session_id: str
    start: int
    size: int
    project: str
    held: bool
    ports: dict[str, int]


def rows(state: Path) -> list[Row]:
    """Return the rows of the store; none if there is no store yet."""
    path = state / "leases.sqlite3"
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
        if not store.execute("SELECT name FROM sqlite_master WHERE name = 'leases'").fetchone():
            return []
        found = store.execute("SELECT session_id, start, size, project, held, memory FROM leases")
        return [
            Row(session_id, start, size, project, bool(held), json.loads(memory)["ports"])
            for session_id, start, size, project, held, memory in found
        ]


def doubled_holds(state: Path) -> int:
    """Return how many pairs of held leases share a port or a project."""
    held = [row for row in rows(state) if row.held]
    return sum(
        one.project == two.project
        or (one.start < two.start + two.size and two.start < one.start + one.size)
        for index, one in enumerate(held)
        for two in held[index + 1 :]
    )


def doubled_ports(engine: Engine, projects: set[str]) -> int:
    """Return how many host ports more than one container of these projects publishes."""
    published = Counter(
        (port["PublicPort"], port["Type"])
        for each in engine.containers()
        if each["Labels"][PROJECT] in projects
        for port in each["Ports"]
        if "PublicPort" in port and ":" not in port.get("IP", "")
    )
    return sum(count - 1 for count in published.values())


def damage(state: Path) -> list[str]:
    """Return what is wrong with the state directory: the store, or files without a use."""
    path = state / "leases.sqlite3"
    found: list[str] = []
    if path.exists():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
            said = str(store.execute("PRAGMA integrity_check").fetchone()[0])
        found += [said] * (said != "ok")
    for folder, _, names in os.walk(state):
        below = os.path.relpath(folder, state)
        known = STATE_FILES.get(below.partition("/")[0], NOTHING)
        found += [f"{below}/{name}" for name in names if not known.fullmatch(name)]
    return found


def contents(worktree: Path) -> dict[str, bytes]:
    """Return every file of a worktree but git's."""
    return {
        str(path.relative_to(worktree)): path.read_bytes()
        for path in sorted(worktree.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }
