"""`composeports env` of the installed program: for shells, files, programs, and one command."""

import json
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from dotenv import dotenv_values

from composeports.core.lease import Lease
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.stores.sqlite.store import SqliteStore
from composeports.usecases.session import Session
from tests.harness.repository import git, make_repository
from tests.harness.waits import wait_until
from tests.support.fakes import FakeMachine
from tests.support.machine import Shell, finished
from tests.support.shells import programs

pytestmark = pytest.mark.integration

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "a\ntouch pwned\n",
    "it's",
    "\\",
    "\\'",
    "a b",
    "&& touch pwned",
    "日本 é",
    "${HOME}",
    "#",
    "~",
    "!!",
    "*",
    "",
]
# With this set, the short way leaves everything to the long way.
LONG_WAY = {"PORT_ALLOC_TTL_MINUTES": "120"}


def lease_of(shell: Shell, **values: str) -> Lease:
    """Put values into the session's lease, as a plan would, and return it."""
    session_id = shell.run("allocate", "--json").document["session_id"]
    store = SqliteStore(shell.state / "leases.sqlite3")
    lease = store.get(session_id)
    assert lease is not None
    lease = Lease(
        **{
            **{name: getattr(lease, name) for name in Lease._fields},
            "environment": tuple(values.items()),
        }
    )
    store.update(session_id, lambda _: StoreUpdate(lease))
    store.close()
    return lease


def test_the_three_formats_say_the_same(shell: Shell) -> None:
    lease_of(shell, WEB_PORT="10004")
    as_json = json.loads(shell.run("env", "--format", "json").out)
    as_export = shell.run("env").out
    dotenv = shell.cwd / "session.env"
    dotenv.write_text(shell.run("env", "--format=dotenv").out)
    words = [shlex.split(line) for line in as_export.splitlines()]
    assert {word.partition("=")[0]: word.partition("=")[2] for _, word in words} == as_json
    assert dict(dotenv_values(dotenv)) == as_json
    assert as_json["WEB_PORT"] == "10004"
    assert list(as_json)[:6] == [
        "AGENT_COORDINATOR_DB_PORT",
        "AGENT_COORDINATOR_REST_PORT",
        "AGENT_COORDINATOR_REALTIME_PORT",
        "API_PORT",
        "COMPOSE_PROJECT_NAME",
        "SUPABASE_URL",
    ]


def test_nothing_but_the_environment_is_printed(shell: Shell) -> None:
    shell.run("allocate")
    done = shell.run("env")
    assert (done.code, done.err) == (0, "")
    assert all(line.startswith("export ") for line in done.out.splitlines())
    assert done.out.endswith("\n")


def test_hostile_values_survive_eval_and_run_nothing(shell: Shell) -> None:
    values = {f"HOSTILE_{number}": value for number, value in enumerate(HOSTILE)}
    lease_of(shell, **values)
    shown = "".join(f'printf "%s\\001" "${name}"; ' for name in values)
    done = shell.sh(f'eval "$(composeports env)"; {shown}')
    assert (done.code, done.err) == (0, "")
    assert done.out.split("\1")[:-1] == HOSTILE
    assert not (shell.cwd / "pwned").exists()


def test_hostile_values_run_nothing_when_the_file_is_sourced(shell: Shell) -> None:
    lease_of(shell, **{f"HOSTILE_{number}": value for number, value in enumerate(HOSTILE)})
    done = shell.sh("composeports env --format dotenv > e && . ./e && printf %s done")
    assert (done.code, done.out) == (0, "done")
    assert not (shell.cwd / "pwned").exists()


@pytest.mark.parametrize("name", ["$(touch pwned)", "'; touch pwned; '", "a\ntouch pwned\n", "\\"])
def test_a_hostile_session_name_survives_eval_and_runs_nothing(shell: Shell, name: str) -> None:
    shell = shell.having(NAME=name)
    script = (
        'eval "$(composeports allocate --session "$NAME")" && '
        'eval "$(composeports env --session "$NAME")" && printf %s "$COMPOSE_PROJECT_NAME"'
    )
    done = shell.sh(script)
    assert (done.code, done.err) == (0, "")
    assert done.out == project_name(name)
    assert not (shell.cwd / "pwned").exists()


