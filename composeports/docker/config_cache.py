"""What was observed of Compose files before, kept for all worktrees that have the same ones.

It saves questions to Compose and decides nothing: without it, the same comes out later. It lies in
the state directory, by the digest of the files' texts, and only files of the user's own are read.

Where many worktrees start at the same instant, one of them takes the turn to ask, and the others
wait for what it keeps: a lock on one byte of a file, which the kernel ends with its process.
"""

import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError, UnsafeFileError
from composeports.host.cache_files import read_own, write_own
from composeports.host.session_folder import files_in
from composeports.host.state_directory import make_inner_folder
from composeports.regular_file import open_regular, read_regular

KEPT = 200
TEMPORARY = ".new"
TURNS = "turns"
# How long somebody else's turn is waited for, at most, and how often it is looked at.
TURN_SECONDS = 2.0
POLL_SECONDS = 0.01


def digest_of(files: Iterable[str]) -> str:
    """Return a digest of the files' texts; empty where those are not all that counts.

    With `include` and `extends` other files take part, whose texts we do not know. UnsafeFileError
    for a pipe, a device and the like, which Compose would wait for or read without end.
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
    """Return the services that the files had when they were observed; None where none were."""
    import json  # noqa: PLC0415 - only for a shell's completion

    try:
        return [str(name) for name in json.loads(memory or "")["services"]]
    except (ValueError, TypeError, KeyError):
        return None


class ConfigCache:
    """The text that was kept for some files; None where there is none."""

    def __init__(self, folder: str, digest: str) -> None:
        """Read what is kept in `folder` for the files with that digest (empty: never anything)."""
        self.digest = digest
        self.is_awaited = False
        self._folder = folder
        self._turns = -1
        self.text = self._read()

    def take_turn(self) -> None:
        """Be the one who asks, until `keep` or `let_go`; `is_awaited` where somebody else is."""
        if not self.digest or self.text is not None:
            return
        try:
            make_inner_folder(self._folder)
            path = os.path.join(self._folder, TURNS)
            self._turns = open_regular(path, flags=os.O_RDWR | os.O_CREAT)
            self.is_awaited = not self._lock(fcntl.LOCK_EX)
        except (OSError, StoreError, UnsafeFileError):
            return
        self.text = self._read()

    def wait(self, seconds: float = TURN_SECONDS) -> None:
        """Wait for what somebody else is about to keep; nothing to do where nobody is."""
        deadline = time.monotonic() + seconds
        while self.is_awaited and time.monotonic() < deadline:
            with suppress(OSError):
                self.is_awaited = not self._lock(fcntl.LOCK_SH)
            if self.is_awaited:
                time.sleep(POLL_SECONDS)
        self.is_awaited = False
        self.text = self._read() if self.text is None else self.text

    def release(self) -> None:
        """Let the others go on; again and again is once."""
        if self._turns >= 0:
            os.close(self._turns)
            self._turns = -1

    def keep(self, text: str) -> None:
        """Keep the text, unless it is empty, for the next observation."""
        try:
            self._keep(text)
        finally:
            self.release()

    def _read(self) -> str | None:
        return read_own(os.path.join(self._folder, self.digest)) if self.digest else None

    def _lock(self, kind: int) -> bool:
        """Lock this digest's byte if it is free; OSError where the file system has no locks."""
        try:
            fcntl.lockf(self._turns, kind | fcntl.LOCK_NB, 1, int(self.digest[:7], 16))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def _keep(self, text: str) -> None:
        if not self.digest or text in {"", self.text}:
            return
        with suppress(OSError, StoreError):
            write_own(self._folder, self.digest, text)
            _forget_oldest(self._folder)
            forget_abandoned(self._folder)


def _forget_oldest(folder: str) -> None:
    with os.scandir(folder) as entries:
        found = [
            (entry.stat(follow_symlinks=False).st_mtime, entry.path)
            for entry in entries
            if entry.name != TURNS
        ]
    for _, path in sorted(found)[:-KEPT]:
        os.unlink(path)


def forget_abandoned(folder: str) -> None:
    """Remove what killed processes left of files; nothing to do where there is no such folder."""
    for path in files_in(folder):
        if _is_abandoned(path):
            with suppress(OSError):
                os.unlink(path)


def _is_abandoned(path: str) -> bool:
    """Tell whether it is what a killed process left of a file."""
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
