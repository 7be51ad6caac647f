"""Scripts and Makefiles that call docker reach this session's stack, and no other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engine import docker
from tests.harness.program import PROGRAM, Done, output, run
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Projects, Session, fresh_environ, new_repository
from tests.harness.terminal import on_terminal
from tests.harness.waits import HANG, wait_until

pytestmark = pytest.mark.e2e

FILE = stack(
    {
        "db": {
            "container_name": "shop-db",
            "environment": {"OWNER": "${PWD}"},
            "command": ["sh", "-c", 'mkdir -p /data; echo "rows of $$OWNER" > /data/rows; serve'],
            "ports": ["5432:80"],
            "volumes": ["data:/data"],
        },
        "web": {"ports": ["8080:80"]},
    },
    volumes={"data": {"name": "shop-data"}},
)
MAKEFILE = """\
restart:
	docker compose -f compose.dev.yml up -d
reset:
	docker compose -f compose.dev.yml down -v
rows:
	@docker exec shop-db cat /data/rows
"""
PACKAGE = {
    "name": "shop",
    "version": "1.0.0",
    "scripts": {
        "rows": "docker exec shop-db cat /data/rows",
        "ps": "docker compose -p shop -f compose.dev.yml ps --quiet --no-trunc",
    },
}
FILES = {
    "compose.dev.yml": FILE,
    "composeports.toml": 'files = ["compose.dev.yml"]\n',
    "Makefile": MAKEFILE,
    "package.json": json.dumps(PACKAGE),
    "seed.sh": "#!/bin/sh\nset -e\ndocker exec shop-db cat /data/rows\ndocker logs shop-db 2>&1\n",
    "tools/compose.yaml": stack({"helper": {}}),
}
MAIN = "wrapper-main"


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, projects: Projects
) -> Iterator[tuple[Session, Session]]:
    """Run main's stack with plain Compose, and a worktree's with composeports beside it."""
    place = tmp_path_factory.mktemp("wrapped")
    repository = new_repository(place, fresh_environ(place), FILES)
    main, login = repository.main, repository.worktree("login")
    plain = ("-p", MAIN, "-f", "compose.dev.yml")
    try:
        main.compose(*plain, "up", "--detach")
        login.ok("up")
        yield main, login
    finally:
        main.compose(*plain, "down", "--volumes", "-t", "0")
        projects.take_down(place)


@pytest.fixture
def main(both: tuple[Session, Session]) -> Session:
    """The main checkout, whose stack plain Compose started."""
    return both[0]


@pytest.fixture
def login(both: tuple[Session, Session]) -> Session:
    """The worktree, with its stack up, and nothing else."""
    if set(both[1].published()) != {"shop-db:80/tcp", "web-1:80/tcp"}:
        both[1].ok("up", "--remove-orphans")
    return both[1]


def wrapped(session: Session, *argv: str, **variables: str) -> Done:
    return session.run("env", "--", *argv, **variables)


def mains() -> list[str]:
    """Return what the engine has of main: its containers, their start, and its volume."""
    form = "{{.ID}} {{.Status}} {{.Names}}"
    label = f"label=com.docker.compose.project={MAIN}"
    shown = docker("ps", "--all", "--no-trunc", "--filter", label, "--format", form)
    names = [(line.split()[0], line.split()[-1]) for line in shown.splitlines()]
    states = [
        docker("inspect", "--format", "{{.Id}} {{.State.Status}} {{.State.StartedAt}}", name)
        for name, _ in sorted(names)
    ]
    rows = docker("run", "--rm", "-v", "shop-data:/data", TINY, "cat", "/data/rows")
    return [*states, rows]


def test_a_script_that_names_a_renamed_container_is_told_by_plan_and_up(login: Session) -> None:
    calls = [
        (each["where"], each["value"])
        for each in login.json("plan")["left"]
        if each["kind"] == "script"
    ]
    assert calls == [
        ("Makefile:6", "docker exec shop-db"),
        ("package.json:1", "docker exec shop-db"),
        ("seed.sh:3", "docker exec shop-db"),
        ("seed.sh:4", "docker logs shop-db"),
    ]
    done = login.run("up", "--strict")
    told = done.err
    assert done.code == 78
    assert f"seed.sh:3 calls docker exec shop-db: the container is called {login.project}-" in told
    assert "composeports env -- CMD" in told
    scripts = '"script:Makefile", "script:package.json", "script:seed.sh"'
    settings = login.directory / "composeports.toml"
    before = settings.read_text()
    settings.write_text(f"shared = [{scripts}]\n{before}")
    try:
        document = json.loads(login.ok("up", "--strict", "--json"))
        assert ("script", "seed.sh") in [
            (entry["kind"], entry["name"]) for entry in document["shared"]
        ]
    finally:
        settings.write_text(before)


# Compose


def test_make_acts_on_this_sessions_stack_with_our_document(main: Session, login: Session) -> None:
    before, ids, ports = mains(), login.ids(), login.published()
    done = wrapped(login, "make", "restart")
    assert done.code == 0, done.err
    assert (login.ids(), login.published()) == (ids, ports)
    assert (wrapped(login, "make", "-s", "rows").out) == f"rows of {login.directory}\n"
    done = wrapped(login, "make", "reset")
    assert done.code == 0, done.err
    assert login.resources_of() == []
    assert mains() == before
    assert before[-1] == f"rows of {main.directory}\n"
    assert wrapped(login, "make", "restart").code == 0
    assert login.published() == ports
    assert f"{login.project}-shop-db" in docker("ps", "--format", "{{.Names}}")
    assert mains() == before


@pytest.mark.parametrize(
    "words",
    [
        "docker compose ps",
        "docker compose -f compose.dev.yml ps",
        "docker compose -f {here}/compose.dev.yml -p shop ps",
        "docker compose --file=compose.dev.yml --project-name shop ps",
        "docker compose --project-directory . -f compose.dev.yml ps",
        "docker compose --project-directory {here} ps",
        "docker -D --log-level error compose -f compose.dev.yml ps",
        "docker-compose -f compose.dev.yml ps",
        "docker-compose ps",
        "env COMPOSE_FILE=compose.dev.yml docker compose ps",
        "env COMPOSE_PROJECT_NAME=shop COMPOSE_FILE=compose.dev.yml docker compose ps",
        "env -C tools docker compose -f ../compose.dev.yml ps",
        "env -C / docker compose ps",
        "env -u COMPOSE_FILE docker compose -f compose.dev.yml ps",
    ],
)
def test_this_sessions_files_are_its_stack_by_whatever_words(login: Session, words: str) -> None:
    argv = words.format(here=login.directory).split()
    done = wrapped(login, *argv, "--quiet", "--no-trunc")
    assert done.code == 0, done.err
    assert set(done.out.split()) == set(login.ids().values())


@pytest.mark.parametrize(
    "words",
    [
        "docker compose -p {other} -f tools/compose.yaml",
        "docker compose -p {other} --project-directory tools",
        "docker-compose -p {other} -f tools/compose.yaml",
        "env -C tools docker compose -p {other}",
    ],
)
def test_other_projects_go_through(login: Session, words: str) -> None:
    other, before = "wrapper-other", login.ids()
    argv = words.format(other=other).split()
    try:
        done = wrapped(login, *argv, "up", "--detach")
        assert done.code == 0, done.err
        label = f"label=com.docker.compose.project={other}"
        names = docker("ps", "--filter", label, "--format", "{{.Names}}").split()
        assert names == [f"{other}-helper-1"]
        assert login.ids() == before
    finally:
        wrapped(login, *argv, "down", "-t", "0")


def test_another_project_without_a_name_has_its_own(login: Session) -> None:
    before = login.ids()
    done = wrapped(login, "docker", "compose", "-f", "tools/compose.yaml", "config")
    assert done.code == 0, done.err
    assert done.out.startswith("name: tools\n")
    named = wrapped(login, "docker", "compose", "ls", "--quiet")
    assert login.project in named.out.split()
    assert login.ids() == before


def test_files_that_changed_are_planned_before_they_are_started(login: Session) -> None:
    path = login.directory / "compose.dev.yml"
    text = path.read_text()
    added = json.loads(text)
    added["services"]["more"] = {
        "image": TINY,
        "stop_grace_period": "0s",
        "container_name": "shop-more",
        "ports": ["5433:80"],
    }
    path.write_text(json.dumps(added))
    try:
        script = "docker compose -f compose.dev.yml up -d && docker exec shop-more hostname"
        done = wrapped(login, "sh", "-c", script)
        assert done.code == 0, done.err
        name = f"{login.project}-shop-more"
        assert docker("inspect", "--format", "{{.Id}}", name).startswith(done.out.strip())
        (binding,) = json.loads(
            docker("inspect", "--format", '{{json (index .NetworkSettings.Ports "80/tcp")}}', name)
        )[:1]
        assert int(binding["HostPort"]) == login.row["ports"]["more:80/tcp"] != 5433
    finally:
        path.write_text(text)
        done = wrapped(login, "docker", "compose", "up", "-d", "--remove-orphans")
    assert done.code == 0, done.err


def test_down_keeps_the_lease_and_up_takes_it_where_it_is_gone(login: Session) -> None:
    ports = login.published()
    assert wrapped(login, "docker", "compose", "down", "-t", "0").code == 0
    assert login.row["state"] == "stopped"
    script = f"{PROGRAM} down && docker compose ps -q && docker compose -f compose.dev.yml up -d"
    done = wrapped(login, "sh", "-c", script)
    assert done.code == 0, done.err
    assert login.published() == ports
    assert login.row["state"] == "running"


def test_a_file_from_stdin_is_told(login: Session) -> None:
    script = "docker compose -p wrapper-other -f - config --services < tools/compose.yaml"
    done = wrapped(login, "sh", "-c", script)
    assert (done.code, done.out) == (0, "helper\n")
    assert "warning: a Compose file from stdin" in done.err


def test_a_named_session_in_a_folder_with_an_odd_name(make_repository: MakeRepository) -> None:
    odd = 'it\'s an "odd" ünë'
    file = stack({"web": {"container_name": "odd-web"}})
    main = make_repository({f"{odd}/compose.yaml": file}).main
    session = Session(main.directory / odd, main.environ)
    session.ok("--session", "second", "up")
    (row,) = session.json("status")
    script = "docker compose -p x -f compose.yaml ps -q --no-trunc && docker exec odd-web hostname"
    done = session.must_run("--session", "second", "env", "--", "sh", "-c", script)
    form = ("--format", "{{.Id}}", f"{row['compose_project_name']}-odd-web")
    container = docker("inspect", *form).strip()
    shown, host = done.out.split()
    assert shown == container
    assert container.startswith(host)


# Containers by name


def test_a_container_by_its_name_is_this_sessions(main: Session, login: Session) -> None:
    before, mine = mains(), f"rows of {login.directory}\n"
    assert wrapped(login, "sh", "seed.sh").out == mine
    assert main.shell("docker exec shop-db cat /data/rows").out == f"rows of {main.directory}\n"
    own = login.ids()["shop-db"]
    for words in (
        "inspect --format {{.Id}} shop-db",
        "container inspect --format {{.Id}} shop-db",
        "ps --no-trunc -qf name=^shop-db$",
        "exec -i shop-db hostname",
        "container exec -e A=shop-db shop-db hostname",
    ):
        found = wrapped(login, "docker", *words.split()).out.strip()
        assert found, words
        assert own.startswith(found), words
    assert (
        wrapped(login, "docker", "port", "shop-db", "80")
        .out.splitlines()[0]
        .endswith(f":{login.published()['shop-db:80/tcp']}")
    )
    assert "serve" in wrapped(login, "docker", "top", "shop-db", "-o", "pid,args").out
    copied = wrapped(login, "docker", "cp", "shop-db:/data/rows", "-")
    assert mine in copied.out
    shared = ("docker", "run", "--rm", "--volumes-from", "shop-db", TINY, "cat", "/data/rows")
    assert wrapped(login, *shared).out == mine
    for words in ("restart -t 0", "stop -t 0", "start", "kill", "start", "kill", "rm"):
        done = wrapped(login, "docker", *words.split(), "shop-db")
        assert (done.code, done.out) == (0, f"{login.project}-shop-db\n"), done.err
    assert "shop-db" not in login.ids()
    assert mains() == before
    assert wrapped(login, "docker", "exec", "shop-db", "true").code == 1
    assert mains() == before


def test_after_down_a_name_does_not_lead_to_another_stack(main: Session, login: Session) -> None:
    script = f"{PROGRAM} down >/dev/null 2>&1; docker exec shop-db cat /data/rows"
    done = wrapped(login, "sh", "-c", script)
    assert (done.code, done.out) == (1, "")
    assert f"{login.project}-shop-db" in done.err
    assert mains()[-1] == f"rows of {main.directory}\n"


@pytest.mark.parametrize(
    "words", ["--context default exec shop-db", "-H {host} exec shop-db", "exec {main_web}"]
)
def test_what_names_another_engine_or_container_goes_through(
    main: Session, login: Session, words: str
) -> None:
    host = login.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    context = {"DOCKER_HOST": ""} if "--context" in words else {}
    argv = words.format(host=host, main_web=f"{MAIN}-web-1").split()
    done = wrapped(login, "docker", *argv, "cat", "/data/rows", **context)
    if "shop-db" in words and not context:
        assert done.out == f"rows of {main.directory}\n"
    assert login.project not in done.out + done.err


def test_what_was_changed_is_told_where_it_is_asked_for(login: Session) -> None:
    name = f"{login.project}-shop-db"
    quiet = wrapped(login, "docker", "exec", "shop-db", "true")
    assert (quiet.code, quiet.err) == (0, "")
    for variables, flags in (({}, ("-v",)), ({"COMPOSEPORTS_WRAP_VERBOSE": "1"}, ())):
        done = login.run("env", *flags, "--", "docker", "exec", "shop-db", "true", **variables)
        assert done.err == f"composeports: docker exec shop-db true -> docker exec {name} true\n"
    done = login.run("env", "-v", "--", "docker-compose", "ps", "-q")
    assert f"docker-compose ps -q -> docker compose --project-name {login.project}" in done.err
    assert login.run("env", "-v", "--", "docker", "ps").err == ""


# Every way to run it


def test_npm_runs_this_sessions(login: Session) -> None:
    assert wrapped(login, "npm", "run", "--silent", "rows").out == f"rows of {login.directory}\n"
    shown = wrapped(login, "npm", "run", "--silent", "ps").out
    assert set(shown.split()) == set(login.ids().values())


def test_no_wrap_is_docker_as_it_is(main: Session, login: Session) -> None:
    done = login.run("env", "--no-wrap", "--", "docker", "exec", "shop-db", "cat", "/data/rows")
    assert done.out == f"rows of {main.directory}\n"
    script = f"{PROGRAM} env --no-wrap -- docker exec shop-db cat /data/rows"
    assert wrapped(login, "sh", "-c", script).out == f"rows of {main.directory}\n"


@pytest.mark.parametrize("command", ["env --wrap", "link --wrap 2>/dev/null"])
def test_a_shell_is_wrapped_where_it_asks_for_it(
    main: Session, login: Session, command: str
) -> None:
    rows = "docker exec shop-db cat /data/rows"
    mine, theirs = f"rows of {login.directory}\n", f"rows of {main.directory}\n"
    script = f'eval "$(composeports {command})"; {rows}; make -s rows; composeports url web'
    done = login.shell(script)
    login.ok("unlink")
    assert (done.code, done.out) == (0, mine + mine + login.ok("url", "web"))
    assert login.shell(f'eval "$(composeports env)"; {rows}').out == theirs
    again = f'{{ {script}; }} >/dev/null; eval "$(composeports env)"; {rows}; echo "$PATH"'
    done = login.shell(again)
    login.ok("unlink")
    assert done.out.startswith(mine)
    assert done.out.count("state/wrapper/") == 1
    off = f'{{ {script}; }} >/dev/null; eval "$(composeports env --no-wrap)"; {rows}'
    assert login.shell(off).out == theirs
    login.ok("unlink")


def test_a_wrapper_in_a_wrapper_is_one(login: Session) -> None:
    script = "docker exec shop-db cat /data/rows; which docker"
    inner = f"{PROGRAM} env -- {PROGRAM} env -- sh -c '{script}'"
    done = wrapped(login, "sh", "-c", f"{inner}; which docker; {PROGRAM} ps -q | wc -l")
    lines = done.out.splitlines()
    assert lines[0] == f"rows of {login.directory}"
    assert lines[1] == lines[2] != ""
    assert lines[3] == "2"


def test_composeports_itself_does_not_go_through_the_wrapper(login: Session) -> None:
    """The wrapper would report changes of its calls."""
    script = f"{PROGRAM} up && {PROGRAM} status && {PROGRAM} doctor; {PROGRAM} exec -T web hostname"
    done = wrapped(login, "sh", "-c", script, COMPOSEPORTS_WRAP_VERBOSE="1")
    assert done.code == 0, done.err
    assert "->" not in "".join(x for x in done.err.splitlines() if x.startswith("composeports:"))


def test_thirty_calls_at_once(login: Session) -> None:
    ids = set(login.ids().values())
    calls = [
        ("docker", "exec", "shop-db", "cat", "/data/rows"),
        ("docker", "compose", "-f", "compose.dev.yml", "ps", "-q", "--no-trunc"),
        ("docker", "compose", "-f", "compose.dev.yml", "up", "-d"),
    ] * 10
    environ = {**login.environ, **json.loads(login.ok("env", "--wrap", "--format", "json"))}
    run_call = partial(run, cwd=login.directory, environ=environ)
    with ThreadPoolExecutor(len(calls)) as pool:
        results = list(pool.map(lambda argv: run_call(*argv), calls))
    assert [done.code for done in results] == [0] * len(calls), [x.err for x in results if x.code]
    assert {done.out for done in results[::3]} == {f"rows of {login.directory}\n"}
    assert all(set(done.out.split()) == ids for done in results[1::3])
    assert set(login.ids().values()) == ids


@pytest.mark.parametrize("code", [0, 3, 125])
def test_exit_codes_pass_through(login: Session, code: int) -> None:
    script = f"exit {code}"
    assert wrapped(login, "docker", "exec", "shop-db", "sh", "-c", script).code == code
    compose = ("docker", "compose", "-f", "compose.dev.yml", "exec", "-T", "web")
    assert wrapped(login, *compose, "sh", "-c", script).code == code


def test_stdin_passes_through(login: Session) -> None:
    for call in ("docker exec -i shop-db cat", "docker compose -f compose.dev.yml exec -T web cat"):
        done = login.shell(f"printf 'to be read' | composeports env -- {call}")
        assert (done.code, done.out) == (0, "to be read"), done.err


def test_words_pass_through_as_they_are(login: Session) -> None:
    words = ["--help", "-f", "two  words", "$HOME", "'\"", "--", "*", "ü", "a\nb", "", "shop-db"]
    show = ("printf", "<%s>", *words)
    shown = "".join(f"<{word}>" for word in words)
    assert wrapped(login, "docker", "exec", "shop-db", *show).out == shown
    compose = ("docker", "compose", "-f", "compose.dev.yml", "exec", "-T", "web")
    assert wrapped(login, *compose, *show).out == shown


@pytest.mark.parametrize(
    "call",
    ["docker logs -f shop-db", "docker compose -f compose.dev.yml logs -f", "docker events"],
)
def test_signals_pass_through(login: Session, call: str) -> None:
    quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = login.start("env", "--", *call.split(), **quiet)

    def is_docker() -> bool:
        words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
        return os.path.basename(words[0]).startswith(b"docker")  # the wrapper's is a shell

    wait_until(is_docker, "docker in the place of the wrapper")
    process.send_signal(signal.SIGTERM)
    assert process.wait(HANG) != 0


def test_a_terminal_passes_through(login: Session) -> None:
    environ = {**login.environ, "PWD": str(login.directory), "TERM": "dumb"}
    argv = (PROGRAM, "env", "--", "docker", "exec", "-it", "shop-db", "sh")
    with on_terminal(*argv, cwd=login.directory, environ=environ) as terminal:
        terminal.type("tty; echo $((6 * 7)) of $OWNER\n")
        terminal.says_next("/dev/pts/")
        terminal.says_next(f"42 of {login.directory}")
        terminal.type("exit 3\n")


def test_a_script_that_sets_its_own_path_is_told(main: Session, login: Session) -> None:
    path = f"PATH={Path(str(shutil.which('docker'))).parent}:/usr/bin:/bin"
    write(login.directory, {"own-path.sh": f"{path}\ndocker exec shop-db cat /data/rows\n"})
    done = wrapped(login, "sh", "own-path.sh")
    assert done.out == f"rows of {main.directory}\n"
    assert "warning: own-path.sh:1 sets PATH again" in done.err
    assert "warning" not in wrapped(login, "sh", "seed.sh").err


def test_docker_ps_takes_hardly_longer(login: Session) -> None:
    environ = {**login.environ, **json.loads(login.ok("env", "--wrap", "--format", "json"))}
    raw: list[float] = []
    through: list[float] = []
    for _ in range(15):
        for times, variables in ((raw, login.environ), (through, environ)):
            begun = time.perf_counter()
            output("docker", "ps", environ=variables)
            times.append(time.perf_counter() - begun)
    assert min(through) - min(raw) <= 0.03, (min(raw), min(through))


def test_python_is_that_of_the_program(login: Session) -> None:
    folder = login.shell("composeports env -- sh -c 'dirname \"$(command -v docker)\"'").out.strip()
    assert f"python={sys.executable}" in Path(folder, "docker").read_text()
