"""The help text of Compose commands, which is asked for once for each installed Compose.

The text is kept in the state directory, under a digest of the program's path, size and time.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256

from composeports.docker.compose_cli import program_mark, without_engine
from composeports.errors import StoreError
from composeports.host.cache_files import read_own, write_own
from composeports.host.process import Limits, start
from composeports.paths import help_folder


def read_help(environ: Mapping[str, str], command: str, limits: Limits) -> str:
    """Return the text of `docker compose COMMAND --help`; empty if Compose does not give it.

    Raise ConfigError if docker's settings name no valid place for the plugin.
    """
    mark = program_mark(environ)
    folder = help_folder(environ)
    name = f"{command}-{sha256(mark.encode('utf-8', 'surrogateescape')).hexdigest()[:16]}"
    kept = read_own(os.path.join(folder, name)) if mark else None
    if kept is not None:
        return kept
    argv = without_engine(("docker", "compose", command, "--help"), environ)
    answer = start(argv, environ, limits=limits).finish()
    if answer.code or not answer.out:
        return ""
    if mark:
        with suppress(OSError, StoreError):
            write_own(folder, name, answer.out)
            _forget_others(folder, command, name)
    return answer.out


def _forget_others(folder: str, command: str, name: str) -> None:
    """Remove what another version of Compose said about the command."""
    for other in os.listdir(folder):
        if other != name and other.rpartition("-")[0] == command:
            os.unlink(os.path.join(folder, other))
