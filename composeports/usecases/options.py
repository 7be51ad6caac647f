"""What stands before the command on the command line; imports nothing, since `--help` needs it."""

from typing import NamedTuple


class Options(NamedTuple):
    """Compose's own options, and ours; `flags` go to Compose as they are.

    With `adopt` a stack that another store's session of the same name started is this session's,
    and one that may be on another engine with the same id is on this one.
    """

    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str | None = None
    session: str | None = None
    flags: tuple[str, ...] = ()
    quiet: bool = False
    adopt: bool = False
