"""Remove what a dead engine leaves behind, processes and mounts; touches no other engine's."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import shell

if TYPE_CHECKING:
    from collections.abc import Iterator


def end_processes(home: Path) -> None:
    """Kill what still runs for the engine in this directory, and wait until it is gone."""
    while pids := list(_processes(home)):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _processes(home: Path) -> Iterator[int]:
    """Find dockerd, containerd and its shims by their arguments, containers by their cgroup."""
    inside = os.fsencode(home) + b"/"
    containers = [os.fsencode(path.name) for path in home.glob("data/containers/*")]
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            group = (process / "cgroup").read_bytes()
        except OSError:
            continue  # It has ended meanwhile.
        program = words.split(b"\0")[0].rpartition(b"/")[2]
        ours = program.startswith((b"dockerd", b"containerd", b"docker-proxy")) and inside in words
        if ours or any(container in group for container in containers):
            yield int(process.name)


def erase(home: Path) -> None:
    """Remove everything that the engine wrote, mounts included."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted(mounts, reverse=True):
        if Path(mount).is_relative_to(home):
            shell.attempt(["umount", "--lazy", mount])
    shutil.rmtree(home, ignore_errors=True)


def remove_group(group: Path) -> None:
    """Remove an empty cgroup; one that is in use stays."""
    with suppress(OSError):
        group.rmdir()
