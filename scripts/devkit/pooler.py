"""Find PgBouncer, a connection pooler for PostgreSQL: an installed one, else Debian's."""

from __future__ import annotations

import shutil
from pathlib import Path

from devkit import packages
from devkit.cache import DevError
from devkit.packages import Wish
from devkit.postgres_programs import Programs, libraries_of
from devkit.sources import read_machine

_WITHOUT = ("postgresql", "ssl-cert", "perl", "libperl", "locales", "python")


def pooler() -> Programs:
    """Return where `pgbouncer` is, and what it needs to start."""
    installed = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if installed is not None:
        return Programs(Path(installed).parent, {})
    if not packages.available():
        message = "no PgBouncer found; install one"
        raise DevError(message)
    codename = read_machine().codename
    wish = Wish(codename, ("pgbouncer",), needs="missing", without=_WITHOUT)
    tree = packages.unpacked(f"pgbouncer-{codename}", wish)
    return Programs(tree / "usr/sbin", libraries_of(tree))
