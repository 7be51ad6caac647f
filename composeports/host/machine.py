"""Identify this machine: its name for other machines, and what differs from its clones."""

import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError
from composeports.host.cache_files import read_own, write_own
from composeports.host.git import read_text
from composeports.paths import cache_folder

IDENTITY = "/etc/machine-id"
RECORD = "machine"


BOOT = "/proc/sys/kernel/random/boot_id"


def machine_digest(identity: str = IDENTITY) -> str:
    """Return a digest (8 hex digits) of the machine's own id; empty if it has none."""
    text = (read_text(identity) or "").strip()
    return _digest(text) if text else ""


def boot_id(path: str = BOOT) -> str:
    """Return the random id of the machine's current boot; empty if the system has none."""
    return (read_text(path) or "").strip()


def booted_at() -> float:
    """Return the time of boot in seconds since the epoch; infinity if it is unknown."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return math.inf if clock is None else time.time() - time.clock_gettime(clock)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def machine_name(environ: Mapping[str, str], identity: str = IDENTITY) -> str:
    """Return `COMPOSEPORTS_MACHINE`, or the host name with a digest of the machine's own id.

    Sessions are identified by this name, but the host name may change. So the first name for a
    machine id is kept in the state directory, and returned from then on.
    """
    setting = environ.get("COMPOSEPORTS_MACHINE")
    if setting:
        return setting
    text = (read_text(identity) or "").strip()
    digest = _digest(text)
    folder = cache_folder(environ)
    name, _, recorded_digest = (read_own(os.path.join(folder, RECORD)) or "").rpartition(" ")
    if name and recorded_digest == digest:
        return name
    name = f"{os.uname().nodename or 'machine'}-{digest}"
    with suppress(OSError, StoreError):
        write_own(folder, RECORD, f"{name} {digest}")
    return name
