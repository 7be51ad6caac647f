"""A call of `docker compose` by a script: its words, and whether it is about a session's stack."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from composeports.core.docker_arguments import INSTEAD_OF_A_COMMAND, OTHER_ENGINE, scan

# Options with a value of which Compose takes all, or the last one. `--workdir` is an earlier name.
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
# About no project in particular.
PROJECTLESS = frozenset({"", "ls", "version", "help"})
STDIN = "-"


@dataclass(frozen=True, slots=True)
class ComposeCall:
    """What a command line of Compose says; `flags` are options that need no explanation.

    `is_elsewhere` tells that it names another engine.
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
        """Whether it is about no project: a version, help, the list of all projects."""
        asks = not INSTEAD_OF_A_COMMAND.isdisjoint(self.flags)
        return asks or self.command in PROJECTLESS or self.arguments[:1] == ("--help",)

    @property
    def reads_stdin(self) -> bool:
        """Whether a Compose file comes from its input."""
        return STDIN in self.files


@dataclass(frozen=True, slots=True)
class CallTarget:
    """What a call of Compose would act on: real paths, and the project's name where it says one."""

    directory: str
    files: tuple[str, ...]
    project: str = ""


@dataclass(frozen=True, slots=True)
class OwnStack:
    """A session's project directory, its Compose files and its project: real paths."""

    directory: str
    files: Collection[str]
    project: str


def read_call(words: Sequence[str]) -> ComposeCall:
    """Return what the words after `docker compose` say."""
    found: dict[str, list[str]] = {}
    flags: list[str] = []
    end = len(words)
    for index, start, option in scan(words, WITH_VALUE.__contains__, until_name=True):
        value = words[index][start:]
        if not option:
            end = index
        elif option in LISTED:
            found.setdefault(LISTED[option], []).append(value)
        else:
            flags += [option, value] if option in PASSED_ON else [option]
    return ComposeCall(
        command="".join(words[end : end + 1]),
        arguments=tuple(words[end + 1 :]),
        files=tuple(found.get("files", ())),
        env_files=tuple(found.get("env_files", ())),
        profiles=tuple(found.get("profiles", ())),
        project="".join(found.get("project", ())[-1:]),
        directory="".join(found.get("directory", ())[-1:]),
        flags=tuple(flags),
        is_elsewhere="engine" in found,
    )


def is_own(target: CallTarget, own: OwnStack) -> bool:
    """Tell whether a call is about the session's stack, by whatever name the script calls it.

    Other files of the same folder are the same project to Compose, unless the call gives them a
    project of their own.
    """
    ours = [path for path in target.files if path in own.files]
    named = target.project not in {"", own.project}
    if not target.files:
        return target.project == own.project or (not named and target.directory == own.directory)
    if ours:
        return target.directory == own.directory or len(ours) == len(target.files)
    return not named and target.directory == own.directory
