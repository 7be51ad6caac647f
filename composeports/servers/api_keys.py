"""API keys: read from a list or a file, created if there is none, compared in constant time.

No key is ever shown: messages name the file that contains it.
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
from composeports.usecases.context import Context

VARIABLE = "COMPOSEPORTS_API_KEYS"
HOW_TO_SET = f"set {VARIABLE} or give --keys-file when the server is started"
# The minimum length of a key, in characters, if other machines can try to guess it.
SHORTEST = 16
HOW_TO_MAKE = "`openssl rand -hex 16` makes a key of 32 characters"
# The maximum number of bytes read from a key file; a key file is much smaller.
_LONGEST_FILE = 1 << 20


class Keys:
    """The set of valid keys; the keys cannot be read from it."""

    def __init__(self, keys: Iterable[str]) -> None:
        """Store digests of the keys, all of the same length, instead of the keys."""
        self._digests = tuple(_digest(key.encode()) for key in keys)

    def __repr__(self) -> str:
        """Return the number of keys, and nothing else about them."""
        return f"<{len(self)} API keys>"

    def __len__(self) -> int:
        """Return the number of valid keys."""
        return len(self._digests)

    def accept(self, given: bytes) -> bool:
        """Return True if `given` is a valid key.

        The time does not depend on which key it is, or on how similar it is to one.
        """
        digest = _digest(given)
        matches = [hmac.compare_digest(digest, valid_digest) for valid_digest in self._digests]
        return any(matches)


def too_short(keys: Iterable[str]) -> bool:
    """Return True if any key is too short for a server that other machines can reach."""
    return any(len(key) < SHORTEST for key in keys)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def read_keys(path: str) -> tuple[str, ...]:
    """Return the keys in a file, one per line; skip empty lines and lines that begin with `#`.

    ConfigError if the file cannot be read, is not UTF-8, is accessible to users other than its
    owner, or contains no key.
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
    """Return the keys from COMPOSEPORTS_API_KEYS and `keys_file`; errors as in `read_keys`."""
    return (*context.config.api_keys, *(read_keys(keys_file) if keys_file else ()))


def made_keys(context: Context) -> tuple[str, ...]:
    """Return this user's generated key; create it if it does not exist yet."""
    return (read_own_key(api_key_file(context.environ)),)


def refuse_no_key(given: Iterable[str]) -> None:
    """Raise UsageError if keys are given together with `--no-key`."""
    if tuple(given):
        raise UsageError(
            f"--no-key, while {VARIABLE} or --keys-file gives a key",
            hint="leave out one of them",
        )


def where_key_is(context: Context) -> str:
    """Return the line that says which file contains the generated key."""
    path = api_key_file(context.environ)
    return f"no API key was given, so one is in {path}: X-API-Key: $(cat '{path}')"


def read_own_key(path: str) -> str:
    """Return the key in the file at `path`; create the file (mode 0600) if it does not exist.

    FileAccessError if it is not a plain file, belongs to another user, is accessible to other
    users, contains no key, or cannot be read or written.
    """
    prepare_folder(os.path.dirname(path))
    try:
        if not os.path.lexists(path):
            _make_key(path)
        return _own_key(path)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _make_key(path: str) -> None:
    """Write a new key atomically; if two servers do so at the same time, the first key is kept."""
    descriptor, temporary_path = tempfile.mkstemp(
        prefix="api-key-", suffix=".new", dir=os.path.dirname(path)
    )
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(SHORTEST)}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary_path, path)
    except FileExistsError:
        return
    finally:
        os.unlink(temporary_path)


def _own_key(path: str) -> str:
    # A FIFO at this path must not block the server; a symbolic link must not be followed.
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
