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
from composeports.host.record_file import hold_file, is_own


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
        if not is_own(os.fstat(self._file)):
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
        if not is_own(os.fstat(self._file)):
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


@contextmanager
def hold_record(path: str) -> Iterator[CopyJournal | None]:
    """Hold the lock of a record; yield None if another process holds it.

    If the record is empty afterwards, its file is deleted.
    """
    with hold_file(path, None) as file:
        yield None if file is None else CopyJournal(file, path)


@contextmanager
def hold_lock(path: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock; `waiting` is called if another process has it, before this one waits."""
    with hold_file(path, waiting):
        yield
