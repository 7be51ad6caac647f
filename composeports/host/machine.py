"""What other machines know this one by, and what tells it from clones of it."""

import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError
from composeports.host.cache_files import read_own, write_own
from composeports.host.git import read_text
from composeports.paths import known_things

IDENTITY = "/etc/machine-id"
RECORD = "machine"


BOOT = "/proc/sys/kernel/random/boot_id"


def machine_digest(identity: str = IDENTITY) -> str:
    """Return a digest of the machine's own id; empty where it has none."""
    text = (read_text(identity) or "").strip()
    return _digest(text) if text else ""


def boot_id(path: str = BOOT) -> str:
    """Return the random id of the machine's boot; empty where the system gives none."""
    return (read_text(path) or "").strip()


def booted_at() -> float:
    """Return when the machine booted (seconds since the epoch); infinity where nobody knows."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return math.inf if clock is None else time.time() - time.clock_gettime(clock)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def machine_name(environ: Mapping[str, str], identity: str = IDENTITY) -> str:
    """Return `COMPOSEPORTS_MACHINE`, or the host name with a digest of the machine's own id.

    The host name may change; the name that was given out once for an id is kept in the state
    directory, since sessions are known by it.
    """
    given = environ.get("COMPOSEPORTS_MACHINE")
    if given:
        return given
    text = (read_text(identity) or "").strip()
    digest = _digest(text)
    folder = known_things(environ)
    name, _, of = (read_own(os.path.join(folder, RECORD)) or "").rpartition(" ")
    if name and of == digest:
        return name
    name = f"{os.uname().nodename or 'machine'}-{digest}"
    with suppress(OSError, StoreError):
        write_own(folder, RECORD, f"{name} {digest}")
    return name
