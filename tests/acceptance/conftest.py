"""The vocabulary of the scenarios: a repository, its sessions, and an engine that is left clean.

Every test has a separate state directory and block grid, because other tests share the engine. The
stacks of a test are found by their label and taken down at its end, also after a failure.
"""

import itertools
import json
import os
import shlex
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from docker import APIClient

from tests.support.patience import HANG

PROGRAM = Path(sys.executable).with_name("composeports")
TINY = "composeports-dev/tiny:1"
PROJECT_LABEL = "com.docker.compose.project"
RANGE, SLOTS = 20, 10
# Taken when this file is imported, before any guard hides the engine from the tests.
ENGINE_VARIABLES = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
ENGINE_VARIABLES.setdefault("DOCKER_CONFIG", str(Path("~/.docker").expanduser()))
PATH = os.environ["PATH"]
_DECIDING = ("COMPOSE", "DOCKER_", "PORT_", "AGENT_COORDINATOR_", "API_", "SUPABASE_", "GIT_")
_bases = itertools.cycle(range(20000, 28000, RANGE * SLOTS))
for _ in range(os.getpid() % 40):
    next(_bases)  # two runs at once start at different places

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Done:
    """What a program left behind."""

    code: int
    out: str
    err: str


def run(*argv: str | Path, cwd: Path, environ: Mapping[str, str], stdin: str = "") -> Done:
    """Run a program to its end."""
    done = subprocess.run(
        argv, cwd=cwd, env=environ, input=stdin, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def ask_docker(*arguments: str) -> Done:
    """Run a docker command on the engine of the tests."""
    environ = {"PATH": PATH, "HOME": os.environ.get("HOME", "/"), **ENGINE_VARIABLES}
    return run("docker", *arguments, cwd=Path("/"), environ=environ)


def docker(*arguments: str) -> str:
    """Ask the engine; a failure fails the test."""
    done = ask_docker(*arguments)
    assert done.code == 0, f"docker {shlex.join(arguments)}: exit {done.code}\n{done.err}"
    return done.out


def resources_of(project: str, kinds: str = "container network volume") -> list[str]:
    """Return all that the engine has of a project, as "container web-1"."""
    filters = {"label": f"{PROJECT_LABEL}={project}"}
    return [f"{kind} {name}" for kind in kinds.split() for name, _ in listed(kind, filters)]


def present() -> set[str]:
    """Return all projects that the engine has anything of."""
    kinds = ("container", "network", "volume")
    return {labels.get(PROJECT_LABEL, "") for kind in kinds for _, labels in listed(kind)} - {""}


def listed(kind: str, filters: dict[str, str] | None = None) -> list[tuple[str, dict[str, str]]]:
    """Return name and labels of the containers, networks or volumes that match the filters.

    The engine's socket is asked: each call of `docker` takes ten times as long.
    """
    with engine_socket() as engine:
        if kind == "container":
            found = engine.containers(all=True, filters=filters)
            return [(each["Names"][0].lstrip("/"), each["Labels"] or {}) for each in found]
        if kind == "network":
            found = engine.networks(filters=filters)
        else:
            found = engine.volumes(filters=filters)["Volumes"] or []
    return sorted((each["Name"], each["Labels"] or {}) for each in found)


@contextmanager
def engine_socket() -> Iterator[APIClient]:
    """Connect to the engine's socket for as long as the context lasts."""
    address = ENGINE_VARIABLES.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    with closing(APIClient(base_url=address, version="auto", timeout=int(HANG))) as client:
        yield client


def fetch(url: str) -> str:
    """Return the page at a URL, or at a host:port."""
    address = url if "://" in url else f"http://{url}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        text: str = answer.read().decode().strip()
    return text


def wait_until(ready: Callable[[], Answer], what: str, seconds: float = HANG) -> Answer:
    """Return the first true answer of `ready`; a connection that is refused is asked again."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ready()
            if answer:
                return answer
            last = repr(answer)
        except OSError as error:
            last = str(error)
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {last})"
        time.sleep(0.05)


def page(url: str) -> str:
    """Return the page at a URL as soon as it answers."""
    return wait_until(lambda: fetch(url), f"an answer from {url}")


@dataclass
class Session:
    """A user who works in a directory, with a separate shell."""

    directory: Path
    environ: dict[str, str]
    known_project: str = ""

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run `composeports` here; `variables` are set for this one command."""
        return self._run(PROGRAM, *arguments, variables=variables)

    def ok(self, *arguments: str, **variables: str) -> str:
        """Run `composeports` here, which has to succeed, and return its stdout."""
        return self._stdout(PROGRAM, *arguments, variables=variables)

    def json(self, *arguments: str, **variables: str) -> Any:  # noqa: ANN401 - documents
        """Run `composeports` with --json, which has to succeed, and return the document."""
        return json.loads(self.ok(*arguments, "--json", **variables))

    def shell(self, script: str, **variables: str) -> Done:
        """Run a shell script here; `composeports` is on its PATH."""
        return self._run("bash", "-euc", script, variables=variables)

    def compose(self, *arguments: str, **variables: str) -> str:
        """Run plain `docker compose` here, which has to succeed, and return its stdout."""
        return self._stdout("docker", "compose", *arguments, variables=variables)

    def _run(self, *argv: str | Path, variables: Mapping[str, str]) -> Done:
        environ = {**self.environ, "PWD": str(self.directory), **variables}
        return run(*argv, cwd=self.directory, environ=environ)

    def _stdout(self, *argv: str | Path, variables: Mapping[str, str]) -> str:
        done = self._run(*argv, variables=variables)
        assert done.code == 0, f"{shlex.join(map(str, argv))}: exit {done.code}\n{done.err}"
        return done.out

    @property
    def row(self) -> dict[str, Any]:
        """This session's row of the store; empty if it holds no lease."""
        rows: list[dict[str, Any]] = self.json("status")
        return next((row for row in rows if row["current"]), {})

    @property
    def project(self) -> str:
        """The name of the project that this session has or would have."""
        name = "compose_project_name"
        self.known_project = self.known_project or self.row.get(name) or self.json("plan")[name]
        return self.known_project

    @property
    def own_env(self) -> dict[str, str]:
        """The variables of `.composeports/.env`."""
        lines = (self.directory / ".composeports/.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def containers(self, *states: str) -> dict[str, dict[str, Any]]:
        """Return what the engine says of the session's containers, by name without the project."""
        filters = {"label": f"{PROJECT_LABEL}={self.project}", "status": list(states)}
        with engine_socket() as engine:
            found = engine.containers(all=True, filters=filters)
            details = [engine.inspect_container(each["Id"]) for each in found]
        return {each["Name"].removeprefix(f"/{self.project}-"): each for each in details}

    def ids(self) -> dict[str, str]:
        """Return the containers' ids by name without the project."""
        return {name: each["Id"] for name, each in self.containers().items()}

    def published(self) -> dict[str, int]:
        """Return what the running containers publish, `"web-1:80/tcp"` -> host port (IPv4)."""
        return {
            f"{name}:{target}": int(binding["HostPort"])
            for name, each in self.containers("running").items()
            for target, bindings in sorted(each["NetworkSettings"]["Ports"].items())
            for binding in bindings or ()
            if ":" not in binding["HostIp"]
        }

    def resources_of(self, kinds: str = "container network volume") -> list[str]:
        """Return all that the engine has of the session's project."""
        return resources_of(self.project, kinds)


@dataclass
class Repository:
    """A git repository with its main checkout and its worktrees."""

    main: Session

    def git(self, *arguments: str) -> str:
        """Run git in the main checkout."""
        done = run("git", *arguments, cwd=self.main.directory, environ=self.main.environ)
        assert done.code == 0, f"git {shlex.join(arguments)}: {done.err}"
        return done.out

    def commit(self, files: Mapping[str, str]) -> None:
        """Write the files into the main checkout and commit them."""
        write(self.main.directory, files)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "Change")

    def worktree(self, name: str) -> Session:
        """Add a worktree beside the main checkout (or at a path from there), on a new branch."""
        directory = self.main.directory.parent / name
        self.git("worktree", "add", "--quiet", "-b", directory.name, str(directory))
        return Session(directory, self.main.environ)


def write(directory: Path, files: Mapping[str, str]) -> None:
    """Write files, and the folders that they lie in."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def stack(services: Mapping[str, Mapping[str, object]], **top: object) -> str:
    """Return a Compose file of services that end at once, tiny ones by default; JSON is YAML."""
    named = {
        name: {"stop_grace_period": "0s", **({} if "build" in each else {"image": TINY}), **each}
        for name, each in services.items()
    }
    return json.dumps({"services": named, **top}, indent=2)


def change(session: Session, old: str, new: str, file: str = "compose.yaml") -> None:
    """Edit a file of a session's directory."""
    path = session.directory / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@dataclass
class Projects:
    """Every project that the tests of this run may have started, so that none is left."""

    seen: set[str] = field(default_factory=set)

    def take_down(self, below: Path) -> None:
        """Take down what was started from directories and stores below one."""
        found = set(started_below(below)) | set(leased_below(below))
        self.seen |= found

        def gone() -> bool:
            """Again, since a stack may be on a network of another one, or an engine be late."""
            said = "".join(_take_down(project) for project in sorted(found))
            if left := [each for project in sorted(found) for each in resources_of(project)]:
                raise OSError(f"{left} are left: {said}")
            return True

        wait_until(gone, f"nothing of {sorted(found)} is left")


def _take_down(project: str) -> str:
    """Take a project down without composeports, which may be what failed; return what was said."""
    if not resources_of(project):
        return ""
    name = ("--project-name", project, "--project-directory", "/")
    return ask_docker("compose", *name, "down", "--volumes", "--remove-orphans", "-t", "0").err


def remove(kind: str, name: str) -> None:
    """Remove a network or volume of the engine as soon as nothing uses it."""

    def gone() -> bool:
        done = ask_docker(kind, "rm", name)
        if done.code:
            raise OSError(done.err)
        return True

    wait_until(gone, f"no {kind} {name}")


def started_below(directory: Path) -> Iterator[str]:
    """Yield the projects whose containers were started from below a directory."""
    for _, labels in listed("container"):
        project, where = (labels.get(f"{PROJECT_LABEL}{end}", "") for end in ("", ".working_dir"))
        if project and Path(where).is_relative_to(directory):
            yield project


def leased_below(directory: Path) -> Iterator[str]:
    """Yield the projects that stores below a directory know."""
    for path in directory.rglob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as store:
            yield from (str(row[0]) for row in store.execute("SELECT project FROM leases"))


@pytest.fixture(scope="session", autouse=True)
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    """Refuse to begin without an engine; see at the end that it is as it was before."""
    environ = {"PATH": PATH, **ENGINE_VARIABLES}
    asked = run("docker", "version", cwd=Path("/"), environ=environ)
    if asked.code:
        pytest.fail(f"these tests need a Docker engine (`make test` starts one): {asked.err}")
    found = Projects()
    yield found
    found.seen |= set(started_below(tmp_path_factory.getbasetemp()))
    left = {project: resources_of(project) for project in found.seen & present()}
    assert not left, f"left on the engine: {left}"


def fresh_environ(place: Path) -> dict[str, str]:
    """Return a new shell's environment, with separate leases in `place`."""
    pass_fds = {name: value for name, value in os.environ.items() if not name.startswith(_DECIDING)}
    git = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "you"), ("EMAIL", "you@localhost"))
    }
    return {
        **pass_fds,
        **ENGINE_VARIABLES,
        "PATH": f"{PROGRAM.parent}{os.pathsep}{PATH}",
        "COMPOSEPORTS_STATE_DIR": str(place / "state"),
        "PORT_ALLOC_BASE": str(next(_bases)),
        "PORT_ALLOC_RANGE": str(RANGE),
        "PORT_ALLOC_MAX_SESSIONS": str(SLOTS),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        **git,
    }


def new_repository(place: Path, environ: dict[str, str], files: Mapping[str, str]) -> Repository:
    """Make a repository in `place` with these files committed."""
    made = Repository(Session(place / "main", environ))
    made.main.directory.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit(files)
    return made


@pytest.fixture
def environ(tmp_path: Path, projects: Projects) -> Iterator[dict[str, str]]:
    """Yield a new shell's environment with separate leases; take its stacks down at the end."""
    yield fresh_environ(tmp_path)
    projects.take_down(tmp_path)


MakeRepository = Callable[[Mapping[str, str]], Repository]


@pytest.fixture
def make_repository(tmp_path: Path, environ: dict[str, str]) -> MakeRepository:
    """Make a repository with these files committed."""

    return lambda files: new_repository(tmp_path, environ, files)
