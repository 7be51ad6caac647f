"""Completion in real shells on a terminal, and the program's answers to them."""

import time
from pathlib import Path

import pytest

from tests.harness.program import PROGRAMS, Done
from tests.harness.terminal import on_terminal
from tests.support.documents import blocks
from tests.support.machine import FakeDocker, Shell
from tests.support.shells import programs

pytestmark = pytest.mark.integration

START = {
    "bash": ("--norc", "--noprofile", "-i"),
    "zsh": ("-f", "-i"),
    "fish": ("--no-config", "--interactive"),
}
READY = {
    "bash": "PS1='ready> '",
    "zsh": "PS1='ready> '; autoload -U compinit; compinit -u -D",
    "fish": "function fish_prompt; echo 'ready> '; end",
}
# As docs/shell.md says; fish reads the file by itself, but for one that was made just now.
(LINES,) = [
    each.commands
    for each in blocks("docs/shell.md", "sh")
    if "composeports completion" in each.text
]
FISH_FILE = "~/.config/fish/completions"
LOAD = {
    "bash": LINES[0],
    "zsh": LINES[1],
    "fish": f"mkdir -p {FISH_FILE}; {LINES[2]}; source {FISH_FILE}/composeports.fish",
}


HELP = """
Usage:  docker compose COMMAND [OPTIONS] [SERVICE...]

Options:
  -f, --follow           Follow log output, to its end
      --force-recreate   Recreate containers
      --since string     Show logs since timestamp
"""
PROFILES = """case "$*" in *--profiles*) echo debug; echo dev; exit 0 ;; esac"""


@pytest.fixture
def known(shell: Shell, docker: FakeDocker) -> Shell:
    """A shell in a worktree where an `up` has read the services of the Compose file."""
    docker.publish(webserver=8080, database=5432)
    docker.answer("help", HELP)
    docker.run_before("config", PROFILES)
    having = shell.using(docker)
    assert having.run("up").code == 0
    return having


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_real_shell_completes_commands_services_and_sessions(known: Shell, name: str) -> None:
    program = programs()[name]
    path = f"{PROGRAMS}:{known.environ['PATH']}:/usr/bin:/bin"
    environ = {**known.environ, **program["environment"], "PATH": path, "TERM": "dumb"}
    session = known.run("status", "--json").document[0]["session_id"]
    argv = (program["executable"], *START[name])
    with on_terminal(*argv, cwd=known.cwd, environ=environ) as terminal:
        for line in (*program["preamble"].splitlines(), READY[name], LOAD[name], "echo rea''dy"):
            terminal.type(f"{line}\n")
        terminal.says_next("ready\r\n")
        for begun, whole in (
            ("composeports alloc", "ate"),
            ("composeports logs webs", "erver"),
            ("composeports url data", "base"),
            (f"composeports status --session {session[:-3]}", session[-3:]),
            ("compose-down webs", "erver"),
            ("composeports logs --foll", "ow"),
            ("composeports up --force-re", "create"),
            ("composeports url database ", "80"),
            ("composeports --profile deb", "ug"),
        ):
            terminal.type(begun)
            terminal.says_next(begun[-3:])
            terminal.type("\t")
            terminal.says_next(whole)
            terminal.type("\x15")  # Ctrl-U: an empty line


def asked(shell: Shell, line: str, program: str = "composeports") -> list[str]:
    """Return the completions that a shell gets for a line whose last word is incomplete."""
    return told(shell, line, program).out.splitlines()


def told(shell: Shell, line: str, program: str = "composeports") -> Done:
    variable = f"_{program.upper().replace('-', '_')}_COMPLETE"
    position = len(line.split(" ")) - 1
    having = shell.having(COMP_WORDS=line, COMP_CWORD=str(position), **{variable: "bash_complete"})
    done = having.run(program=program)
    assert done.err == ""
    return done


NEXT = [
    ("composeports sta", ["plain,status", "plain,start", "plain,stats"]),
    ("composeports --prof", ["plain,--profile"]),
    ("composeports -f ", ["file,"]),
    ("composeports --project-directory ", ["dir,"]),
    ("composeports up ", ["plain,database", "plain,webserver"]),
    ("composeports up --build web", ["plain,webserver"]),
    ("composeports up --seed", ["plain,--seed-from"]),
    ("composeports up --seed-from ma", ["plain,main"]),
    ("composeports exec web", ["plain,webserver"]),
    ("composeports exec webserver ", ["file,"]),
    ("composeports hook ", ["plain,install", "plain,uninstall"]),
    (
        "composeports env --format ",
        ["plain,export", "plain,dotenv", "plain,fish", "plain,json"],
    ),
    ("composeports completion z", ["plain,zsh"]),
    ("composeports settings set nam", ["plain,naming"]),
    ("composeports settings set naming ", ["plain,hash", "plain,worktree"]),
    ("composeports settings set store ", []),
    ("composeports explain no_p", ["plain,no_ports_available"]),
    (
        "composeports explain store_",
        ["plain,store_server", "plain,store_busy", "plain,store_unusable"],
    ),
]


