"""README.md, "More than one machine": from an empty PostgreSQL to two hosts that share it."""

import os
from pathlib import Path

import pytest

from devkit.postgres_programs import programs
from tests.faults.place import finish
from tests.fleet.place import Fleet, Machine
from tests.harness.program import PROGRAM, output
from tests.support.documents import blocks

pytestmark = pytest.mark.e2e

HOST = "db.example"
INSTALLS = "pip install"


def lines_of_the_section() -> tuple[list[str], list[str]]:
    """Return the commands for the owner of the server, and those for every machine."""
    owner, host = (
        block.commands for block in blocks("README.md", "sh") if "COMPOSEPORTS_STORE" in block.text
    )
    return list(owner), list(host)


def on_server(fleet: Fleet, command: str) -> None:
    """Run a command as the owner of the server would, on its machine."""
    found = programs()
    environ = {
        **os.environ,
        **found.environment,
        "PATH": f"{found.folder}:{PROGRAM.parent}:{os.environ['PATH']}",
        "PGHOST": str(fleet.server.run),
        "PGPORT": str(fleet.server.address[1]),
        "PGUSER": "postgres",
    }
    output("sh", "-c", command, environ=environ)


def on_machine(fleet: Fleet, machine: Machine, commands: list[str], tree: Path) -> str:
    """Run the commands one after the other in one shell of a worktree; return its stdout."""
    script = "set -e\n" + "\n".join(commands).replace(HOST, machine.gateway)
    script = script.replace(":5432:", f":{fleet.server.address[1]}:")
    path = f"{PROGRAM.parent}:{machine.environ['PATH']}"
    port = str(fleet.server.address[1])
    done = finish(machine.start(tree, "sh", "-c", script, PATH=path, PGPORT=port))
    assert done.code == 0, f"{script}\n{done.out}{done.err}"
    return done.out


def test_two_hosts_come_to_share_an_empty_database(machines: Fleet) -> None:
    owner, host = lines_of_the_section()
    for command in owner:
        on_server(machines, command)
    one, two, *_ = machines.machines
    lines = [line for line in host if not line.startswith(INSTALLS)]
    try:
        listed = [on_machine(machines, each, lines, each.trees[0]) for each in (one, two)]
        assert (one.name in listed[0], two.name in listed[0]) == (True, False)
        assert (one.name in listed[1], two.name in listed[1]) == (True, True)
        rows = [line for line in listed[1].splitlines() if "tree-00 (" in line]
        assert len(rows) == 2, listed[1]
    finally:
        shared = [line for line in host if line.startswith("export")]
        for each in (one, two):
            on_machine(machines, each, [*shared, "composeports down"], each.trees[0])
