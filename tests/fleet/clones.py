"""Two machines that were cloned from one image: their engines have one id, and one store.

Each sees its own host name, machine id and boot id, if the test sets them. The data of the second
engine is a copy of the first engine's data.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from devkit import cache, postgres
from tests.fleet.place import Fleet, Machine, machine_of
from tests.harness.private_engine import NETNS, engine_script

SERVER = "clones"
# What is a machine's own, by the file that says it.
MACHINE_ID, BOOT_ID = "/etc/machine-id", "/proc/sys/kernel/random/boot_id"
# Where the two kinds of engines keep their id, and where each has its networks.
COPIED = ("private/etc/upper/docker/key.json", "data/engine-id", "data/network")


@dataclass(frozen=True)
class Clone:
    """One of them; `host` is its host name."""

    machine: Machine
    host: str

    def restart(self, host: str = "") -> "Clone":
        """Return the machine after a restart of the engine."""
        host = host or self.host
        name = self.machine.name
        engine_script("stop", name, "--keep")
        engine_script("start", name, *NETNS, "--machine", host)
        return Clone(self.machine, host)

    def is_known_by(self, machine_id: str, boot: str) -> None:
        """Let the machine's programs see this machine id and this boot."""
        home = self.machine.disk.parent
        for name, text in (("machine-id", machine_id), ("boot-id", boot)):
            (home / name).write_text(f"{text}\n")
        own = (f"{home}/machine-id:{MACHINE_ID}", f"{home}/boot-id:{BOOT_ID}")
        self.machine.environ["MACHINE_FILES"] = " ".join(own)


@contextmanager
def clones(root: Path, count: int = 2) -> Iterator[tuple[Fleet, Clone, Clone]]:
    """Start two engines with one id and copied data, and the server; end all of it."""
    names = ["clone-1", "clone-2"]
    try:
        for name in names:
            engine_script("stop", name)
        postgres.stop(SERVER, "immediate")
        server = postgres.start(SERVER, host="0.0.0.0")
        for name in names:
            engine_script("start", name, *NETNS, "--machine", name)
            engine_script("stop", name, "--keep")
        homes = [cache.root() / "engines" / name for name in names]
        for each in COPIED:
            if (homes[0] / each).is_dir():
                shutil.rmtree(homes[1] / each)
                shutil.copytree(homes[0] / each, homes[1] / each)
            elif (homes[0] / each).exists():
                shutil.copyfile(homes[0] / each, homes[1] / each)
        for name in names:
            engine_script("start", name, *NETNS, "--machine", name)
        one, two = (Clone(machine_of(root, server, count, name), name) for name in names)
        for clone in (one, two):
            clone.is_known_by(uuid4().hex, str(uuid4()))
        yield Fleet([one.machine, two.machine], server), one, two
    finally:
        for name in names:
            engine_script("stop", name)
        postgres.stop(SERVER, "immediate")
