"""Files that block a reader, or never end; each is created at a path."""

import os
import resource
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

MEMORY = 2 << 30


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_a_pipe(path: Path) -> None:
    target = path.with_name("a-pipe-elsewhere")
    if not target.exists():
        os.mkfifo(target)
    path.symlink_to(target)


def endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def huge_file(path: Path) -> None:
    """Make a file of a terabyte that takes no space on the disk."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


def unix_socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            # A path by its folder's descriptor, since the address of a socket is short.
            made.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


HOSTILE: tuple[Callable[[Path], None], ...] = (
    named_pipe,
    link_to_a_pipe,
    endless_device,
    huge_file,
    unix_socket,
)
# One of each way to harm: it is waited for, read without end, or takes all memory.
HARMFUL = (named_pipe, endless_device, huge_file)


def place(make: Callable[[Path], None], path: Path) -> None:
    """Put such a file at the path, in the place of what was there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)


def identity(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is replaced or written."""
    found = os.lstat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns


def limit_memory() -> None:
    """Limit memory, so that a program that reads without end fails, not the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
