"""One repository with worktrees, a state directory and a bystander, where a scenario happens."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.observer import contents, damage, doubled_holds, doubled_ports
from tests.harness import program
from tests.harness.engine import Engine, docker, take_down
from tests.harness.program import PROGRAM, Done, neutral_environ, start
from tests.harness.repository import GIT_ENVIRONMENT, TINY, Services, add_worktree, git, stack
from tests.harness.store import Row, change_store, expire_leases, rows

LAUNCHER = Path(__file__).with_name("launcher.py")
RANGE, SLOTS = 10, 12
TIMEOUT = 120

GREETING = {"GREETING": "${COMPOSE_PROJECT_NAME}"}
WEB = {"web": {"ports": ["${WEB_PORT:-8080}:80"], "environment": GREETING}}
WEB_AND_DB = {**WEB, "db": {"ports": ["5432:80"], "environment": GREETING}}
BUILT = {"web": {**WEB["web"], "build": ".", "image": "faults-web:dev"}}


@dataclass
class Tree:
    """One worktree: a session."""

    place: "Place"
    directory: Path
    session_id: str
    # What its Compose file has: services other than the place's, and how many networks.
    own_services: Services | None = None
    networks: int = 1

    @property
    def services(self) -> Services:
        """The services of its Compose file."""
        return self.place.services if self.own_services is None else self.own_services

    def start(self, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the installed program here, in a new process group."""
        return self._start([str(PROGRAM), *words], variables)

    def run(self, *words: str, **variables: str) -> Done:
        """Run the installed program here."""
        return finish(self.start(*words, **variables))

    def traced(self, *words: str, trace: Path, kill: int = 0, clock: float = 0) -> Done:
        """Run the program with its steps written to a file, ended by SIGKILL before one of them."""
        trace.unlink(missing_ok=True)
        argv = [sys.executable, "-P", str(LAUNCHER), *words]
        variables = {"FAULTS_TRACE": str(trace), "FAULTS_KILL": str(kill)}
        return finish(self._start(argv, {**variables, "FAULTS_CLOCK": str(clock)}))

    def _start(self, argv: list[str], variables: Mapping[str, str]) -> "subprocess.Popen[str]":
        return start(
            *(*self.place.prefix, *argv),
            cwd=self.directory,
            environ={**self.place.environ, "PWD": str(self.directory), **variables},
            errors="replace",
            start_new_session=True,
        )

    @property
    def row(self) -> Row | None:
        """What the store has of this session."""
        found = (row for row in rows(self.place.state) if row.session_id == self.session_id)
        return next(found, None)

    @property
    def project(self) -> str:
        """The session's project, empty if it is not known."""
        return row.project if (row := self.row) is not None else ""

    def forget(self) -> None:
        """Remove this session from the store, as before its first command."""
        change_store(self.place.state, "DELETE FROM leases WHERE session_id = ?", self.session_id)

    def write(self, text: str) -> None:
        """Write the Compose file."""
        (self.directory / "compose.yaml").write_text(text)

    def describe(
        self, services: Services, own_networks: int = 1, **more: Mapping[str, object]
    ) -> None:
        """Write a Compose file of other services than the place's; it makes so many networks."""
        self.own_services, self.networks = services, own_networks
        self.write(stack(services, **more))


def finish(process: "subprocess.Popen[str]") -> Done:
    """Wait for the end; a program that hangs is killed, and counts as failed."""
    try:
        return program.finish(process, TIMEOUT)
    except subprocess.TimeoutExpired:
        return Done(124, "", f"did not end within {TIMEOUT} s")


