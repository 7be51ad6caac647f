"""The config cache: earlier observations of Compose files, shared by worktrees with equal files.

The cache saves queries to Compose and decides nothing: without it the result is the same, but
later. It is in the state directory; the name of an entry is the digest of the files' texts. Only
entries that belong to the current user are read.

If many worktrees start at the same time, one process takes the turn to query Compose, and the other
processes wait for the entry that it writes. The turn is a lock on one byte of a file; the kernel
releases it when the process ends.
"""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError, UnsafeFileError
from composeports.host.cache_files import read_own, write_own
from composeports.host.file_lock import try_lock_byte
from composeports.host.session_folder import files_in
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular, read_regular

KEPT = 200
TEMPORARY = ".new"
TURNS = "turns"
# How long to wait for another process that has the turn, and the time between two checks.
TURN_SECONDS = 2.0
POLL_SECONDS = 0.01


def digest_of(files: Iterable[str]) -> str:
    """Return a digest of the files' texts; empty if other files may count too.

    `include` and `extends` use other files, whose texts are unknown here. The digest is also empty
    if a file cannot be read. Raise UnsafeFileError for a pipe, a device and the like: Compose would
    wait for it, or read it without end.
    """
    digest = sha256()
    for path in files:
        try:
            text = read_regular(path, follow=True)
        except OSError:
            return ""
        if b"include" in text or b"extends" in text:
            return ""
        digest.update(len(text).to_bytes(8) + text)
    return digest.hexdigest()


def remembered_services(memory: str | None) -> list[str] | None:
    """Return the services in a cache entry; None if there is no entry or it has none."""
    import json  # noqa: PLC0415 - only for shell completion

    try:
        return [str(name) for name in json.loads(memory or "")["services"]]
    except (ValueError, TypeError, KeyError):
        return None


class ConfigCache:
    """The cache entry of one set of files; its `text` is None if there is no entry."""

    def __init__(self, folder: str, digest: str) -> None:
        """Read the entry for `digest` in `folder`; an empty digest never has an entry."""
        self.digest = digest
        self.is_awaited = False
        self._folder = folder
        self._turns = -1
        self.text = self._read()

    def take_turn(self) -> None:
        """Try to become the only process that queries Compose for these files.

        The turn lasts until `keep` or `release`. If another process has the turn, `is_awaited` is
        set, and `wait` will use the result of that process. If no lock is possible, nothing
        happens.
        """
        if not self.digest or self.text is not None:
            return
        try:
            make_inner_folder(self._folder)
            path = os.path.join(self._folder, TURNS)
            self._turns = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
            self.is_awaited = not self._try_turn()
        except (OSError, StoreError, UnsafeFileError):
            return
        self.text = self._read()

    def wait(self, seconds: float = TURN_SECONDS) -> None:
        """Wait up to `seconds` for the entry of the process that has the turn, and read it.

        Do not wait if no other process has the turn.
        """
        deadline = time.monotonic() + seconds
        while self.is_awaited and time.monotonic() < deadline:
            with suppress(OSError):
                self.is_awaited = not self._try_turn(shared=True)
            if self.is_awaited:
                time.sleep(POLL_SECONDS)
        self.is_awaited = False
        self.text = self._read() if self.text is None else self.text

    def release(self) -> None:
        """Give up the turn, so that other processes continue; a second call does nothing."""
        if self._turns >= 0:
            os.close(self._turns)
            self._turns = -1

    def keep(self, text: str) -> None:
        """Write the text, unless it is empty, for the next observation; give up the turn."""
        try:
            self._keep(text)
        finally:
            self.release()

    def _read(self) -> str | None:
        return read_own(os.path.join(self._folder, self.digest)) if self.digest else None

    def _try_turn(self, *, shared: bool = False) -> bool:
        """Lock this digest's byte; return False if another process has it."""
        return try_lock_byte(self._turns, int(self.digest[:7], 16), shared=shared)

    def _keep(self, text: str) -> None:
        if not self.digest or text in {"", self.text}:
            return
        with suppress(OSError, StoreError):
            write_own(self._folder, self.digest, text)
            _forget_oldest(self._folder)
            forget_abandoned(self._folder)


def _forget_oldest(folder: str) -> None:
    with os.scandir(folder) as entries:
        timed_paths = [
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if entry.name != TURNS
        ]
    for _, path in sorted(timed_paths)[:-KEPT]:
        os.unlink(path)


def forget_abandoned(folder: str) -> None:
    """Remove the temporary files of killed processes; do nothing if the folder is missing."""
    for path in files_in(folder):
        if _is_abandoned(path):
            with suppress(OSError):
                os.unlink(path)


def _is_abandoned(path: str) -> bool:
    """Return True if the path is a temporary file of a process that no longer runs."""
    process = path.removesuffix(TEMPORARY).rpartition(".")[2]
    if not path.endswith(TEMPORARY) or not process.isdecimal():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
