"""Locks on files and folders; the kernel releases them when their process ends or is killed.

Only this module calls `flock` and `lockf`. Every function raises OSError if the file system has no
locks.
"""

import errno
import fcntl

_BUSY = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})


def lock(file: int) -> None:
    """Wait until this process alone has the lock of the open file or folder."""
    fcntl.flock(file, fcntl.LOCK_EX)


def share_lock(file: int) -> None:
    """Wait until this process shares the lock with others that share it; give up an own lock."""
    fcntl.flock(file, fcntl.LOCK_SH)


def try_lock(file: int, *, shared: bool = False) -> bool:
    """Take the lock without waiting; return False if another process has it."""
    try:
        fcntl.flock(file, _kind(shared=shared))
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def try_lock_byte(file: int, position: int, *, shared: bool = False) -> bool:
    """Take the lock of one byte without waiting; return False if another process has it."""
    try:
        fcntl.lockf(file, _kind(shared=shared), 1, position)
    except OSError as error:
        if error.errno in _BUSY or error.errno == errno.EACCES:
            return False
        raise
    return True


def _kind(*, shared: bool) -> int:
    return (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
