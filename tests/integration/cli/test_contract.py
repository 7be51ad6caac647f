"""The installed program without an engine: exit codes, documents, stdout and stderr."""

import json
import os
import socket
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from shutil import rmtree

import pytest

from composeports.stores.sqlite.database import APPLICATION_ID, VERSION
from tests.harness.repository import add_worktree
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

FIXED = [
    "AGENT_COORDINATOR_DB_PORT",
    "AGENT_COORDINATOR_REST_PORT",
    "AGENT_COORDINATOR_REALTIME_PORT",
    "API_PORT",
    "COMPOSE_PROJECT_NAME",
    "SUPABASE_URL",
]
OURS = ["up", "down", "plan", "env", "url", "status", "allocate", "release", "gc"]


@pytest.fixture
def with_docker(shell: Shell, docker: FakeDocker) -> Shell:
    """The same shell on a machine with docker, whose engine runs nothing."""
    docker.publish(web=8080)
    return shell.using(docker)


def status(shell: Shell) -> list[dict[str, object]]:
    found: list[dict[str, object]] = shell.run("status", "--json").document
    return found


# allocate, status, release: nothing else is needed


def test_allocate_prints_six_export_lines_and_nothing_else(shell: Shell) -> None:
    done = shell.run("allocate")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.partition("=")[0] for line in lines] == [f"export {name}" for name in FIXED]


def test_allocate_as_a_document(shell: Shell) -> None:
    done = shell.run("allocate", "--json")
    document = done.document
    base = document["db_port"]
    assert done.code == 0
    assert [document[f"{name}_port"] for name in ("db", "rest", "realtime", "api")] == [
        base + offset for offset in range(4)
    ]
    assert document["session_id"] == f"{shell.cwd}/.git"
    assert list(document["env"]) == FIXED
    assert document["env"]["SUPABASE_URL"] == f"http://localhost:{base + 1}"
    assert document["env_snippet"] == "\n".join(
        f"export {name}={value}" for name, value in document["env"].items()
    )
    assert document["allocated_at"].endswith("+00:00")


def test_allocate_again_gives_the_same(shell: Shell) -> None:
    assert shell.run("allocate").out == shell.run("allocate").out


def test_status_lists_what_was_allocated_and_release_ends_it(shell: Shell) -> None:
    lease = shell.run("allocate", "--json").document
    done = shell.run("status", "--json")
    (listed,) = done.document
    assert {
        "session_id": lease["session_id"],
        "worktree": str(shell.cwd),
        "branch": "main",
        "compose_project_name": lease["compose_project_name"],
        "db_port": lease["db_port"],
        "ports": {},
        "state": "unknown",
        "current": True,
        "remaining_ttl_minutes": 120,
    }.items() <= listed.items()
    assert done.err == "the `docker` command was not found; states are unknown\n"
    assert shell.run("release", "--json").document == {
        "ok": True,
        "session_id": lease["session_id"],
        "released": True,
    }
    assert status(shell) == []


def test_status_of_nothing_is_an_empty_list(shell: Shell) -> None:
    assert status(shell) == []
    assert shell.run("status").out == ""
    assert not shell.state.exists()


def test_status_as_a_table_marks_this_session(shell: Shell, tmp_path: Path) -> None:
    other = add_worktree(shell.cwd, tmp_path / "login", "login")
    shell.run("allocate")
    shell.at(other).run("allocate")
    header, first, second = shell.at(other).run("status").out.splitlines()
    assert header.split() == ["Session", "Branch", "State", "Age", "TTL"]
    assert (first[0], second[0]) == (" ", "*")
    assert second.split()[1] == other.name
    wide = shell.at(other).run("status", "--wide").out.splitlines()
    assert wide[0].split()[-2:] == ["Project", "Ports"]
    assert str(other) in wide[2]


def test_status_says_stopped_where_the_engine_runs_nothing(with_docker: Shell) -> None:
    with_docker.run("allocate")
    assert [each["state"] for each in status(with_docker)] == ["stopped"]


