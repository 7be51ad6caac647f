"""Command lines of `docker compose`, and the check of the installed Compose plugin."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from composeports.docker.compose_files import Selection
from composeports.docker.context import docker_folder
from composeports.errors import ComposeMissingError, ComposeTooOldError
from composeports.host.process import NOT_FOUND, Limits, Running, start
from composeports.host.programs import find_program
from composeports.host.session_folder import is_script

OLDEST = (2, 24, 4)
# Limits for reading Compose files. Compose needs 0.2 s and 128 MiB; a YAML alias bomb has no upper
# bound. Each CPU may add one thread, and the stack of a thread counts as memory.
LIMITS = Limits(seconds=30, memory=(512 << 20) + (os.cpu_count() or 1) * (16 << 20))
# An address where no engine listens: a connection to it fails immediately.
NO_ENGINE = f"unix://{os.devnull}"
EVERY_PROFILE = ("--profile", "*")
PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
INSTALL = (
    "install Docker's Compose plugin, 2.24.4 or newer: `apt-get install docker-compose-plugin` "
    "where packages come from Docker, `docker-compose-v2` on Ubuntu; "
    "https://docs.docker.com/compose/install has all ways"
)
# Messages of docker for `docker compose ...` if no plugin of that name is installed.
NO_PLUGIN = ("unknown flag", "unknown shorthand flag", "unknown command", "not a docker command")


class Compose(NamedTuple):
    """`docker compose` for one project: its files, environment, profiles and global flags."""

    selection: Selection
    environ: Mapping[str, str]
    profiles: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def argv(
        self,
        project: str,
        *arguments: str,
        files: Sequence[str] = (),
        env_files: Sequence[str] = (),
    ) -> list[str]:
        """Return the command line; `files` and `env_files` come after the project's own.

        If `project` is empty, Compose chooses the project name itself.
        """
        argv = ["docker", "compose", *self.flags]
        argv += ["--project-name", project] if project else []
        argv += ["--project-directory", self.selection.directory]
        argv += [
            part
            for path in (*self.selection.env_files, *env_files)
            for part in ("--env-file", path)
        ]
        argv += [part for path in (*self.selection.files, *files) for part in ("--file", path)]
        argv += [part for name in self.profiles for part in ("--profile", name)]
        return [*argv, *arguments]

    def start_config(
        self,
        project: str,
        *arguments: str,
        profiles: Sequence[str] = EVERY_PROFILE,
        extra: Mapping[str, str] | None = None,
    ) -> Running:
        """Start `docker compose config` without waiting; `extra` overrides the environment.

        The process does not contact the engine, and it is killed if it exceeds LIMITS.
        """
        argv = without_engine(self.argv(project, *profiles, "config", *arguments), self.environ)
        return start(argv, {**self.environ, **(extra or {})}, limits=LIMITS)


def as_plugin(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return `docker compose ...` as a call of the plugin program, so that it receives signals.

    docker expects that the terminal sends each signal to the plugin too, and does not forward a
    signal that was sent to docker alone. If `docker` is a script (Podman's, or the user's own), the
    call stays as it is, because the script may do more than start the plugin. `environ` is the
    user's own environment, without the variables of a plan.
    """
    docker = find_program("docker", environ)
    return list(argv) if docker is None or is_script(docker) else _direct(argv, environ)


def without_engine(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return `docker ...` as a call that does not contact the engine, which may be frozen.

    docker and Compose contact the engine at the start of every command. The address is given as an
    option, because the variable DOCKER_HOST would change the result of a file that mentions it.
    If `docker` is a script and no plugin is found, the call stays as it is.
    """
    program = find_plugin(environ) if argv[1] == "compose" else ""
    if program:
        return [program, "--host", NO_ENGINE, *argv[2:]]
    docker = find_program("docker", environ)
    if docker is None or is_script(docker):
        return list(argv)
    return [argv[0], "--host", NO_ENGINE, *argv[1:]]


def _direct(argv: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    program = find_plugin(environ)
    return [program, *argv[2:]] if program else list(argv)


def find_plugin(environ: Mapping[str, str]) -> str:
    """Return the path of the Compose plugin; empty if only `docker compose` can be called.

    `docker compose` starts the plugin twice, the first time to read its metadata. A direct call
    takes half the time. The folders and their order are those of the docker command. `environ` is
    the user's own environment: no plan decides where programs are. Raise ConfigError if a folder
    that docker uses is a relative path.
    """
    home = docker_folder(environ)
    if find_program("docker", environ) is None or _has_extra_folders(home):
        return ""
    folders = (os.path.join(home, "cli-plugins"), *PLUGIN_FOLDERS)
    programs = (os.path.join(folder, "docker-compose") for folder in folders)
    return next((program for program in programs if os.access(program, os.X_OK)), "")


def program_mark(environ: Mapping[str, str]) -> str:
    """Return a text that identifies the installed Compose, without asking for its version.

    It has the path, size and modification time of the plugin, or of docker if only docker finds the
    plugin: an update replaces that program. Empty if there is no program.
    """
    program = find_plugin(environ) or find_program("docker", environ) or ""
    try:
        status = os.stat(program)
    except OSError:
        return ""
    return f"{os.path.realpath(program)} {status.st_size} {status.st_mtime_ns}"


def _has_extra_folders(home: str) -> bool:
    """Return True if Docker's settings name more plugin folders, or cannot be read."""
    try:
        with open(os.path.join(home, "config.json"), "rb") as file:
            return b"cliPluginsExtraDirs" in file.read()
    except FileNotFoundError:
        return False
    except OSError:
        return True


def without_files(project: str, *arguments: str, flags: Sequence[str] = ()) -> list[str]:
    """Return a command line that finds the project by its labels and reads no Compose file.

    Compose searches for files from the project directory upwards; in `/` it finds none.
    """
    base = ["docker", "compose", *flags, "--project-name", project, "--project-directory", "/"]
    return [*base, *arguments]


def check_installation(environ: Mapping[str, str], query: Running | None = None) -> None:
    """Raise ComposeMissingError or ComposeTooOldError unless Compose is OLDEST or newer.

    `query` is a query for the version that runs already.
    """
    answer = (query or start_version(environ)).finish()
    version = _version(answer.out)
    if answer.code == NOT_FOUND:
        message = "the `docker` command was not found"
        raise ComposeMissingError(message, hint="install Docker, and put `docker` on PATH")
    if answer.code or version is None:
        lines = (answer.err or answer.out).strip().splitlines() or ["no version shown"]
        message = f"`docker compose` does not work: {lines[0]}"
        if answer.code and any(words in answer.err for words in NO_PLUGIN):
            message = "`docker compose` is missing: Docker is there, but its Compose plugin is not"
        raise ComposeMissingError(message, hint=INSTALL)
    if version < OLDEST:
        version_text = answer.out.strip()
        message = (
            f"Docker Compose {version_text} is too old: "
            "it would add ports instead of replacing them"
        )
        raise ComposeTooOldError(message, hint=INSTALL, version=version_text)


def installed_version(environ: Mapping[str, str]) -> str:
    """Return the version that the installed Compose prints."""
    return start_version(environ).finish().out.strip()


def start_version(environ: Mapping[str, str]) -> Running:
    """Start the query for the version of the installed Compose, without waiting."""
    argv = without_engine(("docker", "compose", "version", "--short"), environ)
    return start(argv, environ)


def _version(text: str) -> tuple[int, ...] | None:
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else None
