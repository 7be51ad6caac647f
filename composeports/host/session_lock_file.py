"""The session lock: a file lock (flock) that lets one command at a time work on a stack.

The kernel releases the lock when the last process that has it ends. `hold` takes the lock. It waits
up to `timeout_seconds` and yields a `SessionLock`, or None if another process kept the lock
for all that time; 0 does not wait, None waits without limit. While the lock is held, `holder`
returns the lock owner. A claim calls `is_held` before it takes the lease of an idle stack.

A program that is started with `lock.descriptor` among its inherited files shares the lock. The lock
is free only when both have ended, so an orphan (a Compose whose composeports was killed) still
holds it. A caller that waits without limit waits only ten seconds for such an orphan, and then ends
it (lock_inheritors.py).

If the disk has no space for a new lock file, all processes that would create one lock its folder
instead.
"""

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from composeports.errors import FileAccessError, LockBusyError, UnsafeFileError
from composeports.host.file_lock import try_lock
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular

POLL_SECONDS = 0.05
NOTICE_SECONDS = 1.0
# How many seconds a caller without a time limit waits for an orphan (a Compose whose composeports
# was killed).
ORPHAN_SECONDS = 10.0
_LENGTH = 200
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class LockOwner(NamedTuple):
    """The process that holds a session lock; `pid` is 0 if it is unknown."""

    pid: int = 0
    command: str = ""

    @property
    def is_dead(self) -> bool:
        """True if the process has ended, so only a program that it started may hold the lock."""
        if not self.pid:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        from composeports.host.lock_inheritors import is_zombie  # noqa: PLC0415 - rarely used

        return is_zombie(self.pid)

    def __str__(self) -> str:
        """Return a text such as "`composeports up`, process 123"."""
        if not self.pid:
            return "another composeports"
        if self.is_dead:
            return f"what a killed `composeports {self.command}` had started"
        return f"`composeports {self.command}`, process {self.pid}"


