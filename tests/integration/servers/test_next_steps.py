"""The same failure by command line, HTTP and MCP: one code, and a next step that works."""

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness.program import ROOT
from tests.harness.repository import write
from tests.support.machine import Shell
from tests.support.three_interfaces import (
    FOR_A_SHELL,
    INTERFACES,
    UP,
    Answer,
    Call,
    Place,
    all_interfaces,
    started_once,
)

pytestmark = pytest.mark.integration

DOCS = ROOT / "docs" / "agents.md"
NO_FILE = "no configuration file provided: not found\n"
NO_PLUGIN = "docker: unknown command: docker compose\n"
WEB_ON_HOST = '{"name": "any", "services": {"web": {"image": "scratch", "network_mode": "host"}}}'
# Commands that say what is wrong, and leave the rest to people.
SAYS_WHY = ("composeports plan", "composeports doctor", "docker compose config")
RELEASE = Call(("release",), ("/ports/release", {}), ("release_ports", {}))
LEASED = Call(("url", "web"), ("/ports/renew", {}), ("service_url", {"service": "web"}))
UNKNOWN = Call(("url", "wen"), None, ("service_url", {"service": "wen"}))


OF_ANOTHER_PROGRAM = re.compile(r"`docker [^`]*`")


def nothing(_place: Place) -> None:
    """Change nothing."""


@dataclass(frozen=True)
class Case:
    """A failure: its cause, the call that fails, and the step of each hint.

    A step is the beginning of a command, a route or a tool, which is run as the hint has it, or it
    is what the hint asks people to do, and then `mend` does it. `mend_first` is done before the
    step. The steps of the interfaces in `again` are the same call once more, in another form.
    """

    code: str
    subject: str
    cause: Callable[[Place], None]
    cli: str
    http: str
    mcp: str
    mend: Callable[[Place], None] = nothing
    mend_first: Callable[[Place], None] = nothing
    call: Call = UP
    again: tuple[str, ...] = ()

    def step(self, interface: str) -> str:
        """Return the step of one interface."""
        step: str = getattr(self, interface)
        return step


@pytest.fixture(scope="module")
def shared_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("three")
    with all_interfaces(folder) as machine:
        yield started_once(machine, folder)


@pytest.fixture
def place(shared_place: Place) -> Place:
    shared_place.begin_again()
    return shared_place


def no_file(place: Place) -> None:
    (place.folder / "compose.yaml").rename(place.folder / "other.yaml")
    place.values["FILE"] = "other.yaml"
    answers = place.docker.folder
    (answers / "config.out").rename(answers / "other")
    script = f'case "$*" in *other.yaml*) cat {answers}/other; exit 0 ;; esac'
    place.docker.run_before("config", script)
    place.docker.answer("config", err=NO_FILE, code=14)


def bad_file(place: Place) -> None:
    error = f"validating {place.folder}/compose.yaml: services.web.ports must be an array\n"
    place.docker.answer("config", err=error, code=15)


def no_configuration(place: Place) -> None:
    place.docker.answer("config")


def bad_settings(place: Place) -> None:
    write(place.folder, {"composeports.toml": "wiat = true\n"})


def better_settings(place: Place) -> None:
    write(place.folder, {"composeports.toml": "wait = true\n"})


def one_block_that_is_held(place: Place) -> None:
    assert place.shell.run("settings", "set", "max_sessions", "1").code == 0
    assert second(place).run("allocate").code == 0


def second(place: Place) -> Shell:
    return place.shell.at(Path(place.values["worktree"]))


def pinned(place: Place) -> None:
    settings = {"composeports.toml": '[pin]\n"web:80" = 31234\n'}
    write(place.folder, settings)
    write(Path(place.values["worktree"]), settings)
    assert second(place).run("up").code == 0


def no_engine(place: Place) -> None:
    place.docker.go_away()


def no_docker(place: Place) -> None:
    (place.docker.path / "docker").rename(place.docker.path / "docker.away")


def no_plugin(place: Place) -> None:
    for question in ("version", "config", "variables", "compose"):
        place.docker.answer(question, err=NO_PLUGIN, code=1)


def old_plugin(place: Place) -> None:
    place.docker.publish(web=8080 + len(place.docker.calls))  # not known from before
    place.docker.answer("variables", err="unknown flag: --variables\n", code=16)
    place.docker.answer("version", "2.20.0\n")


def web_that_exits(place: Place) -> None:
    place.docker.answer("compose", code=1)
    place.docker.answer("logs", "2026-01-01T00:00:01Z no such table\n")
    list_web(place, "exited", str(place.folder), "Exited (3) 1 second ago")


