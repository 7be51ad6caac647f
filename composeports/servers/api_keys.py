"""API keys: read from a list or a file, made where there is none, compared in constant time.

No key is ever shown: a message names the file that holds it.
"""

import hashlib
import hmac
import os
import secrets
import stat
import tempfile
from collections.abc import Iterable

from composeports.errors import ConfigError, FileAccessError, UsageError
from composeports.host.state_directory import prepare_folder
from composeports.paths import api_key_file
from composeports.usecases.session import Context

VARIABLE = "COMPOSEPORTS_API_KEYS"
HOW_TO_SET = f"set {VARIABLE} or give --keys-file when the server is started"
# The fewest characters of a key that other machines may try to guess.
SHORTEST = 16
HOW_TO_MAKE = "`openssl rand -hex 16` makes a key of 32 characters"
# More than enough for a file of keys.
_LONGEST_FILE = 1 << 20


class Keys:
    """A set of keys that are all valid; none of them can be read back."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Keep digests of the keys, which have one length, and not the keys."""
        self._digests = tuple(_digest(key.encode()) for key in keys)

    def __repr__(self) -> str:
        """Tell how many there are, and nothing else."""
        return f"<{len(self)} API keys>"

    def __len__(self) -> int:
        """Return how many are valid."""
        return len(self._digests)

    def accept(self, given: bytes) -> bool:
        """Tell whether `given` is one; it takes the same time whichever, and how near it was."""
        digest = _digest(given)
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def too_short(keys: Iterable[str]) -> bool:
    """Tell whether a key has fewer characters than one that other machines can try needs."""
    return any(len(key) < SHORTEST for key in keys)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def read_keys(path: str) -> tuple[str, ...]:
    """Return the keys in a file, one a line; lines that are empty or begin with # are none.

    ConfigError where it cannot be read, others than its owner may read it, or it has no key.
    """
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            lines = [line.strip() for line in file]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        hint = "give a file with one key a line"
        raise ConfigError(f"cannot read the keys in {path}: {reason}", hint=hint) from None
    if stat.S_IMODE(mode) & 0o077:
        message = f"others may read the keys in {path} (mode {stat.S_IMODE(mode):04o})"
        raise ConfigError(message, hint=f"chmod 600 '{path}'", file=path)
    keys = tuple(line for line in lines if line and not line.startswith("#"))
    if not keys:
        raise ConfigError(f"{path} holds no key", hint="write one key a line", file=path)
    return keys


def given_keys(context: Context, keys_file: str | None) -> tuple[str, ...]:
    """Return the keys of COMPOSEPORTS_API_KEYS and of a file; ConfigError as `read_keys`."""
    return (*context.config.api_keys, *(read_keys(keys_file) if keys_file else ()))


def made_keys(context: Context) -> tuple[str, ...]:
    """Return the key of this user's own, which is made where there is none yet."""
    return (read_own_key(api_key_file(context.environ)),)


def refuse_no_key(given: Iterable[str]) -> None:
    """Raise UsageError where keys are given to a server that is to need none."""
    if tuple(given):
        raise UsageError(
            f"--no-key, while {VARIABLE} or --keys-file gives a key",
            hint="leave out one of them",
        )


def where_key_is(context: Context) -> str:
    """Return the line that says where the key is that nobody gave."""
    path = api_key_file(context.environ)
    return f"no API key was given, so one is in {path}: X-API-Key: $(cat '{path}')"


def read_own_key(path: str) -> str:
    """Return the key in the file at `path`, which is made (mode 0600) where there is none.

    FileAccessError where the file is not a plain file that its owner, this user, alone can read.
    """
    prepare_folder(os.path.dirname(path))
    try:
        if not os.path.lexists(path):
            _make_key(path)
        return _own_key(path)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _make_key(path: str) -> None:
    """Write a new key, whole or not at all; of two servers that do so at once, one wins."""
    number, temporary = tempfile.mkstemp(
        prefix="api-key-", suffix=".new", dir=os.path.dirname(path)
    )
    try:
        with open(number, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(SHORTEST)}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)


def _own_key(path: str) -> str:
    # A FIFO in its place must not hold the server up, nor a link lead to another file.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    with open(os.open(path, flags), "rb") as file:
        status = os.fstat(file.fileno())
        text = file.read(_LONGEST_FILE) if stat.S_ISREG(status.st_mode) else b""
    if not stat.S_ISREG(status.st_mode):
        raise _unusable(path, "it is not a plain file")
    if status.st_uid != os.geteuid():
        raise _unusable(path, "it belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise _unusable(path, f"others may read it (mode {stat.S_IMODE(status.st_mode):04o})")
    key = text.decode("ascii", "replace").strip()
    if len(key) < SHORTEST or not key.isalnum():
        raise _unusable(path, "it holds no key")
    return key


def _unusable(path: str, reason: str) -> FileAccessError:
    return FileAccessError(
        f"the API key in {path} cannot be used: {reason}",
        hint=f"remove the file, and the next start makes a new key; or {HOW_TO_SET}",
        path=path,
    )
