"""A shell for the installed program, and a `docker` that gives prepared answers."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.harness.program import PROGRAMS, Done, finish, start, text, write_program
from tests.support import warm

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
  "compose "*" --help") name=help ;;
  "ps "*State*) name=ps ;;
  "ps "*config_files*) name=labels ;;
  *" config "*--variables*) name=variables ;;
  *" config "*) name=config ;;
  "compose "*) name=compose ;;
  "ps "*) name=ps ;;
  "container inspect"*) name=inspect ;;
  "container logs"*) name=logs ;;
  "network "*) name=network ;;
  "volume "*) name=volume ;;
  "stats "*) name=stats ;;
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
    logs, network, volume, stats; those of doctor: engine, info, context, buildx, labels. An answer
    that was not prepared is empty, with exit code 0. `run_before("dial", way_to(socket))` leads to
    an engine.
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
        """Prepare the answer to one kind of question; a call that comes meanwhile gets it whole."""
        for ending, content in (("out", out), ("err", err), ("code", str(code))):
            new = self.folder / f"{name}.{ending}.new"
            new.write_text(content)
            new.replace(self.folder / f"{name}.{ending}")

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
        return start(*argv, cwd=self.cwd, environ=environ, **{"text": False, **options})

    def run(self, *arguments: str, program: str = "composeports") -> Done:
        """Run the program to its end; a traceback is a failure of the test."""
        argv = (str(PROGRAMS / program), *arguments)
        done = warm.run(argv, self.cwd, {"PWD": str(self.cwd), **self.environ})
        if done is None:
            return finished(self.start(*arguments, program=program))
        code, out, err = done
        return _without_traceback(Done(code, text(out), text(err)))

    def sh(self, script: str) -> Done:
        """Run a script for /bin/sh, with the installed program on PATH."""
        path = f"{PROGRAMS}:{self.environ['PATH']}"
        environ = {"PWD": str(self.cwd), **self.environ, "PATH": path}
        return finish(start("/bin/sh", "-c", script, cwd=self.cwd, environ=environ, text=False))


def finished(process: "subprocess.Popen[Any]") -> Done:
    """Wait for the installed program's end; a traceback is a failure of the test."""
    return _without_traceback(finish(process))


def _without_traceback(done: Done) -> Done:
    assert "Traceback" not in done.out + done.err, done.err
    return done
