"""The options of a command line: those before the command, and those of the plan.

Imports no other module of composeports, because `--help` needs this one.
"""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from composeports.core.ports import PortBlock


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


class PlanOptions(NamedTuple):
    """The options of one command for its plan, in addition to the settings.

    `strict` rejects a plan with warnings. `default_ports` keeps the file's own host ports. `spill`
    gives every network a subnet from the pool in the settings, for an engine whose own address
    pools are used up. Blocks in `avoid` are not claimed; the session moves if it holds one of them.
    """

    strict: bool = False
    default_ports: bool = False
    spill: bool = False
    avoid: "frozenset[PortBlock]" = frozenset()


DEFAULT_PLAN_OPTIONS = PlanOptions()