def test_two_worktrees_get_two_blocks(shell: Shell, tmp_path: Path) -> None:
    other = shell.at(add_worktree(shell.cwd, tmp_path / "login", "login"))
    first, second = (each.run("allocate", "--json").document for each in (shell, other))
    assert first["db_port"] != second["db_port"]
    assert first["compose_project_name"] != second["compose_project_name"]


def test_release_of_nothing_is_no_failure(shell: Shell) -> None:
    done = shell.run("release")
    assert (done.code, done.out) == (0, "")
    assert "released" in done.err


# No lease

NO_LEASE = [
    ["env"],
    ["env", "--format", "json"],
    ["env", "--format=dotenv"],
    ["env", "--", "true"],
    ["url", "web"],
    ["url", "web", "80"],
    ["logs"],
    ["ps", "--all"],
    ["exec", "web", "true"],
    ["stop"],
    ["restart"],
    ["top"],
]


@pytest.mark.parametrize("argv", NO_LEASE, ids=" ".join)
def test_without_a_lease_the_exit_code_is_66_and_the_next_step_is_named(
    with_docker: Shell, argv: list[str]
) -> None:
    done = with_docker.run(*argv)
    assert (done.code, done.out) == (66, "")
    assert done.err.startswith(f"error: this session holds no lease: {with_docker.cwd}/.git\n")
    assert "hint: `composeports up` starts the stack" in done.err


@pytest.mark.parametrize("argv", [["url", "web", "--json"], ["ps", "--json"]], ids=" ".join)
def test_without_a_lease_the_document_says_no_lease(shell: Shell, argv: list[str]) -> None:
    done = shell.run(*argv)
    assert (done.code, done.err) == (66, "")
    assert done.error["code"] == "no_lease"
    assert done.error["details"] == {"session_id": f"{shell.cwd}/.git"}


def test_a_released_lease_is_no_lease(shell: Shell) -> None:
    shell.run("allocate")
    assert shell.run("env").code == 0
    shell.run("release")
    assert shell.run("env").code == 66


def test_down_where_nothing_was_started_does_nothing(with_docker: Shell) -> None:
    done = with_docker.run("down", "--json")
    assert (done.code, done.document["ok"], done.document["released"]) == (0, True, False)
    assert "no stack was ever started here" in done.err
    assert "and no session is meant by nobody" in with_docker.run("down", "nobody").err


# Settings

BAD_SETTINGS = [
    ("PORT_ALLOC_BASE", "80", ">= 1024"),
    ("PORT_ALLOC_BASE", "abc", ">= 1024"),
    ("PORT_ALLOC_BASE", "65000", "<= 65535"),
    ("PORT_ALLOC_RANGE", "3", ">= 4"),
    ("PORT_ALLOC_RANGE", "1e3", ">= 4"),
    ("PORT_ALLOC_TTL_MINUTES", "0", ">= 1"),
    ("PORT_ALLOC_MAX_SESSIONS", "-1", ">= 1"),
    ("PORT_ALLOC_MAX_SESSIONS", "100000", "<= 65535"),
    ("COMPOSEPORTS_STORE", "mysql://me:hunter2@host/db", "COMPOSEPORTS_STORE"),
    ("COMPOSEPORTS_STORE", "sqlite://relative", "three slashes"),
]


@pytest.mark.parametrize(("name", "value", "limit"), BAD_SETTINGS)
def test_a_bad_setting_is_named_with_its_value_and_its_limit(
    shell: Shell, name: str, value: str, limit: str
) -> None:
    done = shell.having(**{name: value}).run("allocate", "--json")
    assert (done.code, done.error["code"]) == (78, "invalid_config")
    assert name in done.error["message"]
    assert limit in done.error["message"]
    assert done.error["hint"]
    assert "hunter2" not in done.out + done.err


@pytest.mark.parametrize("command", [*OURS, "logs"])
def test_a_bad_setting_is_told_by_every_command(shell: Shell, command: str) -> None:
    argv = [command, "web"] if command == "url" else [command]
    done = shell.having(PORT_ALLOC_RANGE="3").run(*argv)
    assert (done.code, done.out) == (78, "")
    assert "PORT_ALLOC_RANGE" in done.err


