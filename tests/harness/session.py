"""A user's session: a checkout of a repository, a shell with separate leases, and its stack."""

import itertools
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.engine import (
    ENGINE_VARIABLES,
    KINDS,
    engine,
    take_down,
)
from tests.harness.program import PATH, PROGRAM, Done, must_run, neutral_environ, output, run, start
from tests.harness.repository import GIT_ENVIRONMENT, add_worktree, commit, git
from tests.harness.store import change_store
from tests.harness.waits import wait_until

RANGE, SLOTS = 20, 10


@dataclass
class Session:
    """A user who works in a directory, with a separate shell."""

    directory: Path
    environ: dict[str, str]
    known_project: str = ""

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run `composeports` here; `variables` are set for this one command."""
        return run(PROGRAM, *arguments, **self._place(variables))

    def must_run(self, *arguments: str, **variables: str) -> Done:
        """Run `composeports` here, which has to succeed."""
        return must_run(PROGRAM, *arguments, **self._place(variables))

    def ok(self, *arguments: str, **variables: str) -> str:
        """Run `composeports` here, which has to succeed, and return its stdout."""
        return self.must_run(*arguments, **variables).out

    def json(self, *arguments: str, **variables: str) -> Any:  # noqa: ANN401 - documents
        """Run `composeports` with --json, which has to succeed, and return the document."""
        return json.loads(self.ok(*arguments, "--json", **variables))

    def start(
        self,
        *arguments: str | Path,
        program: str | Path = PROGRAM,
        **options: Any,  # noqa: ANN401 - those of Popen
    ) -> "subprocess.Popen[Any]":
        """Start a program here, `composeports` by default, and do not wait for its end."""
        return start(program, *arguments, **self._place({}), **options)

    def shell(self, script: str, **variables: str) -> Done:
        """Run a shell script here; `composeports` is on its PATH."""
        return run("bash", "-euc", script, **self._place(variables))

    def compose(self, *arguments: str, **variables: str) -> str:
        """Run plain `docker compose` here, which has to succeed, and return its stdout."""
        return output("docker", "compose", *arguments, **self._place(variables))

    def _place(self, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 - arguments of `run`
        environ = {**self.environ, "PWD": str(self.directory), **variables}
        return {"cwd": self.directory, "environ": environ}

    @property
    def state(self) -> Path:
        """The state directory."""
        return Path(self.environ["COMPOSEPORTS_STATE_DIR"])

    @property
    def base(self) -> int:
        """The first port of the first block."""
        return int(self.environ["PORT_ALLOC_BASE"])

    @property
    def row(self) -> dict[str, Any]:
        """This session's row of the store; empty if it holds no lease."""
        return next((row for row in self.leases() if row["current"]), {})

    def leases(self) -> list[dict[str, Any]]:
        """Return all held leases of the session's store."""
        rows: list[dict[str, Any]] = self.json("status")
        return rows

    def set_expiry(self, moment: float) -> None:
        """Set the time at which the session's lease expires, as the clock would reach it."""
        statement = "UPDATE leases SET expires_at = ? WHERE project = ?"
        assert change_store(self.state, statement, moment, self.known_project or self.project)

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
        found = engine().inspect(self.project, *states)
        return {each["Name"].removeprefix(f"/{self.project}-"): each for each in found}

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

    def resources_of(self, kinds: str = KINDS) -> list[str]:
        """Return all that the engine has of the session's project."""
        return engine().resources(self.project, kinds)

    def change(self, old: str, new: str, file: str = "compose.yaml") -> None:
        """Edit a file of the directory."""
        path = self.directory / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@dataclass
class Repository:
    """A git repository with its main checkout and its worktrees."""

    main: Session

    def git(self, *arguments: str) -> str:
        """Run git in the main checkout."""
        return git(self.main.directory, *arguments, environ=self.main.environ)

    def commit(self, files: Mapping[str, str]) -> None:
        """Write the files into the main checkout and commit them."""
        commit(self.main.directory, files, self.main.environ)

    def worktree(self, name: str) -> Session:
        """Add a worktree beside the main checkout (or at a path from there), on a new branch."""
        directory = self.main.directory.parent / name
        add_worktree(self.main.directory, directory, directory.name, self.main.environ)
        return Session(directory, self.main.environ)


MakeRepository = Callable[[Mapping[str, str]], Repository]


def new_repository(place: Path, environ: dict[str, str], files: Mapping[str, str]) -> Repository:
    """Make a repository in `place` with these files committed."""
    made = Repository(Session(place / "main", environ))
    made.main.directory.mkdir()
    made.git("init", "--quiet")
    made.commit(files)
    return made


def block_grids(first: int, end: int) -> Iterator[int]:
    """Yield the first ports of block grids, in turn; two test runs start at different ones."""
    bases = range(first, end, RANGE * SLOTS)
    return itertools.islice(itertools.cycle(bases), os.getpid() % len(bases), None)


GRIDS = block_grids(20000, 28000)


def fresh_environ(place: Path, grids: Iterator[int] = GRIDS) -> dict[str, str]:
    """Return a new shell's environment, with leases in `place` and a block grid of its own."""
    return {
        **neutral_environ(also=["DOCKER_"]),
        **ENGINE_VARIABLES,
        **GIT_ENVIRONMENT,
        "PATH": f"{PROGRAM.parent}{os.pathsep}{PATH}",
        "COMPOSEPORTS_STATE_DIR": str(place / "state"),
        "PORT_ALLOC_BASE": str(next(grids)),
        "PORT_ALLOC_RANGE": str(RANGE),
        "PORT_ALLOC_MAX_SESSIONS": str(SLOTS),
    }


@dataclass
class Projects:
    """Every project that the tests of this run may have started, so that none is left."""

    seen: set[str] = field(default_factory=set)

    def take_down(self, below: Path) -> None:
        """Take down what was started from directories and stores below one."""
        found = sorted(engine().started_below(below) | _leased_below(below))
        self.seen |= set(found)

        def gone() -> bool:
            """Try again: a stack may be on a network of another one, or the engine be slow."""
            said = "".join(take_down(each) for each in found if engine().resources(each))
            if left := [resource for each in found for resource in engine().resources(each)]:
                raise OSError(f"{left} are left: {said}")
            return True

        wait_until(gone, f"nothing of {found} is left")


def _leased_below(directory: Path) -> set[str]:
    """Return the projects that stores below a directory know."""
    found: set[str] = set()
    for path in directory.rglob("*.sqlite3"):
        with closing(sqlite3.connect(path)) as store:
            found |= {str(row[0]) for row in store.execute("SELECT project FROM leases")}
    return found
