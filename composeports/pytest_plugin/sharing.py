"""Who uses a stack of pytest: of several runs in one worktree the last one to end takes it down.

The kernel counts: each run has a shared lock on the stack's own file, in the state directory, until
it ends, however it ends. The file holds the command that the first run would have ended with.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from composeports.errors import ComposeportsError
from composeports.host.session_lock_file import hold
from composeports.host.state_directory import make_inner_folder
from composeports.paths import state_directory
from composeports.pytest_plugin.stack import Program
from composeports.regular_file import open_regular

Ending = tuple[str, ...]


class StackShare:
    """One run's part in the stack of a program; nothing is held before `join`."""

    def __init__(self, program: Program) -> None:
        """Name the files of the stack that the program's folder and options lead to."""
        words = "\0".join((program.directory, *program.options)).encode(errors="surrogateescape")
        folder = os.path.join(state_directory(program.environ), "tests")
        self._path = os.path.join(folder, hashlib.sha256(words).hexdigest()[:16])
        self._file = -1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let no other run start or end the stack meanwhile; waits for one that does."""
        with ExitStack() as held:
            with suppress(ComposeportsError):  # `up` tells what is wrong with the folder
                path = f"{self._path}.turn"
                lock = held.enter_context(hold(path, "pytest", None, lambda _: None))
                if lock is not None:
                    held.callback(lock.remove)
            yield

    def join(self, ending: Callable[[], Ending], *, keep: bool) -> Ending:
        """Become a user, in one's turn; return how the stack is to be ended by the last one.

        `ending` is asked by the first user; `keep`: nobody shall end it.
        """
        file = self._open()
        if file < 0:
            return () if keep else ending()
        chosen = ending() if _is_unused(file) else _read(file, ())
        if keep:
            chosen = ()
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(chosen).encode(), 0)
        fcntl.flock(file, fcntl.LOCK_SH)
        self._file = file
        return chosen

    def leave(self) -> None:
        """Be a user no more, and end nothing; `end` does that."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def end(self, end: Callable[[Ending], str], ending: Ending) -> str:
        """Leave, and end the stack where nobody uses it any more; return what went wrong.

        `ending` is what counts where nothing is on record.
        """
        with self.turn():
            self.leave()
            file = self._open()
            if file < 0:
                return end(ending)
            try:
                if not _is_unused(file):
                    return ""
                return end(_read(file, ending))
            finally:
                self._close(file)

    def _open(self) -> int:
        """Return the file, which is made where there is none; -1 where that cannot be done."""
        try:
            make_inner_folder(os.path.dirname(self._path))
            return open_regular(self._path, flags=os.O_RDWR | os.O_CREAT)
        except (OSError, ComposeportsError):
            return -1

    def _close(self, file: int) -> None:
        """Close the file, and remove it where nobody uses the stack."""
        with suppress(OSError):
            if _is_unused(file):
                os.unlink(self._path)
        os.close(file)


def _is_unused(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: int, otherwise: Ending) -> Ending:
    text = os.pread(file, 1 << 16, 0)
    return tuple(json.loads(text)) if text else otherwise
