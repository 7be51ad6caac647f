"""The name by which other machines know this one's worktrees, where they see its leases."""

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from composeports.errors import StoreError
from composeports.host.git import read_text
from composeports.host.kept import read_own, write_own
from composeports.location import known_things

IDENTITY = "/etc/machine-id"
RECORD = "machine"


def machine_name(environ: Mapping[str, str], identity: str = IDENTITY) -> str:
    """Return `COMPOSEPORTS_MACHINE`, or the host name with a digest of the machine's own id.

    The host name may change; the name that was given out once for an id is kept in the state
    directory, since sessions are known by it.
    """
    given = environ.get("COMPOSEPORTS_MACHINE")
    if given:
        return given
    text = (read_text(identity) or "").strip()
    digest = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:8]
    folder = known_things(environ)
    name, _, of = (read_own(os.path.join(folder, RECORD)) or "").rpartition(" ")
    if name and of == digest:
        return name
    name = f"{os.uname().nodename or 'machine'}-{digest}"
    with suppress(OSError, StoreError):
        write_own(folder, RECORD, f"{name} {digest}")
    return name
