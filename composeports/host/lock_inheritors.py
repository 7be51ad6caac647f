"""Find and end programs that inherited a session lock, such as a Compose that still runs.

A Compose whose composeports was killed runs on, and would start the stack after its lease has
ended.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process

# Each signal, and how many seconds to wait for the lock after it.
STEPS = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
# How many seconds lie between two searches. A process that only tries to take the lock has its file
# open for an instant, so at most one search finds it.
SAMPLE_SECONDS = 0.2
POLL_SECONDS = 0.05


def end_inheritors(path: str, who_took_it: int, is_free: Callable[[], bool]) -> bool:
    """End the programs that hold the lock at `path`; return True if the lock is free then.

    Send SIGINT, then SIGTERM, then SIGKILL. The process `who_took_it` (a process id) is never
    ended: a server works for other sessions, too, and a command ends with its Compose. Programs of
    other users are not touched.
    """
    for number, seconds in STEPS:
        processes = _workers(path, who_took_it)
        for process in processes:
            with suppress(OSError):
                _signal(process, number)
        if _wait(is_free, seconds if processes else 0.0):
            return True
    return False


def _workers(path: str, who_took_it: int) -> "list[Process]":
    first_sample = list(_holding(path))
    time.sleep(SAMPLE_SECONDS)
    spared_pids = {os.getpid(), who_took_it}
    return [
        process
        for process in _holding(path)
        if process in first_sample and process.pid not in spared_pids
    ]


def _holding(path: str) -> "Iterator[Process]":
    import psutil  # noqa: PLC0415 - only if a command holds the lock

    real_path = os.path.realpath(path)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_own = process.uids().effective == os.geteuid()
            if is_own and any(file.path == real_path for file in process.open_files()):
                yield process


def _signal(process: "Process", number: signal.Signals) -> None:
    """Send the signal to this process, never to a newer process with the same id."""
    import psutil  # noqa: PLC0415 - it is imported already

    with suppress(psutil.Error):
        process.send_signal(number)


def _wait(is_free: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not is_free():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def is_zombie(pid: int) -> bool:
    """Return True if the process has ended and its parent has not read its exit status yet."""
    import psutil  # noqa: PLC0415 - only for a process that holds the lock

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
