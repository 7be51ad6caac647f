"""Programs that hold a session's lock beside who took it: the Compose at work, and its end.

A Compose whose composeports was killed works on, and would start the stack after its lease is over.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psutil import Process

# How a program is asked to end, and for how many seconds it is waited for after each.
STEPS = ((signal.SIGINT, 10.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
# Who only tries to take the lock has its file open for an instant, and not in two looks.
BETWEEN_LOOKS = 0.2
POLL_SECONDS = 0.05


def end_workers(path: str, who_took_it: int, is_free: Callable[[], bool]) -> bool:
    """End the programs that hold the lock at `path` and return whether it is free then.

    The process `who_took_it` itself is never ended: a server works for others, too, and a command
    ends with its Compose. Programs of other users are left alone.
    """
    for number, seconds in STEPS:
        found = _workers(path, who_took_it)
        for process in found:
            with suppress(OSError):
                _signal(process, number)
        if _wait(is_free, seconds if found else 0.0):
            return True
    return False


def _workers(path: str, who_took_it: int) -> "list[Process]":
    before = list(_holding(path))
    time.sleep(BETWEEN_LOOKS)
    spared = {os.getpid(), who_took_it}
    return [each for each in _holding(path) if each in before and each.pid not in spared]


def _holding(path: str) -> "Iterator[Process]":
    import psutil  # noqa: PLC0415 - only where a command is in the way

    real = os.path.realpath(path)
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            own = process.uids().effective == os.geteuid()
            if own and any(each.path == real for each in process.open_files()):
                yield process


def _signal(process: "Process", number: signal.Signals) -> None:
    """Send a signal to the process that was found, and to none that got its number since."""
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
    """Tell whether a process has ended, and only its parent has not taken notice."""
    import psutil  # noqa: PLC0415 - only for a process that is in the way

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
