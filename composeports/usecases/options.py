"""The options before the command on the command line.

Imports no other module of composeports, because `--help` needs this one.
"""

from typing import NamedTuple


class Options(NamedTuple):
    """Compose's own options and those of composeports; `flags` are passed to Compose unchanged.

    `adopt` accepts a stack as this session's if a session of the same name started it with another
    store, and as a stack on this engine if it may be on another engine with the same id.
    """

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    session: str | None = None
    flags: tuple[str, ...] = ()
    quiet: bool = False
    adopt: bool = False