def web_that_runs(place: Place) -> None:
    place.docker.answer("compose")
    list_web(place, "running", str(place.folder), "Up 1 second")


def list_web(place: Place, state: str, folder: str, status: str = "") -> None:
    """Let the engine list a container of the project until Compose takes it down."""
    row = ("c1", state, place.project, "web", "", "web-1", folder, "", "", "", "", status)
    place.docker.answer("ps", "\t".join(row) + "\n")
    script = f"case \"$*\" in *' down'*) : > {place.docker.folder}/ps.out; exit 0 ;; esac"
    place.docker.run_before("compose", script)


def foreign_web(place: Place) -> None:
    list_web(place, "running", "/elsewhere")


def web_of_a_lease(place: Place) -> None:
    assert place.shell.run("up").code == 0
    list_web(place, "running", str(place.folder))


def newer_store(place: Place) -> None:
    set_format(place, 99)


def known_store(place: Place) -> None:
    set_format(place, 4)


def set_format(place: Place, number: int) -> None:
    with closing(sqlite3.connect(place.shell.state / "leases.sqlite3")) as store:
        store.execute(f"PRAGMA user_version = {number}")


def strict(place: Place) -> None:
    place.docker.answer("config", WEB_ON_HOST)
    write(place.folder, {"composeports.toml": "strict = true\n"})


def no_settings(place: Place) -> None:
    (place.folder / "composeports.toml").unlink()


def pipe(place: Place) -> None:
    os.mkfifo(place.folder / ".env")


def no_pipe(place: Place) -> None:
    (place.folder / ".env").unlink()


def many_ports(place: Place) -> None:
    assert place.shell.run("settings", "set", "range_per_session", "5").code == 0
    place.docker.publish(web=8080, db=5432, api=3000)


def up_and_known(place: Place) -> None:
    assert place.shell.run("up").code == 0
    place.values |= {"SERVICE": "web", "PORT": "80"}