@pytest.mark.parametrize("name", ["$(touch pwned)", "it's; touch pwned", "a\nb", '"; x; "'])
def test_a_hostile_path_survives_eval_and_runs_nothing(
    machine: FakeMachine, tmp_path: Path, name: str
) -> None:
    repository = make_repository(tmp_path / name)
    shell = Shell(repository, tmp_path / "state")
    shell.run("allocate")
    store = SqliteStore(shell.state / "leases.sqlite3")
    here = Session(machine.context(cwd=repository))
    lease = store.get(here.session_id)
    assert lease is not None
    slots = {each: getattr(lease, each) for each in Lease._fields}
    store.update(here.session_id, lambda _: StoreUpdate(Lease(**{**slots, "stack": here.stack})))
    store.close()
    done = shell.sh('eval "$(composeports env)"; printf %s "$COMPOSE_FILE"')
    assert (done.code, done.out, done.err) == (0, f"{repository}/compose.yaml", "")
    assert not list(tmp_path.rglob("pwned"))


# The short way and the long way


@pytest.mark.parametrize("form", [[], ["--format", "json"], ["--format=dotenv"]], ids=str)
def test_both_ways_print_the_same_bytes(shell: Shell, form: list[str]) -> None:
    lease_of(
        shell, WEB_PORT="10004", HOSTILE="it's\n$(x) \udcff".encode("utf-8", "replace").decode()
    )
    short = shell.run("env", *form)
    long = shell.having(**LONG_WAY).run("env", *form)
    assert (short.code, long.code) == (0, 0)
    assert short.out == long.out


def test_the_short_way_is_short(shell: Shell) -> None:
    shell.run("allocate")
    plain = imported(shell, "env")
    assert "composeports.cli.fast_env" in plain
    assert not {"click", "dataclasses", "composeports.usecases.session", "subprocess"} & plain
    assert "click" in imported(shell.having(**LONG_WAY), "env")