def test_what_could_come_next(known: Shell) -> None:
    for line, expected in NEXT:
        assert (line, asked(known, line)) == (line, expected)


def test_the_other_two_programs_complete_too(known: Shell) -> None:
    assert asked(known, "compose-up --wait web", "compose-up") == ["plain,webserver"]
    assert asked(known, "compose-down -f compose.yaml data", "compose-down") == ["plain,database"]


def test_services_that_were_never_seen_are_asked_for(shell: Shell, docker: FakeDocker) -> None:
    docker.answer("config", "web\ndb\n")
    assert asked(shell.using(docker), "composeports logs ") == ["plain,db", "plain,web"]


def test_a_shell_hears_of_no_failure(shell: Shell, tmp_path: Path) -> None:
    assert asked(shell, "composeports logs ") == []
    broken = shell.having(PORT_ALLOC_BASE="none")
    assert asked(broken, "composeports --session ") == []
    (tmp_path / "empty").mkdir()
    assert asked(shell.at(tmp_path / "empty"), "composeports up ") == []
    assert shell.having(_COMPOSEPORTS_COMPLETE="nonsense").run().out == ""


def test_it_asks_nobody_and_imports_little(known: Shell, docker: FakeDocker) -> None:
    """Services are known without a question to Compose, so that no shell waits for an answer."""
    before, calls = len(list((known.state).rglob("*"))), docker.calls
    timed = known.having(
        COMP_WORDS="composeports logs w",
        COMP_CWORD="2",
        _COMPOSEPORTS_COMPLETE="bash_complete",
        PYTHONPROFILEIMPORTTIME="1",
    )
    imported = {line.rpartition("|")[2].strip() for line in timed.run().err.splitlines()}
    assert {"os", "click"} <= imported
    assert not imported & {"rich", "psutil", "docker", "fastapi", "mcp", "psycopg"}
    assert docker.calls == calls
    assert len(list((known.state).rglob("*"))) == before


COMPOSE_OWN = [
    ("composeports logs --f", ["plain,--follow", "plain,--force-recreate"]),
    ("composeports logs -f w", ["plain,webserver"]),
    ("composeports logs --since ", ["file,"]),
    ("composeports up --force", ["plain,--force-recreate"]),
    ("composeports down --fol", ["plain,--follow"]),
    ("composeports exec webserver --f", []),
    ("composeports url webserver ", ["plain,80"]),
    ("composeports url nothing ", []),
    ("composeports --profile d", ["plain,debug", "plain,dev"]),
]


def test_compose_s_options_ports_and_profiles_are_completed(
    known: Shell, docker: FakeDocker
) -> None:
    for line, expected in COMPOSE_OWN:
        assert (line, asked(known, line)) == (line, expected)
    questions = [call for call in docker.calls if call.endswith("--help")]
    assert len(questions) == 3  # logs, up, down: each is remembered
    plugin = docker.config / "cli-plugins" / "docker-compose"
    plugin.write_text(plugin.read_text() + "# newer\n")
    docker.answer("help", "Options:\n      --fresh   New\n")
    assert asked(known, "composeports logs --f") == ["plain,--fresh"]
    assert len(list((known.state / "help").glob("logs-*"))) == 1


def test_a_compose_that_does_not_answer_delays_no_shell(known: Shell, docker: FakeDocker) -> None:
    docker.run_before("help", "exec /bin/sleep 60")
    begun = time.monotonic()
    assert asked(known, "composeports ps --f") == []
    assert time.monotonic() - begun < 20  # the limit is two seconds
    docker.run_before("help", "echo broken >&2; exit 1")
    assert asked(known, "composeports top --f") == []
    assert not list((known.state / "help").glob("*"))


@pytest.mark.timeout(30)
def test_an_engine_that_does_not_answer_delays_no_shell(known: Shell, docker: FakeDocker) -> None:
    """A store on a server needs the engine's id; the limit of the test ends a Tab that waits."""
    docker.run_before("info", "exec /bin/sleep 60")
    patient = {"COMPOSEPORTS_STORE": "postgresql:///ports", "COMPOSEPORTS_ENGINE_TIMEOUT": "900"}
    assert asked(known.having(**patient), "composeports --session ") == []
    assert any("info" in call for call in docker.calls)


def test_a_short_option_that_compose_does_not_know_gets_the_right_line(
    known: Shell, docker: FakeDocker
) -> None:
    refused = known.run("logs", "-q", "webserver")
    assert refused.code == 2
    assert "-q belongs before the command: composeports -q logs webserver\n" in refused.err
    assert known.run("logs", "-f", "webserver").code == 0
    docker.answer("help", code=1)
    assert known.run("top", "-q").code == 0  # unknown: Compose decides


@pytest.mark.parametrize("command", ["down", "stop", "start", "restart"])
def test_commands_that_take_a_session_complete_services_and_then_names(
    known: Shell, command: str
) -> None:
    name = known.run("status", "--json").document[0]["name"]
    assert asked(known, f"composeports {command} {name[:2]}") == [f"plain,{name}"]
    completed = asked(known, f"composeports {command} ")
    assert completed == ["plain,database", "plain,webserver", f"plain,{name}"]