@dataclass
class Place:
    """A repository, its worktrees, and the store that they share."""

    root: Path
    base: int
    engine: Engine
    environ: dict[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    services: Services = field(default_factory=lambda: WEB)
    slots: int = SLOTS

    def __post_init__(self) -> None:
        """Make the repository."""
        self.root.mkdir(parents=True)
        self.environ = {
            **neutral_environ(self.environ or os.environ),
            **GIT_ENVIRONMENT,
            "COMPOSEPORTS_STATE_DIR": str(self.root / "state"),
            "PORT_ALLOC_BASE": str(self.base),
            "PORT_ALLOC_RANGE": str(RANGE),
            "PORT_ALLOC_MAX_SESSIONS": str(self.slots),
        }
        self.trees: list[Tree] = []
        self.main = self.repository("main")
        self.seen: set[str] = set()

    def repository(self, name: str) -> Tree:
        """Make a repository with the Compose file and one commit; return its main checkout."""
        folder = self.root / name
        folder.mkdir(parents=True)
        (folder / "compose.yaml").write_text(stack(self.services))
        (folder / "Dockerfile").write_text(f"FROM {TINY}\nLABEL faults=yes\n")
        self.git(folder, "init", "-q")
        self.git(folder, "add", ".")
        self.commit(folder)
        self.trees.append(Tree(self, folder, str(folder / ".git")))
        return self.trees[-1]

    def commit(self, folder: Path) -> None:
        """Commit what is staged in a checkout."""
        self.git(folder, "commit", "-qm", "one")

    def git(self, folder: Path, *words: str) -> None:
        """Run git in a folder; it has to succeed."""
        git(folder, *words, environ=self.environ)

    @property
    def state(self) -> Path:
        """The state directory."""
        return Path(self.environ["COMPOSEPORTS_STATE_DIR"])

    @property
    def exclusions(self) -> str:
        """Git's own list of what it ignores in this repository."""
        path = self.root / "main" / ".git" / "info" / "exclude"
        return path.read_text() if path.exists() else ""

    def tree(self, name: str, of: Tree | None = None) -> Tree:
        """Add a worktree (of the main repository), in a folder that is not there or empty."""
        directory = self.root / name
        main = (of or self.main).directory
        add_worktree(main, directory, name, self.environ)
        git_dir = main / ".git" / "worktrees" / directory.name
        self.trees.append(Tree(self, directory, str(git_dir)))
        return self.trees[-1]

    def docker(self, *words: str) -> str:
        """Run `docker` on the engine, independent of the program under test; return its output."""
        return docker(*words, environ=self.environ)

    def expire(self, tree: Tree) -> None:
        """Let a session's lease expire."""
        expire_leases(self.state, tree.session_id)

    def prune(self) -> None:
        """Remove deleted worktrees from git's list."""
        for tree in [tree for tree in self.trees if not (tree.directory / ".git").exists()]:
            shutil.rmtree(tree.directory, ignore_errors=True)
            self.trees.remove(tree)
        self.git(self.main.directory, "worktree", "prune")

    def forget_set_aside(self) -> None:
        """End the cool-down of all blocks."""
        with suppress(sqlite3.OperationalError):  # a store that knows no such table
            change_store(self.state, "DELETE FROM set_aside")

    def close(self) -> None:
        """Take down all that was started here, without the program under test."""
        projects = {row.project for row in rows(self.state)} | self.seen
        for project in projects | self.engine.started_below(self.root):
            take_down(project, self.environ)
        shutil.rmtree(self.root, ignore_errors=True)


@dataclass
class Bystander:
    """A session that runs all the time, and that nothing may touch."""

    tree: Tree
    row: Row
    ids: tuple[str, ...]
    files: dict[str, bytes]

    @classmethod
    def start(cls, place: Place) -> "Bystander":
        """Start it in the main checkout."""
        done = place.main.run("up")
        assert done.code == 0, f"the bystander did not start: {done.err}"
        row = place.main.row
        assert row is not None
        ids = tuple(sorted(each["Id"] for each in place.engine.containers(row.project)))
        return cls(place.main, row, ids, contents(place.main.directory))

    def problems(self) -> dict[str, list[str]]:
        """Return what has changed, by column of the table."""
        place = self.tree.place
        now = self.tree.row
        lost = [] if now == self.row else [f"the bystander's lease is {now}"]
        found = place.engine.containers(self.row.project)
        ids = tuple(sorted(each["Id"] for each in found if each["State"] == "running"))
        if ids != self.ids:
            lost.append("the bystander's containers are not the same, or do not run")
        port = self.row.ports["web:80/tcp"]
        if self.row.project not in place.engine.page(port):
            lost.append("the bystander does not answer on its port")
        files = contents(self.tree.directory)
        damaged = [] if files == self.files else ["files of the bystander's worktree have changed"]
        projects = {row.project for row in rows(place.state)}
        doubled = doubled_holds(place.state) + doubled_ports(place.engine, projects)
        return {
            "lost": lost,
            "damaged": damaged + damage(place.state),
            "doubled": [f"{doubled} ports are doubled"] * bool(doubled),
        }