def imported(shell: Shell, *argv: str) -> set[str]:
    done = shell.having(PYTHONPROFILEIMPORTTIME="1").run(*argv)
    assert done.code == 0, done.err
    lines = [line for line in done.err.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


def test_both_ways_renew_the_lease(shell: Shell) -> None:
    lease_of(shell)
    store = SqliteStore(shell.state / "leases.sqlite3")
    for each in (shell, shell.having(**LONG_WAY)):
        lease = store.held()[0]
        old = Lease(
            **{
                **{name: getattr(lease, name) for name in Lease._fields},
                "expires_at": lease.allocated_at,
            }
        )
        store.update(old.session_id, lambda _, put=old: StoreUpdate(put))  # type: ignore[misc]
        assert each.run("env").code == 0
        assert store.held()[0].expires_at > lease.allocated_at + 119 * 60
    store.close()


def test_after_a_move_both_ways_still_find_the_session(shell: Shell, tmp_path: Path) -> None:
    worktree = tmp_path / "login"
    git(shell.cwd, "worktree", "add", "--quiet", str(worktree))
    before = shell.at(worktree).run("allocate", "--json").document
    git(shell.cwd, "worktree", "move", str(worktree), str(tmp_path / "moved"))
    for _ in range(2):
        done = shell.at(tmp_path / "moved").run("env", "--format", "json")
        assert done.document["API_PORT"] == str(before["api_port"])
        assert f"{tmp_path}/login" not in done.out


def test_a_shell_on_one_worktree_s_stack_can_ask_for_another_s(
    shell: Shell, tmp_path: Path
) -> None:
    worktree = tmp_path / "login"
    git(shell.cwd, "worktree", "add", "--quiet", str(worktree))
    for each in (shell, shell.at(worktree)):
        each.run("allocate")
    expected = shell.at(worktree).run("env").out
    done = shell.sh(f'eval "$(composeports env)"; cd {worktree}; composeports env')
    assert done.out == expected


# env -- CMD


def test_a_command_gets_the_variables_and_its_exit_code_is_ours(shell: Shell) -> None:
    base = shell.run("allocate", "--json").document["db_port"]
    done = shell.run("env", "--", "sh", "-c", 'echo "$API_PORT"; echo err >&2; exit 42')
    assert (done.code, done.out, done.err) == (42, f"{base + 3}\n", "err\n")


def test_a_command_needs_no_dashes_and_keeps_its_own_options(shell: Shell) -> None:
    shell.run("allocate")
    done = shell.run("env", "sh", "-c", 'printf "%s|" "$@"', "x", "--json", "--help", "a b")
    assert (done.code, done.out) == (0, "--json|--help|a b|")


def test_a_command_that_is_not_found_is_127_and_one_that_cannot_run_126(shell: Shell) -> None:
    shell.run("allocate")
    missing = shell.run("env", "--", "no-such-program")
    assert (missing.code, missing.out) == (127, "")
    assert "'no-such-program' was not found" in missing.err
    unusable = shell.run("env", "--", str(shell.cwd))
    assert unusable.code == 126
    assert "cannot be run" in unusable.err


def test_without_a_lease_the_command_is_not_run(shell: Shell) -> None:
    assert shell.run("env", "--", "touch", "pwned").code == 66
    assert not (shell.cwd / "pwned").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_reach_the_command_itself(shell: Shell, number: signal.Signals) -> None:
    shell.run("allocate")
    ready = shell.cwd / "ready"
    trap = f"trap 'exit 9' {number.name.removeprefix('SIG')}"
    script = f"{trap}; : > {ready}; while :; do /bin/sleep 0.01; done"
    process = shell.start("env", "--", "sh", "-c", script)
    wait_until(ready.exists, "the command")
    process.send_signal(number)
    assert finished(process).code == 9


def test_the_lease_is_not_locked_while_the_command_runs(shell: Shell) -> None:
    shell.run("allocate")
    ready = shell.cwd / "ready"
    process = shell.start(
        "env", "--", "sh", "-c", f": > {ready}; while :; do /bin/sleep 0.01; done"
    )
    wait_until(ready.exists, "the command")
    assert shell.run("allocate").code == 0
    process.kill()
    finished(process)


OBEYED = {"LD_PRELOAD": "./evil.so", "PATH": "10104", "BASH_ENV": "10105", "A B": "x"}


@pytest.mark.parametrize("way", [{}, LONG_WAY], ids=["short", "long"])
@pytest.mark.parametrize("form", ["export", "dotenv", "json"])
def test_a_stored_name_that_programs_obey_is_refused(
    shell: Shell, way: dict[str, str], form: str
) -> None:
    lease_of(shell, WEB_PORT="10004", **OBEYED)
    done = shell.having(**way).run("env", "--format", form)
    assert (done.code, done.out) == (78, "")
    assert "LD_PRELOAD" in done.err
    assert "Traceback" not in done.err


def test_a_command_is_not_run_with_what_a_forged_record_sets(shell: Shell) -> None:
    lease_of(shell, **OBEYED)
    done = shell.run("env", "--", "sh", "-c", "echo it runs")
    assert (done.code, done.out) == (78, "")


def test_a_command_of_the_user_s_gets_the_secrets_as_in_a_shell(shell: Shell) -> None:
    own = shell.having(COMPOSEPORTS_API_KEYS="key")
    own.run("allocate")
    assert own.run("env", "--", "sh", "-c", "echo $COMPOSEPORTS_API_KEYS").out == "key\n"


def test_json_is_short_for_its_format(shell: Shell) -> None:
    lease_of(shell, WEB_PORT="10004")
    expected = shell.run("env", "--format", "json").out
    assert shell.run("env", "--json").out == expected
    assert shell.having(**LONG_WAY).run("env", "--json").out == expected
    refused = shell.run("env", "--json", "--format", "dotenv")
    assert (refused.code, refused.document["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize("ways", [{}, LONG_WAY], ids=["short", "long"])
def test_fish_reads_every_value_unchanged(shell: Shell, ways: dict[str, str]) -> None:
    lease_of(shell, **{f"V{number}": value for number, value in enumerate(HOSTILE)})
    shell = shell.having(**ways)
    expected = json.loads(shell.run("env", "--json").out)
    lines = shell.cwd / "session.fish"
    lines.write_text(shell.run("env", "--format", "fish").out)
    program = programs()["fish"]
    names = " ".join(expected)
    script = f"source {lines}; for name in {names}; printf '%s\\0' $name $$name; end"
    done = subprocess.run(
        [program["executable"], "--no-config", "-c", script],
        env={**shell.environ, **program["environment"]},
        cwd=shell.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    words = done.stdout.split("\0")[:-1]
    assert dict(zip(words[::2], words[1::2], strict=True)) == expected
    assert not (shell.cwd / "pwned").exists()