def test_settings_are_followed(shell: Shell) -> None:
    shell = shell.having(PORT_ALLOC_BASE="30000", PORT_ALLOC_RANGE="4", PORT_ALLOC_TTL_MINUTES="7")
    assert shell.run("allocate", "--json").document["db_port"] == 30000
    assert [each["remaining_ttl_minutes"] for each in status(shell)] == [7]


@pytest.mark.parametrize("command", ["up", "plan", "logs"])
def test_a_file_from_stdin_is_refused(shell: Shell, command: str) -> None:
    done = shell.run("-f", "-", command)
    assert (done.code, done.out) == (2, "")
    assert "(-f -)" in done.err
    assert "write it to a file" in done.err


@pytest.mark.parametrize("name", ["", " "])
def test_a_session_without_a_name_is_refused(shell: Shell, name: str) -> None:
    """`--session "$UNSET"` shall not mean the worktree's own session."""
    shell.run("allocate")
    for argv in (["release", "--session", name], ["--session", name, "env"]):
        done = shell.run(*argv)
        assert (done.code, done.out) == (2, ""), argv
        assert "session id is empty" in done.err
    assert len(status(shell)) == 1


# Usage

MISUSED = [
    [],
    ["nonsense"],
    ["--nonsense"],
    ["url"],
    ["url", "a", "b", "c"],
    ["env", "--format", "xml"],
    ["allocate", "extra"],
    ["status", "--nonsense"],
    ["-p", "name", "up"],
    ["--file"],
]


@pytest.mark.parametrize("argv", MISUSED, ids=" ".join)
def test_what_makes_no_sense_is_exit_code_2_with_a_way_to_help(
    shell: Shell, argv: list[str]
) -> None:
    done = shell.run(*argv)
    assert (done.code, done.out) == (2, "")
    assert "--help" in done.err or "Usage" in done.err


def test_misuse_as_a_document(shell: Shell) -> None:
    done = shell.run("url", "--json")
    assert (done.code, done.err) == (2, "")
    assert done.error["code"] == "usage"
    assert "SERVICE" in done.error["message"]


def test_an_unknown_command_names_the_nearest(shell: Shell) -> None:
    assert "Did you mean 'release'?" in shell.run("relaese").err


def test_an_unknown_service_names_what_there_is(shell: Shell) -> None:
    shell.run("allocate")
    done = shell.run("url", "nothing", "--json")
    assert (done.code, done.error["code"]) == (2, "unknown_port")
    assert "nothing" in done.error["message"]


def test_a_lease_alone_has_the_urls_of_the_fixed_ports(shell: Shell) -> None:
    base = shell.run("allocate", "--json").document["db_port"]
    assert shell.run("url", "rest").out == f"http://localhost:{base + 1}\n"
    assert shell.run("url", "db").out == f"localhost:{base}\n"


# Docker is missing, too old, or away

NEEDS_DOCKER = [["up"], ["up", "--build", "web"], ["plan"]]


@pytest.mark.parametrize("argv", NEEDS_DOCKER, ids=" ".join)
def test_without_docker_the_exit_code_is_69_and_nothing_is_left(
    shell: Shell, argv: list[str]
) -> None:
    done = shell.run(*argv, "--json")
    assert (done.code, done.error["code"]) == (69, "compose_missing")
    assert "`docker` command was not found" in done.error["message"]
    assert status(shell) == []
    assert not (shell.cwd / ".composeports").exists()


def test_compose_too_old_is_named(with_docker: Shell, docker: FakeDocker) -> None:
    docker.answer("version", "2.20.3\n")
    docker.answer("config", err="unknown flag: --variables\n", code=16)
    done = with_docker.run("up", "--json")
    assert (done.code, done.error["code"]) == (69, "compose_too_old")
    assert "2.20.3" in done.error["message"]


