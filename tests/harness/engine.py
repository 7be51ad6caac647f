"""Read what an engine has, by its own API and without the code under test; and run `docker`."""

import http.client
import json
import os
import socket
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.harness.program import OUTSIDE, PATH, Done, output, run
from tests.harness.waits import HANG, page, wait_until

PROJECT_LABEL = "com.docker.compose.project"
ENGINE_VARIABLES = {name: value for name, value in OUTSIDE.items() if name.startswith("DOCKER_")}
ENGINE_VARIABLES.setdefault("DOCKER_CONFIG", str(Path("~/.docker").expanduser()))
KINDS = "container network volume"


class EngineError(OSError):
    """The engine refused a request, or broke off its answer."""


class _Connection(http.client.HTTPConnection):
    """HTTP over the engine's socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Engine:
    """An engine behind a socket; `address` is where its published ports are reached."""

    socket: str
    address: str = "127.0.0.1"

    @classmethod
    def of(cls, environ: Mapping[str, str], address: str = "127.0.0.1") -> "Engine":
        """Return the engine that `docker` uses in this environment."""
        host = environ.get("DOCKER_HOST", "")
        if not host:
            words = ("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
            host = docker(*words, environ=environ).strip()
        assert host.startswith("unix://"), f"an engine on a socket is needed: {host}"
        return cls(host.removeprefix("unix://"), address)

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Return the document at a path of the API."""
        asked = {name: json.dumps(value) for name, value in query.items()}
        with closing(_Connection(self.socket, HANG)) as connection:
            try:
                connection.request("GET", f"{path}?{urllib.parse.urlencode(asked)}")
                answer = connection.getresponse()
                data = answer.read()
            except http.client.HTTPException as error:
                raise EngineError(f"{path}: {error!r}") from error
        if answer.status != http.client.OK:
            raise EngineError(f"{path}: {answer.status} {data[:200]!r}")
        return json.loads(data)

    def containers(self, project: str = "", *states: str) -> list[dict[str, Any]]:
        """Return the containers of a project, or of all; those in one of the states, if any."""
        label = f"{PROJECT_LABEL}={project}" if project else PROJECT_LABEL
        only = {"label": [label], **({"status": list(states)} if states else {})}
        found: list[dict[str, Any]] = self.get("/containers/json", all=1, filters=only)
        return found

    def networks(self, project: str) -> list[dict[str, Any]]:
        """Return the networks of a project."""
        only = {"label": [f"{PROJECT_LABEL}={project}"]}
        found: list[dict[str, Any]] = self.get("/networks", filters=only)
        return found

    def volumes(self, project: str) -> set[str]:
        """Return the names of the volumes that a project's containers mount, or that are its."""
        mounted = {
            str(mount["Name"])
            for each in self.containers(project)
            for mount in each["Mounts"]
            if mount["Type"] == "volume"
        }
        return mounted | {name for name, _ in self.listed("volume", project)}

    def listed(self, kind: str, project: str = "") -> list[tuple[str, dict[str, str]]]:
        """Return name and labels of the containers, networks or volumes that projects have."""
        if kind == "container":
            found = self.containers(project)
            return [(each["Names"][0].lstrip("/"), each["Labels"] or {}) for each in found]
        only = {"label": [f"{PROJECT_LABEL}={project}" if project else PROJECT_LABEL]}
        found = self.get(f"/{kind}s", filters=only)
        found = found if kind == "network" else found["Volumes"] or []
        return sorted((each["Name"], each["Labels"] or {}) for each in found)

    def resources(self, project: str, kinds: str = KINDS) -> list[str]:
        """Return all that the engine has of a project, as "container web-1"."""
        return [
            f"{kind} {name}" for kind in kinds.split() for name, _ in self.listed(kind, project)
        ]

    def projects(self) -> set[str]:
        """Return all projects that the engine has anything of."""
        return {each[1][PROJECT_LABEL] for kind in KINDS.split() for each in self.listed(kind)}

    def started_below(self, folder: Path) -> set[str]:
        """Return the projects whose containers were started from below a folder."""
        return {
            labels[PROJECT_LABEL]
            for _, labels in self.listed("container")
            if Path(labels.get(f"{PROJECT_LABEL}.working_dir", "")).is_relative_to(folder)
        }

    def inspect(self, project: str, *states: str) -> list[dict[str, Any]]:
        """Return the full descriptions of the containers of a project."""
        found = self.containers(project, *states)
        return [self.get(f"/containers/{each['Id']}/json") for each in found]

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
        with closing(_Connection(self.socket, 120)) as connection:
            connection.request("GET", f"/events?since={since:.9f}")
            answer = connection.getresponse()
            while line := answer.readline():
                yield json.loads(line)

    def page(self, port: int, seconds: float = 15) -> str:
        """Return the page at a published port, or nothing if none answers in time."""
        try:
            return page(f"http://{self.address}:{port}/", seconds)
        except (AssertionError, http.client.HTTPException):
            return ""


@cache
def engine() -> Engine:
    """Return the engine of the tests."""
    return Engine.of(engine_environ())


def engine_environ() -> dict[str, str]:
    """Return the environment in which `docker` uses the engine of the tests."""
    return {"PATH": PATH, "HOME": os.environ.get("HOME", "/"), **ENGINE_VARIABLES}


def ask_docker(*arguments: str, environ: Mapping[str, str] | None = None) -> Done:
    """Run a docker command, on the engine of the tests by default."""
    environ = engine_environ() if environ is None else environ
    return run("docker", *arguments, cwd="/", environ=environ)


def docker(*arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """Run a docker command, which has to succeed, and return its stdout."""
    environ = engine_environ() if environ is None else environ
    return output("docker", *arguments, cwd="/", environ=environ)


def take_down(project: str, environ: Mapping[str, str] | None = None) -> str:
    """Take a project down without composeports, which may be what failed; return what was said."""
    name = ("--project-name", project, "--project-directory", "/")
    words = ("down", "--volumes", "--remove-orphans", "-t", "0")
    return ask_docker("compose", *name, *words, environ=environ).err


def remove(kind: str, name: str) -> None:
    """Remove a network or volume of the engine as soon as nothing uses it."""
    wait_until(lambda: ask_docker(kind, "rm", name).code == 0, f"no {kind} {name}")