CASES = {
    "no Compose file": Case(
        "compose_file",
        "file",
        no_file,
        *("composeports -f FILE up", "composeports plan", "compose_up"),
        mend=Place.begin_again,
        again=("cli", "mcp"),
    ),
    "Compose rejects the file": Case(
        "compose_file",
        "Compose",
        bad_file,
        *("docker compose config", "composeports plan", "docker compose config"),
        mend=Place.begin_again,
    ),
    "a wrong setting in `composeports.toml`": Case(
        "invalid_config",
        "setting",
        bad_settings,
        *("did you mean wait?", "composeports plan", "did you mean wait?"),
        mend=better_settings,
    ),
    "other sessions hold all blocks": Case(
        "no_ports_available",
        "held",
        one_block_that_is_held,
        *("composeports down", "POST /stacks/down", "compose_down"),
    ),
    "the same, and all are needed": Case(
        "no_ports_available",
        "held",
        one_block_that_is_held,
        *("composeports settings set max_sessions",) * 3,
    ),
    "more ports than a block has": Case(
        "block_too_small",
        "ports",
        many_ports,
        *("composeports settings set range_per_session",) * 3,
    ),
    "another session holds a pinned port": Case(
        "port_held",
        "port",
        pinned,
        *("composeports down", "POST /stacks/down", "compose_down"),
    ),
    "the engine is not there": Case(
        "engine_unreachable",
        "engine did not answer",
        no_engine,
        *("start the engine",) * 3,
        mend=Place.begin_again,
    ),
    "no `docker`": Case(
        "compose_missing",
        "docker",
        no_docker,
        *("install Docker",) * 3,
        mend=Place.begin_again,
    ),
    "no Compose plugin": Case(
        "compose_missing",
        "plugin",
        no_plugin,
        "install Docker's Compose plugin",
        "install Docker with its Compose plugin",
        "install Docker's Compose plugin",
        mend=Place.begin_again,
    ),
    "`docker compose config` prints nothing": Case(
        "compose_missing",
        "compose",
        no_configuration,
        *("docker compose config", "install Docker", "docker compose config"),
        mend=Place.begin_again,
    ),
    "an old Compose plugin": Case(
        "compose_too_old",
        "Compose",
        old_plugin,
        *("install Docker's Compose plugin, 2.24.4 or newer",) * 3,
        mend=Place.begin_again,
    ),
    "a service exits": Case(
        "compose_failed",
        "docker compose up",
        web_that_exits,
        *("composeports up", "POST /stacks/up", "compose_up"),
        mend_first=web_that_runs,
        again=INTERFACES,
    ),
    "containers of another program": Case(
        "project_foreign",
        "another session or program",
        foreign_web,
        *("docker compose -p",) * 3,
    ),
    "`release` while containers exist": Case(
        "stack_left",
        "container",
        web_of_a_lease,
        *("composeports down", "POST /stacks/down", "compose_down"),
        call=RELEASE,
    ),
    "a store of a newer version": Case(
        "store_unusable",
        "lease store",
        newer_store,
        *("upgrade composeports", "composeports doctor", "upgrade composeports"),
        mend=known_store,
    ),
    "`strict`, and the stack shares something": Case(
        "not_isolated",
        "cannot be isolated",
        strict,
        *("composeports up", "POST /stacks/up", "compose_up"),
        mend_first=no_settings,
        again=INTERFACES,
    ),
    "no lease": Case(
        "no_lease",
        "lease",
        nothing,
        *("composeports up", "POST /ports/allocate", "compose_up"),
        call=LEASED,
    ),
    "`.env` is a named pipe": Case(
        "file_unsafe",
        "pipe",
        pipe,
        *("move it away", "composeports plan", "move it away"),
        mend=no_pipe,
    ),
    "the URL of an unknown service": Case(
        "unknown_port",
        "port",
        up_and_known,
        *("composeports url SERVICE PORT", "", "service_url"),
        call=UNKNOWN,
        again=("cli", "mcp"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_next_step_of_each_interface_works(place: Place, name: str) -> None:
    case = CASES[name]
    case.cause(place)
    interfaces = [each for each in INTERFACES if case.call.of(each)]
    answers = {interface: place.ask(interface, case.call) for interface in interfaces}
    for interface, answer in answers.items():
        check_failure(place, case, interface, answer)
    assert answers["mcp"].message == answers["cli"].message
    assert place.explain(case.code).startswith(f"{case.code}\n")
    for number, (interface, answer) in enumerate(answers.items()):
        if number:
            place.begin_again()
            case.cause(place)
        follow(place, case, interface, answer)


def check_failure(place: Place, case: Case, interface: str, answer: Answer) -> None:
    """Check code, message and hint of a failure: nothing in it is for another interface."""
    assert answer.is_failure, interface
    assert answer.code == case.code
    assert case.subject.lower() in answer.message.lower()
    assert answer.hint
    if interface == "cli":
        return
    text = OF_ANOTHER_PROGRAM.sub("", FOR_A_SHELL.sub("", answer.hint))
    assert not re.search(r"`composeports |(?<![\w`-])--[a-z]", text), answer.hint
    if interface == "http":
        document = {**answer.document, "message": answer.message.replace(place.session_id, "")}
        assert str(place.folder.parent) not in str(document)


def follow(place: Place, case: Case, interface: str, answer: Answer) -> None:
    """Follow the hint of a failure; the call that failed works afterwards."""
    step = case.step(interface)
    assert step in answer.hint, (interface, answer.hint)
    case.mend_first(place)
    if is_run(step):
        outcome = place.take(interface, answer.hint, step)
        if not step.startswith(SAYS_WHY):
            assert not outcome.is_failure, (interface, outcome)
    if interface not in case.again:
        case.mend(place)
        assert not place.ask(interface, case.call).is_failure


def test_the_services_that_failed_are_the_same_by_each_interface(place: Place) -> None:
    web_that_exits(place)
    answers = [place.ask(interface, UP) for interface in INTERFACES]
    (web,) = answers[0].document["details"]["services"]
    assert (web["service"], web["exit_code"], web["log"]) == ("web", 3, ["no such table"])
    assert [answer.document["details"]["services"] for answer in answers] == [[web]] * 3
    place.docker.answer("compose")
    assert place.shell.sh(web["next"]).code == 0
    assert any(" logs web" in call for call in place.docker.calls)


def is_run(step: str) -> bool:
    """Return True for a command, a route or a tool."""
    return step.startswith(("composeports ", "docker ", "POST ")) or "_" in step


def shown(step: str) -> str:
    """Return a step as the table of the page has it."""
    return f"`{step}`" if is_run(step) else step or "-"


def test_the_page_about_agents_has_these_failures() -> None:
    rows = [
        f"| `{case.code}` | {name} | {' | '.join(shown(case.step(each)) for each in INTERFACES)} |"
        for name, case in CASES.items()
    ]
    text = DOCS.read_text()
    assert "\n".join(rows) in text
    assert len({case.code for case in CASES.values()}) >= 10
