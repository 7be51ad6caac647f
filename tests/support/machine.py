"""Real parts of a machine for tests: git repositories, a fake `docker`, the installed program."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import warm
from tests.support.patience import HANG

PROGRAMS = Path(sys.executable).parent

GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stop a process inside the block (SIGSTOP)."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once `condition` holds; fail, saying `what` did not come, after the deadline."""
    end = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < end, f"waited {HANG} s for {what}"
        time.sleep(0.01)


def git(folder: Path, *arguments: str) -> str:
    """Run git, untouched by the user's own settings, and return what it printed."""
    settings = (
        "-c",
        "init.defaultBranch=main",
        "-c",
        "init.templateDir=",
        "-c",
        "protocol.file.allow=always",
    )
    done = subprocess.run(
        ("git", *settings, *arguments),
        cwd=folder,
        env={**os.environ, **GIT_ENVIRONMENT},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("utf-8", "surrogateescape")


def make_repository(folder: Path, files: Mapping[str, str] | None = None) -> Path:
    """Make a repository with one commit on branch `main`, and return its worktree."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet")
    for name, text in (files or {"compose.yaml": "services: {}\n"}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


def add_worktree(repository: Path, folder: Path, branch: str) -> Path:
    """Add a linked worktree on a new branch."""
    git(repository, "worktree", "add", "--quiet", "-b", branch, str(folder))
    return folder


def write_program(path: Path, script: str) -> Path:
    """Write an executable script for /bin/sh."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


FAKE_DOCKER = """
at='{at}'
printf '%s\\n' "$*" >> "$at/calls"
case "$*" in
  "compose version"*|"compose --host "*" version "*) name=version ;;
  "version "*) name=engine ;;
  "info "*) name=info ;;
  "context "*) name=context ;;
  "system dial-stdio") name=dial ;;
  "buildx "*) name=buildx ;;
  "ps "*State*) name=ps ;;
  "ps "*config_files*) name=labels ;;
  *" config "*--variables*) name=variables ;;
  *" config "*) name=config ;;
  "compose "*) name=compose ;;
  "ps "*) name=ps ;;
  "container inspect"*) name=inspect ;;
  "network "*) name=network ;;
  "volume "*) name=volume ;;
esac
[ ! -e "$at/$name.sh" ] || . "$at/$name.sh"
[ ! -e "$at/$name.err" ] || /bin/cat "$at/$name.err" >&2
[ ! -e "$at/$name.out" ] || /bin/cat "$at/$name.out"
[ ! -e "$at/$name.code" ] || exit "$(/bin/cat "$at/$name.code")"
"""
UNREACHABLE = (
    "Cannot connect to the Docker daemon at unix:///nowhere. Is the docker daemon running?\n"
)


class FakeDocker:
    """A `docker` command that gives prepared answers, and a Compose plugin that asks it.

    The questions: version, config, variables, compose (all other Compose commands), ps, inspect,
    network, volume; those of doctor: engine, info, context, buildx, labels. An answer that was not
    prepared is empty, with exit code 0. `run_before("dial", way_to(socket))` leads to an engine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.config = folder / "config"
        write_program(self.path / "docker", FAKE_DOCKER.format(at=folder))
        plugin = self.config / "cli-plugins" / "docker-compose"
        write_program(plugin, f'exec {self.path}/docker compose "$@"')
        self.answer("version", "2.40.3\n")
        self.answer("engine", "28.5.2\n")
        self.answer("context", "default\tunix:///fake.sock\n")
        self.publish()

    def answer(self, name: str, out: str = "", *, err: str = "", code: int = 0) -> None:
        """Prepare the answer to one kind of question."""
        (self.folder / f"{name}.out").write_text(out)
        (self.folder / f"{name}.err").write_text(err)
        (self.folder / f"{name}.code").write_text(str(code))

    def run_before(self, name: str, script: str) -> None:
        """Let it run a shell script before it answers."""
        (self.folder / f"{name}.sh").write_text(script + "\n")

    def publish(self, **ports: int) -> None:
        """Set a Compose file with one service per name, each with one literal host port."""
        services = {
            name: {
                "image": "scratch",
                "ports": [
                    {"mode": "ingress", "target": 80, "published": str(port), "protocol": "tcp"}
                ],
            }
            for name, port in ports.items()
        }
        self.answer("config", json.dumps({"name": "any", "services": services}))
        self.answer("variables", "NAME  REQUIRED  DEFAULT VALUE  ALTERNATE VALUE\n")

    def go_away(self) -> None:
        """Let the engine be down: the command exists, but no engine answers it."""
        for name in ("ps", "labels", "inspect", "network", "volume", "compose", "engine", "info"):
            self.answer(name, err=UNREACHABLE, code=1)

    @property
    def calls(self) -> list[str]:
        """The command lines so far."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def environ(self) -> dict[str, str]:
        """Return the variables that make it the docker of a program."""
        return {"PATH": f"{self.path}:/usr/bin:/bin", "DOCKER_CONFIG": str(self.config)}


@dataclass(frozen=True)
class Done:
    """What a run of the installed program came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The `error` object of the failure's JSON document."""
        document = self.document
        assert document["ok"] is False
        assert set(document) == {"ok", "error"}
        assert set(document["error"]) == {"code", "message", "hint", "details"}
        error: dict[str, Any] = document["error"]
        return error


@dataclass
class Shell:
    """A shell in a folder: runs the installed program with an environment that is all its own."""

    cwd: Path
    state: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        home = self.state.parent / "home"
        home.mkdir(exist_ok=True)
        tools = self.state.parent / "tools"
        if not tools.exists():
            tools.mkdir()
            for name in ("sh", "env", "cat", "touch"):
                (tools / name).symlink_to(f"/usr/bin/{name}" if name == "env" else f"/bin/{name}")
        own = {
            "HOME": str(home),
            "PATH": str(tools),
            "COMPOSEPORTS_STATE_DIR": str(self.state),
            "LC_ALL": "C.UTF-8",
        }
        self.environ = {**own, **self.environ}

    def at(self, cwd: Path) -> "Shell":
        """Return the same shell in another folder."""
        return Shell(cwd, self.state, self.environ)

    def using(self, docker: FakeDocker) -> "Shell":
        """Return the same shell with a docker command."""
        path = f"{docker.path}:{self.environ['PATH']}"
        return self.having(PATH=path, DOCKER_CONFIG=str(docker.config))

    def having(self, **variables: str) -> "Shell":
        """Return the same shell with more variables."""
        return Shell(self.cwd, self.state, {**self.environ, **variables})

    def start(
        self,
        *arguments: str,
        program: str = "composeports",
        **options: Any,  # noqa: ANN401
    ) -> "subprocess.Popen[bytes]":
        """Start the installed program with its output in pipes."""
        argv = (str(PROGRAMS / program), *arguments)
        environ = {"PWD": str(self.cwd), **self.environ}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(argv, cwd=self.cwd, env=environ, **{**pipes, **options})

    def run(self, *arguments: str, program: str = "composeports") -> Done:
        """Run the program to its end; a traceback is a failure of the test."""
        argv = (str(PROGRAMS / program), *arguments)
        done = warm.run(argv, self.cwd, {"PWD": str(self.cwd), **self.environ})
        if done is None:
            return finished(self.start(*arguments, program=program))
        return _whole(*done)

    def sh(self, script: str) -> Done:
        """Run a script for /bin/sh, with the installed program on PATH."""
        environ = {"PWD": str(self.cwd), **self.environ}
        environ["PATH"] = f"{PROGRAMS}:{environ['PATH']}"
        argv = ("/bin/sh", "-c", script)
        done = subprocess.run(argv, cwd=self.cwd, env=environ, capture_output=True, check=False)
        return Done(done.returncode, _text(done.stdout), _text(done.stderr))


def finished(process: "subprocess.Popen[bytes]") -> Done:
    """Wait for the installed program's end; a traceback is a failure of the test."""
    try:
        out, err = process.communicate(timeout=HANG)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        raise
    return _whole(process.returncode, out, err)


def _whole(code: int, out: bytes | None, err: bytes | None) -> Done:
    done = Done(code, _text(out), _text(err))
    assert "Traceback" not in done.out + done.err, done.err
    return done


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")