def test_up_with_an_engine_that_is_away_leaves_no_lease(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.go_away()
    done = with_docker.run("up", "--json")
    assert (done.code, done.error["code"]) == (69, "engine_unreachable")
    assert "Cannot connect to the Docker daemon" in done.error["message"]
    assert status(with_docker) == []
    assert not (with_docker.cwd / ".composeports").exists()
    assert not [call for call in docker.calls if " up" in call]


def test_up_with_an_engine_that_is_away_keeps_a_lease_that_was_there(
    with_docker: Shell, docker: FakeDocker
) -> None:
    with_docker.run("allocate")
    before = with_docker.run("env").out
    docker.go_away()
    assert with_docker.run("up").code == 69
    assert with_docker.run("env").out == before


def test_plan_needs_no_engine_and_leases_nothing(with_docker: Shell, docker: FakeDocker) -> None:
    docker.go_away()
    done = with_docker.run("plan", "--json")
    document = done.document
    assert done.code == 0
    assert {"session_id", "compose_project_name", "env", "ports", "changes", "warnings"} <= set(
        document
    )
    assert list(document["ports"]) == ["web:80/tcp"]
    assert all({"kind", "where", "from", "to", "why"} <= set(each) for each in document["changes"])
    assert status(with_docker) == []
    assert not (with_docker.cwd / ".composeports").exists()


def test_down_with_an_engine_that_is_away_keeps_the_lease(
    with_docker: Shell, docker: FakeDocker
) -> None:
    assert with_docker.run("up").code == 0
    docker.go_away()
    for command in ("down", "release"):
        done = with_docker.run(command, "--json")
        assert (done.code, done.error["code"]) == (69, "engine_unreachable")
    assert [each["state"] for each in status(with_docker)] == ["unknown"]


def test_a_file_that_compose_refuses_is_78_in_compose_s_words(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.answer("config", err="yaml: line 3: did not find expected key\n", code=15)
    done = with_docker.run("up", "--json")
    assert (done.code, done.error["code"]) == (78, "compose_file")
    assert "yaml: line 3" in done.error["message"]
    assert status(with_docker) == []


def test_a_folder_that_compose_takes_for_a_bad_url_is_named_on_one_line(
    with_docker: Shell, docker: FakeDocker
) -> None:
    said = 'parse "file:///a\\nb/compose-spec.json": net/url: invalid control character in URL\n'
    docker.answer("config", err=f"validating /a\nb/compose.yaml: {said}", code=1)
    done = with_docker.run("up")
    assert (done.code, done.out) == (78, "")
    error, hint, _ = done.err.splitlines()
    assert error.startswith("error: this Docker Compose cannot read a file in a folder that has")
    assert hint.startswith("hint: rename the folder")
    assert status(with_docker) == []


def test_more_ports_than_a_block_holds_name_the_range_that_would_do(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.publish(a=1001, b=1002, c=1003)
    done = with_docker.having(PORT_ALLOC_RANGE="5").run("up", "--json")
    assert (done.code, done.error["code"]) == (78, "block_too_small")
    assert "PORT_ALLOC_RANGE" in done.error["message"] + done.error["hint"]
    assert status(with_docker) == []


# up and down, as far as a docker that only answers goes


def test_up_writes_two_files_and_prints_to_the_right_streams(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.answer("compose", "Container web Started\n")
    done = with_docker.run("up", "--json")
    assert done.code == 0
    assert done.document["ok"] is True
    assert "Container web Started" in done.err
    own = with_docker.cwd / ".composeports"
    number = done.document["ports"]["web:80/tcp"]
    assert str(number) in (own / "compose.override.yaml").read_text()
    assert f"COMPOSE_PROJECT_NAME={done.document['compose_project_name']}" in (
        (own / ".env").read_text().splitlines()
    )
    (call,) = [call for call in docker.calls if " up " in call]
    assert call.endswith(" up --detach")
    assert f"--project-name {done.document['compose_project_name']}" in call
    assert f"--file {own}/compose.override.yaml" in call


def test_compose_s_own_exit_code_passes_through_and_the_lease_is_released(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.answer("compose", err="pull access denied\n", code=18)
    done = with_docker.run("up")
    assert (done.code, done.out) == (18, "")
    assert "pull access denied" in done.err
    assert "the lease is released" in done.err
    assert status(with_docker) == []


def test_compose_s_failure_as_a_document(with_docker: Shell, docker: FakeDocker) -> None:
    docker.answer("compose", code=18)
    done = with_docker.run("up", "--json")
    assert (done.code, done.error["code"]) == (18, "compose_failed")
    assert done.error["details"]["exit_code"] == 18


def test_a_failure_that_left_something_keeps_the_lease(
    with_docker: Shell, docker: FakeDocker
) -> None:
    docker.answer("compose", code=1)
    docker.answer("network", "abc\n")
    done = with_docker.run("up")
    assert done.code == 1
    assert "1 network of ac-" in done.err
    assert "composeports down" in done.err
    assert len(status(with_docker)) == 1


# The end of a foreground `up`: state, Compose's exit code, and what is said then.
STOPPED = "is stopped; its lease is kept"
ENDS = [
    ("exited", 0, STOPPED),
    ("exited", 130, STOPPED),
    ("running", 0, "is up; it publishes no port"),
    ("running", 130, "exist, so the lease is kept"),
    ("created", 1, "exist, so the lease is kept"),
]


@pytest.mark.parametrize(("state", "code", "said"), ENDS)
def test_a_foreground_up_says_how_the_stack_stands_at_its_end(
    state: str, code: int, said: str, with_docker: Shell, docker: FakeDocker
) -> None:
    project = with_docker.run("plan", "--json").document["compose_project_name"]
    docker.answer("compose", code=code)
    docker.answer("ps", f"c1\t{state}\t{project}\tweb\t\tweb-1\t{with_docker.cwd}\t\n")
    done = with_docker.run("up", "--attach")
    assert done.code == code
    assert said in done.err
    lines = (STOPPED, "is up", "exist, so")
    assert sum(line in done.err for line in lines) == 1
    assert len(status(with_docker)) == 1


def test_down_releases_and_removes_our_files(with_docker: Shell) -> None:
    with_docker.run("up")
    done = with_docker.run("down")
    assert (done.code, done.out) == (0, "")
    assert "released 10000-10099" in done.err
    assert status(with_docker) == []
    assert not (with_docker.cwd / ".composeports").exists()


def test_down_that_leaves_something_says_try_again(with_docker: Shell, docker: FakeDocker) -> None:
    with_docker.run("up")
    docker.run_before("compose", f"echo abc > {docker.folder}/network.out")
    done = with_docker.run("down", "--json")
    assert (done.code, done.error["code"]) == (75, "stack_left")
    assert len(status(with_docker)) == 1


def test_a_compose_command_passes_through_with_its_arguments_and_exit_code(
    with_docker: Shell, docker: FakeDocker
) -> None:
    with_docker.run("up")
    docker.answer("compose", "line\n", code=7)
    done = with_docker.run("exec", "-T", "web", "sh", "-c", "exit 7", "--help-me", "--json")
    assert (done.code, done.out) == (7, "line\n")
    assert docker.calls[-1].endswith(" exec -T web sh -c exit 7 --help-me --json")


# The store


def damage(path: Path) -> None:
    path.write_bytes(b"no database at all, but long enough to be looked at" * 100)


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
        connection.commit()


@pytest.mark.parametrize(
    ("spoil", "command"),
    [*((damage, command) for command in (*OURS, "logs")), (make_newer, "up"), (make_newer, "env")],
)
def test_a_store_that_cannot_be_used_is_78_and_stays_as_it_is(
    with_docker: Shell, spoil: Callable[[Path], None], command: str
) -> None:
    path = with_docker.state / "leases.sqlite3"
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    arguments = ["web"] if command == "url" else []
    done = with_docker.run(command, *arguments)
    assert (done.code, done.out) == (78, "")
    assert done.err.startswith("error: the lease store ")
    assert str(path) in done.err
    assert "hint: " in done.err
    assert path.read_bytes() == before


def test_when_every_block_is_held_the_exit_code_is_75(shell: Shell) -> None:
    shell = shell.having(PORT_ALLOC_MAX_SESSIONS="2")
    for name in "ab":
        shell.run("allocate", "--session", name)
    done = shell.run("allocate", "--session", "c", "--json")
    assert (done.code, done.error["code"]) == (75, "no_ports_available")
    assert "PORT_ALLOC_MAX_SESSIONS" in done.error["hint"]
    assert done.error["details"]["held"] == 2
    assert [each["session_id"] for each in status(shell)] == ["a", "b"]


def bind_below_the_ephemeral_range(held: socket.socket) -> int:
    """Bind the first free port of a range from which the kernel gives no port to other programs."""
    for number in range(21000, 31000, 500):
        with suppress(OSError):
            held.bind(("127.0.0.1", number))
            return number
    pytest.fail("no port between 21000 and 31000 is free")


def test_a_port_that_is_taken_moves_the_block(shell: Shell) -> None:
    with ExitStack() as stack:
        held = stack.enter_context(closing(socket.socket()))
        number = bind_below_the_ephemeral_range(held)
        shell = shell.having(PORT_ALLOC_BASE=str(number), PORT_ALLOC_MAX_SESSIONS="3")
        done = shell.run("allocate", "--json")
    assert done.document["db_port"] == number + 100
    assert done.err == f"something else uses port {number}/tcp: trying another block\n"


# Places


def test_a_folder_that_is_gone_is_told(shell: Shell, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for argv in (["allocate"], ["env"], ["status", "--json"]):
        script = f'mkdir {gone}; cd {gone}; rmdir {gone}; exec composeports "$@"'
        done = shell.having(PATH=os.environ["PATH"]).sh(f"set -- {' '.join(argv)}; {script}")
        assert done.code == 2, argv
        assert "current folder does not exist any more" in done.err + done.out
        assert "Traceback" not in done.err


def test_help_works_in_a_folder_that_is_gone(shell: Shell, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f"mkdir {gone}; cd {gone}; rmdir {gone}; composeports --help"
    done = shell.having(PATH=os.environ["PATH"]).sh(script)
    assert (done.code, done.err) == (0, "")


def test_outside_git_the_folder_is_the_session(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    done = shell.at(tmp_path / "plain").run("allocate", "--json")
    assert done.document["session_id"] == f"{tmp_path}/plain"


def test_the_session_of_the_variable_and_of_the_option(shell: Shell) -> None:
    named = shell.having(COMPOSEPORTS_SESSION="from variable")
    assert named.run("allocate", "--json").document["session_id"] == "from variable"
    for argv in (["--session", "x", "allocate"], ["allocate", "--session", "x"]):
        assert named.run(*argv, "--json").document["session_id"] == "x"


def test_a_document_is_readable_whatever_is_in_it(shell: Shell) -> None:
    name = '日本\n\x1b[31m"quoted" $(x) \\'
    done = shell.run("allocate", "--session", name, "--json")
    assert json.loads(done.out)["session_id"] == name
    assert shell.run("status", "--json").document[0]["session_id"] == name
    assert "\x1b" not in shell.run("status").out
    assert "\x1b" not in shell.run("release", "--session", name).err
    assert "\x1b" not in shell.run("env", "--session", name).err


def test_a_compose_without_an_answer_is_an_error_with_a_next_step(
    with_docker: Shell, docker: FakeDocker
) -> None:
    for printed in ("", "docker stands in\n"):
        docker.answer("config", printed)
        for words in (("up", "--json"), ("plan", "--json")):
            done = with_docker.run(*words)
            assert (done.code, done.error["code"]) == (69, "compose_missing")
            assert "`docker compose config --format json`" in done.error["hint"]
    assert with_docker.run("allocate").code == 0
    done = with_docker.run("config")
    assert done.code == 69
    assert done.err.splitlines()[-1] == "more: composeports explain compose_missing"


def test_prune_names_itself(with_docker: Shell, tmp_path: Path) -> None:
    gone = add_worktree(with_docker.cwd, tmp_path / "shop-login", "login")
    assert with_docker.at(gone).run("allocate").code == 0
    rmtree(gone)
    for name in ("gc", "prune"):
        done = with_docker.run(name, "--dry-run")
        assert done.code == 0
        assert f"that is what `composeports {name}` would do" in done.err
