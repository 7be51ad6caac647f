"""Share a stack between several pytest runs in one worktree; the last run to end takes it down.

The kernel counts the runs: each one holds a shared lock (flock) on the stack's file in the state
directory until its process ends, however it ends. The file has the command with which the first run
would have ended the stack.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from composeports.errors import ComposeportsError
from composeports.host.file_lock import share_lock, try_lock
from composeports.host.session_lock_file import hold
from composeports.host.state_directory import make_inner_folder
from composeports.paths import state_directory
from composeports.pytest_plugin.stack import Program
from composeports.regular_file import open_regular

Ending = tuple[str, ...]


class StackShare:
    """One run's share in the stack of a program; it holds no lock before `join`."""

    def __init__(self, program: Program) -> None:
        """Set the path of the stack's file, from the folder and options of the program."""
        words = "\0".join((program.directory, *program.options)).encode(errors="surrogateescape")
        folder = os.path.join(state_directory(program.environ), "tests")
        self._path = os.path.join(folder, hashlib.sha256(words).hexdigest()[:16])
        self._file = -1

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let no other run start or end the stack inside the `with` statement.

        Wait while another run starts or ends it.
        """
        with ExitStack() as exit_stack:
            with suppress(ComposeportsError):  # `up` reports what is wrong with the folder
                path = f"{self._path}.turn"
                lock = exit_stack.enter_context(hold(path, "pytest", None, lambda _: None))
                if lock is not None:
                    exit_stack.callback(lock.remove)
            yield

    def join(self, ending: Callable[[], Ending], *, keep: bool) -> Ending:
        """Become a user of the stack; return the command with which the last user ends it.

        Call it inside `turn`. `ending` is called only by the first user. With `keep` no run ends
        the stack.
        """
        file = self._open()
        if file < 0:
            return () if keep else ending()
        command = ending() if try_lock(file) else _read(file, ())
        if keep:
            command = ()
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps(command).encode(), 0)
        share_lock(file)
        self._file = file
        return command

    def leave(self) -> None:
        """Stop using the stack without ending it; `end` does both."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def end(self, end: Callable[[Ending], str], ending: Ending) -> str:
        """Leave the stack, and end it if no other run uses it.

        The command is `ending` if the file has none. Return an error text, or an empty string.
        """
        with self.turn():
            self.leave()
            file = self._open()
            if file < 0:
                return end(ending)
            try:
                if not try_lock(file):
                    return ""
                return end(_read(file, ending))
            finally:
                self._close(file)

    def _open(self) -> int:
        """Open the stack's file, which is made if missing; return -1 if that fails."""
        try:
            make_inner_folder(os.path.dirname(self._path))
            return open_regular(self._path, flags=os.O_RDWR | os.O_CREAT)
        except (OSError, ComposeportsError):
            return -1

    def _close(self, file: int) -> None:
        """Close the file, and remove it if no run uses the stack."""
        with suppress(OSError):
            if try_lock(file):
                os.unlink(self._path)
        os.close(file)


def _read(file: int, otherwise: Ending) -> Ending:
    text = os.pread(file, 1 << 16, 0)
    return tuple(json.loads(text)) if text else otherwise
