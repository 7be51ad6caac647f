"""A fleet: machines that are network namespaces, each with an engine, and one PostgreSQL.

All machines have their worktrees at the same path, through separate mounts, like hosts with the
same setup. Programs run in the machine's namespaces. The tests check the results from outside, by
the engines' API and by SQL.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import psycopg

from devkit import postgres
from tests.faults.observer import doubled_ports, overlaps
from tests.faults.place import LAUNCHER, WEB, finish
from tests.harness.engine import PROJECT_LABEL, Engine
from tests.harness.private_engine import NETNS, engine_script, running_engine
from tests.harness.program import PROGRAM, Done, neutral_environ, output, start
from tests.harness.repository import GIT_ENVIRONMENT, stack, write
from tests.harness.store import Row

ROWS = """
    SELECT space, session_id, start, size, project, held, memory FROM composeports.leases
    ORDER BY space, session_id
"""
# Mounts the first over the second, goes to the third, and becomes the rest.
MOUNTED = """
    for each in $MACHINE_FILES; do mount --bind "${each%:*}" "${each#*:}" || exit; done
    mount --bind "$1" "$2" && cd "$3" && PWD=$3 && export PWD && shift 3 && exec "$@"
"""
SERVER = "fleet"


@dataclass
class Machine:
    """A machine of the fleet; `link` is the host's end of its cable, `gateway` the host there."""

    name: str
    engine: Engine
    environ: dict[str, str]
    prefix: tuple[str, ...]
    link: str
    gateway: str
    disk: Path
    path: Path
    trees: list[Path] = field(default_factory=list)
    halted: bool = False

    def start(self, tree: Path, *argv: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a program in a folder of the machine, in a process group of its own."""
        inside = ("sh", "-c", MOUNTED, "sh", str(self.disk), str(self.path), str(tree), *argv)
        return start(
            *(*self.prefix, "unshare", "--mount", *inside),
            cwd="/",
            environ={**self.environ, **variables},
            errors="replace",
            start_new_session=True,
        )

    def begin(self, tree: Path, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the installed program in a worktree."""
        return self.start(tree, str(PROGRAM), *words, **variables)

    def run(self, tree: Path, *words: str, **variables: str) -> Done:
        """Run the installed program in a worktree to its end."""
        return finish(self.begin(tree, *words, **variables))

    def traced(self, tree: Path, *words: str, trace: Path, kill: int = 0) -> Done:
        """Run the program with its steps in a file, ended by SIGKILL before one of them."""
        trace.unlink(missing_ok=True)
        known = {"FAULTS_TRACE": str(trace), "FAULTS_KILL": str(kill), "FAULTS_POSTGRES": "1"}
        return finish(self.start(tree, sys.executable, "-P", str(LAUNCHER), *words, **known))

    def session(self, tree: Path) -> str:
        """Return the id of a worktree's session."""
        return f"{self.name}:{self.path}/main/.git/worktrees/{tree.name}"

    def twin(self, name: str, count: int) -> "Machine":
        """Return another machine that uses the same engine, with worktrees at the same paths."""
        home = self.disk.parent.with_name(name)
        (home / "home").mkdir(parents=True)
        own = {
            "HOME": str(home / "home"),
            "COMPOSEPORTS_STATE_DIR": str(home / "state"),
            "COMPOSEPORTS_MACHINE": name,
        }
        twin = replace(
            self, name=name, environ={**self.environ, **own}, disk=home / "disk", trees=[]
        )
        twin.make_worktrees(count)
        return twin

    def make_worktrees(self, count: int) -> None:
        """Make a repository with this many linked worktrees."""
        write(self.disk / "main", {"compose.yaml": stack(WEB)})
        self.path.mkdir(parents=True, exist_ok=True)
        main = self.path / "main"
        self.trees = [self.path / f"tree-{number:02}" for number in range(count)]
        steps = [("init", "-q", "-b", "main"), ("add", "."), ("commit", "-qm", "one")]
        steps += [("worktree", "add", "-q", "-b", each.name, str(each)) for each in self.trees]
        for step in steps:
            done = finish(self.start(main, "git", *step))
            assert done.code == 0, done.err

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Let nothing through the machine's cable."""
        output("ip", "link", "set", self.link, "down")
        try:
            yield
        finally:
            output("ip", "link", "set", self.link, "up")

    def halt_engine(self) -> None:
        """Stop the engine as a reboot would."""
        self.halted = True
        engine_script("stop", self.name, "--keep")

    def start_engine(self) -> None:
        """Let the engine come back with its data."""
        engine_script("start", self.name, *NETNS)
        self.halted = False


# Where a command ran, and what it came to.
Ended = tuple[Machine, Path, Done]


@dataclass
class Fleet:
    """The machines and the server of their store."""

    machines: list[Machine]
    server: postgres.Server

    def rows(self) -> dict[str, dict[str, Row]]:
        """Return the rows of the store: by engine, by session."""
        found: dict[str, dict[str, Row]] = {}
        with psycopg.connect(self.server.socket_url()) as connection:
            for space, session_id, start, size, project, held, memory in connection.execute(ROWS):
                ports = json.loads(memory)["ports"]
                row = Row(session_id, start, size, project, held, ports)
                found.setdefault(space, {})[session_id] = row
        return found

    def row(self, machine: Machine, tree: Path) -> Row | None:
        """Return what the store has of a worktree's session, on whichever engine."""
        for rows in self.rows().values():
            if machine.session(tree) in rows:
                return rows[machine.session(tree)]
        return None

    def at_once(self, *words: str, only: Sequence[Machine] = ()) -> list[Ended]:
        """Run the program in every worktree of the machines, all started before one is awaited."""
        places = [(each, tree) for each in only or self.machines for tree in each.trees]
        begun = [machine.begin(tree, *words) for machine, tree in places]
        with ThreadPoolExecutor(len(begun)) as waiters:
            done = list(waiters.map(finish, begun))
        return [(*place, each) for place, each in zip(places, done, strict=True)]

    def doubled(self) -> list[str]:
        """Return what two sessions of one engine have at once, by the store and by the engine."""
        found: list[str] = []
        for space, rows in self.rows().items():
            found += [
                f"{one.session_id} and {two.session_id} on {space}: {one.start}, {two.start}"
                for one, two in overlaps(rows.values())
            ]
        for machine in [each for each in self.machines if not each.halted]:
            projects = {each["Labels"][PROJECT_LABEL] for each in machine.engine.containers()}
            count = doubled_ports(machine.engine, projects)
            found += [f"{count} ports are published twice on {machine.name}"] * bool(count)
        return found

    def stack_problems(self, machine: Machine, tree: Path) -> dict[str, list[str]]:
        """Return what is wrong with a worktree's stack that has to be up, by column."""
        row = self.row(machine, tree)
        if row is None or not row.held:
            return {"lost": [f"the lease of {machine.session(tree)} is {row}"]}
        found: dict[str, list[str]] = {}
        states = [each["State"] for each in machine.engine.containers(row.project)]
        if states != ["running"]:
            found["failed"] = [f"{machine.session(tree)}: the containers are {states}"]
        published = sorted(machine.engine.published(row.project).values())
        if published != sorted(row.ports.values()):
            found["lost"] = [f"{row.session_id}: leased {row.ports}, published {published}"]
        for port in row.ports.values():
            said = machine.engine.page(port)
            if row.project not in said:
                found["failed"] = [f"{machine.engine.address}:{port} says {said!r}"]
        return found

    def leftovers(self, machine: Machine, tree: Path) -> dict[str, list[str]]:
        """Return what is left of a worktree's stack that has to be down, by column."""
        row = self.row(machine, tree)
        if row is None:
            return {}
        left = machine.engine.containers(row.project) + machine.engine.networks(row.project)
        files = (machine.disk / tree.name / ".composeports").exists()
        return {
            "lost": [f"the lease of {row.session_id} is held after down"] * row.held,
            "leaked": [f"{len(left)} things of {row.project} are left"] * bool(left),
            "damaged": [f"{tree}/.composeports is left"] * files,
        }


@contextmanager
def fleet(root: Path, count: int, machines: int = 3) -> Iterator[Fleet]:
    """Start engines and the server, and make `count` worktrees on each machine; end all of it."""
    names = [f"fleet-{number + 1}" for number in range(machines)]
    with ThreadPoolExecutor(machines) as pool:
        try:
            for name in names:  # one that was killed may have left them
                engine_script("stop", name)
            postgres.stop(SERVER, "immediate")
            server = postgres.start(SERVER, host="0.0.0.0")
            for name in names:  # one after the other: they choose addresses
                engine_script("start", name, *NETNS)
            made = list(pool.map(partial(machine_of, root, server, count), names))
            yield Fleet(made, server)
        finally:
            list(pool.map(partial(engine_script, "stop"), names))
            postgres.stop(SERVER, "immediate")


def machine_of(root: Path, server: postgres.Server, count: int, name: str) -> Machine:
    engine = running_engine(name)
    gateway = engine.address.rpartition(".")[0] + ".1"
    home = root / name
    (home / "home").mkdir(parents=True)
    store = f"postgresql://postgres:{server.password}@{gateway}:{server.address[1]}/postgres"
    environ = {
        **neutral_environ(also=["DOCKER_", "PG"]),
        **engine.exports,
        **GIT_ENVIRONMENT,
        "HOME": str(home / "home"),
        "COMPOSEPORTS_STATE_DIR": str(home / "state"),
        "COMPOSEPORTS_MACHINE": name,
        "COMPOSEPORTS_STORE": store,
    }
    machine = Machine(
        name=name,
        engine=engine.observed,
        environ=environ,
        prefix=engine.prefix,
        link="cpo" + engine.exports["COMPOSEPORTS_DEV_NETNS"].rpartition("-")[2],
        gateway=gateway,
        disk=home / "disk",
        path=root / "work",
    )
    machine.make_worktrees(count)
    return machine
