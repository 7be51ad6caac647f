"""A script's `docker compose` call: its words, and whether it is about a session's stack."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from composeports.core.docker_arguments import scan
from composeports.core.docker_options import INSTEAD_OF_A_COMMAND, OTHER_ENGINE

# Options with a value. Compose uses all values of some options, and the last value of the others.
# `--workdir` is the old name of `--project-directory`.
LISTED = {
    "-f": "files",
    "--file": "files",
    "--env-file": "env_files",
    "--profile": "profiles",
    "-p": "project",
    "--project-name": "project",
    "--project-directory": "directory",
    "--workdir": "directory",
    **dict.fromkeys(OTHER_ENGINE, "engine"),
}
PASSED_ON = frozenset({"--progress", "--ansi", "--parallel"})
WITH_VALUE = PASSED_ON | LISTED.keys()
# Commands that are not about one project.
PROJECTLESS = frozenset({"", "ls", "version", "help"})
STDIN = "-"


class ComposeCall(NamedTuple):
    """A parsed command line of Compose.

    `flags` are the other global options with their values; Compose gets them unchanged.
    `is_elsewhere` is True if the call names another engine.
    """

    command: str = ""
    arguments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project: str = ""
    directory: str = ""
    flags: tuple[str, ...] = ()
    is_elsewhere: bool = False

    @property
    def has_no_project(self) -> bool:
        """True if the call is about no project: version, help, or the list of all projects."""
        has_no_command = not INSTEAD_OF_A_COMMAND.isdisjoint(self.flags)
        return has_no_command or self.command in PROJECTLESS or self.arguments[:1] == ("--help",)

    @property
    def reads_stdin(self) -> bool:
        """True if the call reads a Compose file from standard input."""
        return STDIN in self.files


class CallTarget(NamedTuple):
    """The target of a Compose call: real paths, and the project name if the call gives one."""

    directory: str
    files: tuple[str, ...]
    project: str = ""


class OwnStack(NamedTuple):
    """A session's stack: project directory, Compose files (both as real paths) and project name."""

    directory: str
    files: Collection[str]
    project: str


def read_call(words: Sequence[str]) -> ComposeCall:
    """Parse the words after `docker compose`."""
    values: dict[str, list[str]] = {}
    flags: list[str] = []
    end = len(words)
    for index, start, option in scan(words, WITH_VALUE.__contains__, until_name=True):
        value = words[index][start:]
        if not option:
            end = index
        elif option in LISTED:
            values.setdefault(LISTED[option], []).append(value)
        else:
            flags += [option, value] if option in PASSED_ON else [option]
    return ComposeCall(
        command="".join(words[end : end + 1]),
        arguments=tuple(words[end + 1 :]),
        files=tuple(values.get("files", ())),
        env_files=tuple(values.get("env_files", ())),
        profiles=tuple(values.get("profiles", ())),
        project="".join(values.get("project", ())[-1:]),
        directory="".join(values.get("directory", ())[-1:]),
        flags=tuple(flags),
        is_elsewhere="engine" in values,
    )


def is_own(target: CallTarget, own: OwnStack) -> bool:
    """Return True if a call is about the session's stack, under any project name.

    For Compose, other files in the same folder belong to the same project, unless the call gives
    them another project name.
    """
    own_files = [path for path in target.files if path in own.files]
    has_other_project = target.project not in {"", own.project}
    if not target.files:
        return target.project == own.project or (
            not has_other_project and target.directory == own.directory
        )
    if own_files:
        return target.directory == own.directory or len(own_files) == len(target.files)
    return not has_other_project and target.directory == own.directory
