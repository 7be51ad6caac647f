"""A real direnv, with what `composeports init --direnv` writes."""

import json
from dataclasses import dataclass

import pytest

from tests.harness.program import PROGRAMS, run
from tests.support.documents import blocks
from tests.support.machine import FakeDocker, Shell
from tests.support.shells import programs

pytestmark = pytest.mark.integration


@dataclass
class Direnv:
    """A shell where direnv has been allowed to read the folder's `.envrc`."""

    shell: Shell

    def ask(self, *arguments: str) -> tuple[str, str]:
        """Run direnv, which must succeed, and return its stdout and stderr."""
        path = f"{PROGRAMS}:{self.shell.environ['PATH']}:/usr/bin:/bin"
        direnv = programs()["direnv"]["executable"]
        environ = {**self.shell.environ, "PATH": path, "PWD": str(self.shell.cwd)}
        done = run(direnv, *arguments, cwd=self.shell.cwd, environ=environ)
        assert done.code == 0, done.err
        return done.out, done.err

    def value(self, name: str) -> str:
        """Return a variable as a program in the folder gets it."""
        script = f'printf %s "${{{name}-unset}}"'
        return self.ask("exec", ".", "sh", "-c", script)[0]


@pytest.fixture
def direnv(shell: Shell, docker: FakeDocker) -> Direnv:
    docker.publish(web=8080)
    having = Direnv(shell.using(docker))
    assert "next: direnv allow" in having.shell.run("init", "--direnv").err
    (shown,) = [each for each in blocks("docs/shell.md", "sh") if "watch_file" in each.text]
    assert shown.text in (having.shell.cwd / ".envrc").read_text()
    having.ask("allow", ".")
    return having


def test_the_stack_s_variables_are_there_while_it_is_leased(direnv: Direnv) -> None:
    assert direnv.value("PORT_WEB_80") == "unset"  # and no failure
    said = direnv.ask("exec", ".", "true")[1]
    assert "composeports: no stack's variables yet; `composeports up` starts" in said
    assert "error" not in said
    assert direnv.shell.run("up").code == 0
    assert direnv.value("PORT_WEB_80") == "10004"
    assert direnv.value("COMPOSE_FILE").startswith(str(direnv.shell.cwd / "compose.yaml"))
    assert direnv.shell.run("down").code == 0
    assert direnv.value("PORT_WEB_80") == "unset"


def test_direnv_looks_again_when_ports_move(direnv: Direnv) -> None:
    loaded = json.loads(direnv.ask("export", "json")[0])
    inside = Direnv(direnv.shell.having(**loaded))
    assert inside.ask("export", "json")[0] == ""
    assert direnv.shell.run("up").code == 0
    assert json.loads(inside.ask("export", "json")[0])["PORT_WEB_80"] == "10004"


def test_nobody_needs_composeports_to_enter_the_folder(direnv: Direnv) -> None:
    path = f"{direnv.shell.environ['PATH']}:/usr/bin:/bin"
    argv = (programs()["direnv"]["executable"], "exec", ".", "sh", "-c", "echo fine")
    environ = {**direnv.shell.environ, "PATH": path, "PWD": str(direnv.shell.cwd)}
    done = run(*argv, cwd=direnv.shell.cwd, environ=environ)
    assert (done.code, done.out) == (0, "fine\n")
    assert "not found" not in done.err
