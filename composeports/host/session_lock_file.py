"""The lock of a session's stack: who works on it now. The kernel ends it with its last process.

Take it with `hold`, which waits as long as it is told and yields a `SessionLock`, or None where
somebody else kept it for all that time; `patience` 0 does not wait. While it is held, `holder`
names who works there, and `is_held` is what a claim asks before it takes an idle stack's lease.

A program that is started with `lock.number` among its inherited files shares the lock: it is free
only when both have ended, so that a Compose whose composeports was killed still counts as at work.
Who waits for ever waits for such an orphan for ten seconds only, and then ends it (workers.py).

Where the disk has no room for a new file, all who would make one lock the folder instead.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from composeports.errors import FileAccessError, LockBusyError, UnsafeFileError
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular

POLL_SECONDS = 0.05
NOTICE_SECONDS = 1.0
# How long an orphan (a Compose whose composeports was killed) is waited for by who waits for ever.
ORPHAN_SECONDS = 10.0
_LENGTH = 200
_BUSY = frozenset({errno.EWOULDBLOCK, errno.EAGAIN})
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


class LockOwner(NamedTuple):
    """Who works on a session; `pid` 0 where that is not known."""

    pid: int = 0
    command: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether the process is gone, so that only a program it started may be at work."""
        if not self.pid:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        from composeports.host.lock_inheritors import is_zombie  # noqa: PLC0415 - for messages, seldom

        return is_zombie(self.pid)

    def __str__(self) -> str:
        """Return "`composeports up`, process 123"."""
        if not self.pid:
            return "another composeports"
        if self.is_dead:
            return f"what a killed `composeports {self.command}` had started"
        return f"`composeports {self.command}`, process {self.pid}"


class SessionLock:
    """A lock that this process has; `let_go` and `take_again` for what lasts long."""

    def __init__(self, path: str, command: str) -> None:
        """Name the lock file and the command that holds it; `hold` takes the lock."""
        self._path = path
        self._command = command
        self._file = -1
        # Who held the lock before, and did not end what it did; of nobody where it did.
        self.before = LockOwner()

    @property
    def number(self) -> int:
        """The file descriptor for programs that shall hold the lock, too; -1: not held."""
        return self._file

    def take(self, patience: float | None, busy: Callable[[LockOwner], None]) -> bool:
        """Wait up to `patience` seconds (None: for ever); `busy` is told who is in the way, once.

        False where the time is over, or where an orphan cannot be ended. FileAccessError where the
        file cannot be locked.
        """
        started = time.monotonic()
        told = False
        while not self._try():
            waited = time.monotonic() - started
            if patience is not None and waited >= patience:
                return False
            if waited >= NOTICE_SECONDS and not told:
                told = True
                busy(holder(self._path))
            waited_long = patience is None and waited >= ORPHAN_SECONDS
            if waited_long and holder(self._path).is_dead and not end_what_works(self._path):
                return False
            time.sleep(POLL_SECONDS)
        return True

    def mark_finished(self) -> None:
        """Note that the command did all it wanted to, so that the next one need not."""
        if self._file >= 0:
            with suppress(OSError):
                _write(self._file, "")

    def release(self) -> None:
        """Give up our hold; a program that inherited the lock keeps it until it ends."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def remove(self) -> None:
        """Remove the file while we hold it; who waits for it notices, and makes a new one."""
        if self._file >= 0 and _is_at(self._file, self._path):
            with suppress(OSError):
                os.unlink(self._path)

    def _try(self) -> bool:
        try:
            return self._lock_once()
        except OSError as error:
            message = f"cannot lock {self._path}: {error.strerror or error}"
            hint = "look at the rights and the space of the state directory; nothing was changed"
            raise FileAccessError(message, hint=hint, path=self._path) from error

    def _lock_once(self) -> bool:
        try:
            file, has_file = _open_or_make(self._path), True
        except OSError as error:
            if error.errno not in _NO_SPACE:
                raise
            file, has_file = _open_folder_above(self._path), False
        try:
            if not _lock(file, fcntl.LOCK_EX):
                return False
            if not (_is_at(file, self._path) if has_file else not os.path.exists(self._path)):
                return False
            if has_file:
                self.before = _holder(os.pread(file, _LENGTH, 0))
                _write(file, self._command)
            self._file, file = file, -1
            return True
        finally:
            if file >= 0:
                os.close(file)


@contextmanager
def hold(
    path: str, command: str, patience: float | None, busy: Callable[[LockOwner], None]
) -> Iterator[SessionLock | None]:
    """Hold the lock at `path` for `command` (a word, for messages); None: somebody else has it.

    `patience` is in seconds, None for ever; `busy` is called once after a second of waiting.
    """
    lock = SessionLock(path, command)
    if not lock.take(patience, busy):
        yield None
        return
    try:
        yield lock
    finally:
        lock.release()


def end_what_works(path: str) -> bool:
    """End what a Compose at work does for the one who has the lock; False where that is in vain."""
    from composeports.host.lock_inheritors import end_workers  # noqa: PLC0415 - only where one is in the way

    return end_workers(path, holder(path).pid, lambda: not is_held(path))


def is_held(path: str) -> bool:
    """Tell whether somebody, we too, holds the lock; a file that we may not open counts as held."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return False
    except (OSError, UnsafeFileError):
        return True
    try:
        return not _lock(file, fcntl.LOCK_SH)
    except OSError:
        return True
    finally:
        os.close(file)


def holder(path: str) -> LockOwner:
    """Return who wrote the lock file last; for messages only."""
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
    """Return the error for a session that somebody else works on for too long."""
    return LockBusyError(
        f"{holder(path)} works on {project} right now",
        hint="wait for its end, then try again",
        project=project,
        pid=holder(path).pid,
    )


def _open_or_make(path: str) -> int:
    """Open the file; made with the rights that the state directory gives to others, no more."""
    folder = os.path.dirname(path)
    while True:
        try:
            return open_regular(path, flags=os.O_RDWR)
        except FileNotFoundError:
            shared = _make_folder(folder) & 0o022
        with suppress(FileExistsError):
            file = open_regular(path, flags=os.O_RDWR | os.O_CREAT | os.O_EXCL)
            if shared:
                os.fchmod(file, 0o600 | shared | shared << 1)
            return file


def _make_folder(folder: str) -> int:
    """Make the folder of the locks where it is missing, and return its mode."""
    make_inner_folder(folder)
    return os.stat(folder).st_mode


def _open_folder_above(path: str) -> int:
    """Open the folder that the file would lie in, or the first one above that is there."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _write(file: int, command: str) -> None:
    """Write who holds the lock, which messages say; on a full disk nothing is written."""
    try:
        # Always as long, since truncating a file takes longer than all else here.
        os.pwrite(file, f"{os.getpid()}\n{command}\n".encode().ljust(_LENGTH), 0)
    except OSError as error:
        if error.errno not in _NO_SPACE:
            raise


def _lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _is_at(file: int, path: str) -> bool:
    """Tell whether the file is still the one of that name, and was not removed meanwhile."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
