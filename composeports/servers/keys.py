"""API keys: read from a list or a file, compared in constant time, never shown."""

import hashlib
import hmac
import os
import stat
from collections.abc import Iterable

from composeports.errors import ConfigError

VARIABLE = "COMPOSEPORTS_API_KEYS"
HOW_TO_SET = f"set {VARIABLE} or give --keys-file when the server is started"


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
