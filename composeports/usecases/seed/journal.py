"""Records of copies, which remain after a process is killed, and the locks between copies.

A record is in the state directory and not in the worktree, because `down`, `git clean` or a new
worktree at the same path would delete it there. It has the token of the copy and not the names of
volumes. A volume is removed only if it has that token, so never on another engine, and never a
volume that another process created since then.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from composeports.errors import FileAccessError
from composeports.host.file_lock import lock, try_lock
from composeports.host.state_directory import file_mode, make_inner_folder
from composeports.regular_file import open_regular


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """A copy that was started: its token, its source, and the containers that it paused.

    `finished`: everything is copied, so its volumes are the session's own data from then on.
    """

    token: str
    session: str
    project: str
    paused: tuple[str, ...] = ()
    finished: bool = False


class CopyJournal:
    """The record of one session's copy, which only this process holds."""

    def __init__(self, file: int, path: str = "") -> None:
        self._file = file
        self._path = path

    def read(self) -> CopyEntry | None:
        """Return the last started copy that is still on record; None if there is none.

        None also for a record that another user wrote, because its content decides which volumes
        are removed. Each line is written in one piece. An incomplete line is ignored, because
        nothing was done for it yet.
        """
        if not _is_own(os.fstat(self._file)):
            return None
        entry: CopyEntry | None = None
        for line in os.pread(self._file, 1 << 20, 0).decode("utf-8", "replace").splitlines():
            with suppress(ValueError, KeyError, TypeError):
                fields = json.loads(line)
                paused_ids = tuple(map(str, fields["paused"]))
                token, session, project = fields["token"], fields["session"], fields["project"]
                is_finished = fields.get("finished") is True
                entry = CopyEntry(str(token), str(session), str(project), paused_ids, is_finished)
        return entry

    def write(self, begun: CopyEntry) -> None:
        """Write the entry to the disk, before any of its work is done.

        Raises FileAccessError if the record is another user's.
        """
        if not _is_own(os.fstat(self._file)):
            message = f"the record {self._path} of a copy is another user's"
            hint = "let that user run `composeports up`, or remove it; nothing was copied"
            raise FileAccessError(message, hint=hint, path=self._path)
        os.lseek(self._file, 0, os.SEEK_END)
        os.write(self._file, f"\n{json.dumps(asdict(begun))}\n".encode())
        os.fsync(self._file)

    def finish(self, begun: CopyEntry) -> None:
        """Record that everything is copied, before the volumes are used for anything else."""
        self.write(replace(begun, finished=True))

    def clear(self) -> None:
        """Delete the entries, because nothing of the copy is left or all of it is done."""
        os.ftruncate(self._file, 0)


def is_on_record(path: str) -> bool:
    """Return True if the record exists and is this user's own."""
    try:
        return _is_own(os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def _is_own(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid()


@contextmanager
def hold_record(path: str) -> Iterator[CopyJournal | None]:
    """Hold the lock of a record; yield None if another process holds it.

    If the record is empty afterwards, its file is deleted.
    """
    with _locked(path, None) as file:
        yield None if file is None else CopyJournal(file, path)


@contextmanager
def hold_lock(path: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock; `waiting` is called if another process has it, before this one waits."""
    with _locked(path, waiting):
        yield


@contextmanager
def _locked(path: str, waiting: Callable[[], None] | None) -> Iterator[int | None]:
    """Create a file, lock it, and delete it afterwards if it is empty.

    The kernel releases the lock when the process ends. Without `waiting`, yield None if another
    process holds the lock. Raises FileAccessError if the file cannot be written.
    """
    try:
        file = _lock(path, waiting)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror or error}"
        hint = "check the permissions and the space of the state directory; nothing was changed"
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
            os.close(file)  # the process that held it has removed the file
        except BaseException:
            with suppress(OSError):
                os.close(file)
            raise


def _taken(file: int, waiting: Callable[[], None] | None) -> bool:
    if try_lock(file):
        return True
    if waiting is None:
        return False
    waiting()
    lock(file)
    return True


def _is_at(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False
