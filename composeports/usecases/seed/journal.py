"""Records of copies under way, which outlive a killed one; and the locks that keep copies apart.

A record lies in the state directory and not in the worktree, since `down`, `git clean` or a new
worktree at the same place would take it away there. It names the copy's token and not volumes: a
volume is removed only when it carries that token, so never on another engine and never a volume
that somebody else made meanwhile.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from composeports.errors import FileAccessError
from composeports.host.state_directory import file_mode, make_inner_folder
from composeports.regular_file import open_regular


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """A copy that was begun: its token, whose volumes it copies, and which containers it paused.

    `finished`: all of it is copied, so that its volumes are the session's own data from then on.
    """

    token: str
    session: str
    project: str
    paused: tuple[str, ...] = ()
    finished: bool = False


class CopyJournal:
    """The record of one session's copy, held by this process alone."""

    def __init__(self, file: int, path: str = "") -> None:
        self._file = file
        self._path = path

    def read(self) -> CopyEntry | None:
        """Return the copy that was begun last, and is on record yet; None where there is none.

        A record that another user wrote is none, since volumes are removed by what it says. A line
        is written in one piece; one that is not whole was of no consequence yet.
        """
        if not _is_own(os.fstat(self._file)):
            return None
        begun: CopyEntry | None = None
        for line in os.pread(self._file, 1 << 20, 0).decode("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                found = json.loads(line)
                paused = tuple(map(str, found["paused"]))
                token, session, project = found["token"], found["session"], found["project"]
                finished = found.get("finished") is True
                begun = CopyEntry(str(token), str(session), str(project), paused, finished)
        return begun

    def write(self, begun: CopyEntry) -> None:
        """Keep what was begun, before anything of it is done.

        FileAccessError for a record of another user.
        """
        if not _is_own(os.fstat(self._file)):
            message = f"the record {self._path} of a copy is another user's"
            hint = "let that user run `composeports up`, or remove it; nothing was copied"
            raise FileAccessError(message, hint=hint, path=self._path)
        os.lseek(self._file, 0, os.SEEK_END)
        os.write(self._file, f"\n{json.dumps(asdict(begun))}\n".encode())
        os.fsync(self._file)

    def finish(self, begun: CopyEntry) -> None:
        """Keep that all is copied, before anything else is done with the volumes."""
        self.write(replace(begun, finished=True))

    def clear(self) -> None:
        """Forget what was begun, since nothing of it is left or all of it is done."""
        os.ftruncate(self._file, 0)


def is_on_record(path: str) -> bool:
    """Tell whether there is a record of this user's own."""
    try:
        return _is_own(os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()


@contextmanager
def hold_record(path: str) -> Iterator[CopyJournal | None]:
    """Hold a record, which is gone afterwards if it is clear; None: somebody else holds it."""
    with _locked(path, None) as file:
        yield None if file is None else CopyJournal(file, path)


@contextmanager
def hold_lock(path: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock; `waiting` is told when somebody else has it."""
    with _locked(path, waiting):
        yield


@contextmanager
def _locked(path: str, waiting: Callable[[], None] | None) -> Iterator[int | None]:
    """Lock a file that is made for it and removed afterwards where it is empty.

    The lock is the kernel's, so that it ends with its process.
    """
    try:
        file = _lock(path, waiting)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        hint = "look at the rights and the space of the state directory; nothing was changed"
        raise FileAccessError(message, hint=hint, path=path) from error
    if file is None:
        yield None
        return
    try:
        yield file
    finally:
        if not os.fstat(file).st_size:
            with suppress(OSError):
                os.unlink(path)
        os.close(file)


def _lock(path: str, waiting: Callable[[], None] | None) -> int | None:
    folder = os.path.dirname(path)
    make_inner_folder(folder)
    mode = file_mode(os.stat(folder).st_mode)
    while True:
        file = open_regular(path, flags=os.O_RDWR | os.O_CREAT, mode=mode)
        try:
            if not _taken(file, waiting):
                os.close(file)
                return None
            if _is_at(file, path):
                return file
            os.close(file)  # its holder removed it meanwhile
        except BaseException:
            with suppress(OSError):
                os.close(file)
            raise


def _taken(file: int, waiting: Callable[[], None] | None) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if waiting is None:
            return False
        waiting()
        fcntl.flock(file, fcntl.LOCK_EX)
    return True


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
