"""What was observed of Compose files before, kept for all worktrees that have the same ones.

It saves questions to Compose and decides nothing: without it, the same comes out later. It lies in
the state directory, by the digest of the files' texts, and only files of the user's own are read.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError
from composeports.host.files import files_in
from composeports.host.state_folder import make_inner_folder

KEPT = 200
TEMPORARY = ".new"


def digest_of(files: Iterable[str]) -> str:
    """Return a digest of the files' texts; empty where those are not all that counts.

    With `include` and `extends` other files take part, whose texts we do not know.
    """
    digest = sha256()
    for path in files:
        try:
            with open(path, "rb") as file:
                text = file.read()
        except OSError:
            return ""
        if b"include" in text or b"extends" in text:
            return ""
        digest.update(len(text).to_bytes(8) + text)
    return digest.hexdigest()


class Recollection:
    """The text that was kept for some files; None where there is none."""

    def __init__(self, folder: str, digest: str) -> None:
        """Read what is kept in `folder` for the files with that digest (empty: never anything)."""
        self.digest = digest
        self._folder = folder
        self.text = _own_text(os.path.join(folder, digest)) if digest else None

    def keep(self, text: str) -> None:
        """Keep the text for whoever comes next; where that is not possible nothing is lost."""
        if not self.digest or text == self.text:
            return
        path = os.path.join(self._folder, self.digest)
        temporary = f"{path}.{os.getpid()}{TEMPORARY}"
        try:
            make_inner_folder(self._folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(temporary, path)
            _forget_oldest(self._folder)
            forget_abandoned(self._folder)
        except (OSError, StoreError):
            with suppress(OSError):
                os.unlink(temporary)


def _own_text(path: str) -> str | None:
    """Return the text of a file that this user wrote; None for any other."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
            own = os.fstat(file.fileno()).st_uid == os.geteuid()
            return file.read().decode() if own else None
    except (OSError, UnicodeDecodeError):
        return None


def _forget_oldest(folder: str) -> None:
    with os.scandir(folder) as entries:
        found = [(entry.stat(follow_symlinks=False).st_mtime, entry.path) for entry in entries]
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