class SessionLock:
    """A session lock in this process. A long command may `release` it and later `take` it again."""

    def __init__(self, path: str, command: str) -> None:
        """Set the lock file and the command that takes the lock; `take` takes it."""
        self._path = path
        self._command = command
        self._file = -1
        # The previous lock owner, with an empty command if that command did all its work.
        self.previous_owner = LockOwner()

    @property
    def descriptor(self) -> int:
        """The file descriptor for programs that share the lock; -1 while it is not held."""
        return self._file

    def take(self, timeout_seconds: float | None, busy: Callable[[LockOwner], None]) -> bool:
        """Wait up to `timeout_seconds` (None: no limit); return True once the lock is held.

        `busy` is called once, with the lock owner, after one second of waiting. Return False if the
        time is over or an orphan cannot be ended. Raise FileAccessError if the file cannot be
        locked.
        """
        start_time = time.monotonic()
        is_notified = False
        while not self._try():
            wait_time = time.monotonic() - start_time
            if timeout_seconds is not None and wait_time >= timeout_seconds:
                return False
            if wait_time >= NOTICE_SECONDS and not is_notified:
                is_notified = True
                busy(holder(self._path))
            is_long_wait = timeout_seconds is None and wait_time >= ORPHAN_SECONDS
            if is_long_wait and holder(self._path).is_dead and not end_lock_inheritors(self._path):
                return False
            time.sleep(POLL_SECONDS)
        return True

    def mark_finished(self) -> None:
        """Record that the command did all its work, so the next command need not complete it."""
        if self._file >= 0:
            with suppress(OSError):
                _write(self._file, "")

    def release(self) -> None:
        """Release the lock; a program that inherited it holds it until that program ends."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def remove(self) -> None:
        """Remove the lock file while the lock is held; waiting processes then make a new one."""
        if self._file >= 0 and _is_at(self._file, self._path):
            with suppress(OSError):
                os.unlink(self._path)

    def _try(self) -> bool:
        try:
            return self._lock_once()
        except OSError as error:
            message = f"cannot lock {self._path}: {error.strerror or error}"
            hint = "check the permissions and the space of the state directory; nothing was changed"
            raise FileAccessError(message, hint=hint, path=self._path) from error

    def _lock_once(self) -> bool:
        try:
            file, has_file = _open_or_make(self._path), True
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            file, has_file = _open_folder_above(self._path), False
        try:
            if not try_lock(file):
                return False
            if not (_is_at(file, self._path) if has_file else not os.path.exists(self._path)):
                return False
            if has_file:
                self.previous_owner = _holder(os.pread(file, _LENGTH, 0))
                _write(file, self._command)
            self._file, file = file, -1
            return True
        finally:
            if file >= 0:
                os.close(file)


@contextmanager
def hold(
    path: str, command: str, timeout_seconds: float | None, busy: Callable[[LockOwner], None]
) -> Iterator[SessionLock | None]:
    """Hold the lock at `path`; yield None if another process keeps it until the timeout.

    `timeout_seconds` None waits without limit, and yields None only if an orphan cannot be ended.
    `command` is one word, for messages. `busy` is called once, with the lock owner, after one
    second of waiting.
    """
    lock = SessionLock(path, command)
    if not lock.take(timeout_seconds, busy):
        yield None
        return
    try:
        yield lock
    finally:
        lock.release()


def end_lock_inheritors(path: str) -> bool:
    """End the programs that inherited the lock from its owner; return False if it stays held."""
    from composeports.host.lock_inheritors import end_inheritors  # noqa: PLC0415 - rarely used

    return end_inheritors(path, holder(path).pid, lambda: not is_held(path))


def is_held(path: str) -> bool:
    """Return True if any process holds the lock, this process included.

    A lock file that cannot be opened counts as held.
    """
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return False
    except (OSError, UnsafeFileError):
        return True
    try:
        return not try_lock(file, shared=True)
    except OSError:
        return True
    finally:
        os.close(file)


def holder(path: str) -> LockOwner:
    """Return the process that last wrote the lock file; it may have released the lock since."""
    try:
        file = open_regular(path)
    except (OSError, UnsafeFileError):
        return LockOwner()
    try:
        return _holder(os.pread(file, _LENGTH, 0))
    finally:
        os.close(file)


def _holder(text: bytes) -> LockOwner:
    pid, _, command = text.decode(errors="replace").partition("\n")
    return LockOwner(int(pid), command.strip()) if pid.isdecimal() else LockOwner()


def busy_error(project: str, path: str) -> LockBusyError:
    """Return the error for a session lock that another process keeps for too long."""
    return LockBusyError(
        f"{holder(path)} works on {project} right now",
        hint="wait for its end, then try again",
        project=project,
        pid=holder(path).pid,
    )


def _open_or_make(path: str) -> int:
    """Open the lock file, and create it if it is missing.

    Other users get the same rights to a new file as to the state directory, not more.
    """
    folder = os.path.dirname(path)
    while True:
        try:
            return open_regular(path, flags=os.O_RDWR)
        except FileNotFoundError:
            write_bits = _make_folder(folder) & 0o022
        with suppress(FileExistsError):
            file = open_regular(path, flags=os.O_RDWR | os.O_CREAT | os.O_EXCL)
            if write_bits:
                os.fchmod(file, 0o600 | write_bits | write_bits << 1)
            return file


def _make_folder(folder: str) -> int:
    """Make the folder of the lock files if it is missing, and return its mode."""
    make_inner_folder(folder)
    return os.stat(folder).st_mode


def _open_folder_above(path: str) -> int:
    """Open the folder of the lock file, or its nearest parent that exists."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _write(file: int, command: str) -> None:
    """Write the lock owner to the file, for messages; write nothing if the disk is full."""
    try:
        # Always the same length, because truncating a file takes longer than the rest of the
        # locking.
        os.pwrite(file, f"{os.getpid()}\n{command}\n".encode().ljust(_LENGTH), 0)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise


def _is_at(file: int, path: str) -> bool:
    """Return True if the path still leads to this file, which was not removed or replaced."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
