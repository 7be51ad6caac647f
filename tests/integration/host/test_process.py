"""Running other programs, with real ones: output, exit codes, signals."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from composeports.errors import ConfigError
from composeports.host.heartbeat import Heartbeat
from composeports.host.process import Finished, Limits, exec_program, run_in_foreground, start
from tests.harness.program import Done, run, write_program
from tests.harness.waits import HANG, wait_until

pytestmark = pytest.mark.integration

PATH = {"PATH": os.environ["PATH"]}
OURSELVES = [sys.executable, "-c"]
RUNNER = """
import os, pathlib, sys
from composeports.host.process import run_in_foreground
begun = pathlib.Path(sys.argv[1]).with_name("begun")
code = run_in_foreground(sys.argv[1:], os.environ, while_running=begun.touch)
print("then", code, flush=True)
"""


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


# start, finish


def test_output_errors_and_exit_code_are_collected() -> None:
    running = start(sh("echo out; echo err >&2; exit 3"), PATH)
    assert running.finish() == Finished(3, "out\n", "err\n")


def test_a_program_that_is_missing_ends_with_127_and_says_so() -> None:
    answer = start(("no-such-program", "x"), PATH).finish()
    assert answer == Finished(127, "", "no-such-program: No such file or directory")


def test_a_file_that_is_no_program_ends_with_127_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    answer = start((str(tmp_path / "data"),), PATH).finish()
    assert answer == Finished(127, "", f"{tmp_path}/data: Permission denied")


def test_the_environment_is_the_given_one_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "yes")
    answer = start(sh('echo "$GIVEN-$INHERITED-"'), {**PATH, "GIVEN": "a b"}).finish()
    assert answer.out == "a b--\n"


def test_the_program_runs_in_the_folder_it_is_given(tmp_path: Path) -> None:
    assert start(sh("pwd -P"), PATH, cwd=str(tmp_path)).finish().out == f"{tmp_path.resolve()}\n"


def test_nothing_can_be_read_from_our_terminal() -> None:
    assert start(("cat",), PATH).finish() == Finished(0)


def test_bytes_that_are_no_text_come_back_as_they_were() -> None:
    out = start(sh(r"printf '\377\303\251'"), PATH).finish().out
    assert out.encode("utf-8", "surrogateescape") == b"\xff\xc3\xa9"


def test_two_programs_run_side_by_side(tmp_path: Path) -> None:
    """Each waits for what the other does, so neither ends if they run in turn."""
    there = [str(tmp_path / name) for name in "ab"]
    for fifo in there:
        os.mkfifo(fifo)
    first = start(sh(f"echo one > {there[0]}; cat {there[1]}"), PATH)
    second = start(sh(f"cat {there[0]}; echo two > {there[1]}"), PATH)
    assert (first.finish().out, second.finish().out) == ("two\n", "one\n")


def test_a_program_that_a_signal_ended_has_a_code_that_is_not_0() -> None:
    assert start(sh("kill -KILL $$"), PATH).finish().code == -signal.SIGKILL


# run_in_foreground


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 17", 17), ("kill -TERM $$", 143), ("kill -KILL $$", 137)],
)
def test_the_exit_code_is_the_program_s_own_and_128_more_for_a_signal(
    script: str, code: int
) -> None:
    assert run_in_foreground(sh(script), PATH) == code


def test_a_missing_program_in_the_foreground_is_127() -> None:
    assert run_in_foreground(("no-such-program",), PATH) == 127


def test_output_goes_to_our_own_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    run_in_foreground(sh("echo out; echo err >&2"), PATH)
    assert capfd.readouterr() == ("out\n", "err\n")


def test_output_goes_to_stderr_when_stdout_is_kept_for_what_was_asked(
    capfd: pytest.CaptureFixture[str],
) -> None:
    run_in_foreground(sh("echo out; echo err >&2"), PATH, out_to_stderr=True)
    assert capfd.readouterr() == ("", "out\nerr\n")


def test_what_we_said_before_comes_before_what_the_program_says(
    capfd: pytest.CaptureFixture[str],
) -> None:
    sys.stdout.write("first\n")
    run_in_foreground(sh("echo second"), PATH)
    assert capfd.readouterr().out == "first\nsecond\n"


def test_the_time_that_the_program_takes_is_used(tmp_path: Path) -> None:
    """The program waits while the test acts."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    code = run_in_foreground(
        sh(f'read line < {fifo}; exit "$line"'), PATH, while_running=lambda: _write(fifo, "5\n")
    )
    assert code == 5


def _write(path: Path, text: str) -> None:
    path.write_text(text)


def test_a_beat_is_called_again_and_again_while_the_program_runs(tmp_path: Path) -> None:
    calls: list[int] = []

    def call() -> None:
        calls.append(len(calls))
        if len(calls) == 3:
            (tmp_path / "enough").touch()

    wait = f"while [ ! -e {tmp_path}/enough ]; do sleep 0.01; done; exit 4"
    assert run_in_foreground(sh(wait), PATH, heartbeat=Heartbeat(0.01, call)) == 4
    assert len(calls) >= 3
    assert [each.name for each in threading.enumerate()] == ["MainThread"]


def test_a_program_that_is_over_before_the_first_beat_has_none() -> None:
    calls: list[int] = []
    run_in_foreground(sh("exit 0"), PATH, heartbeat=Heartbeat(60, lambda: calls.append(1)))
    assert calls == []


def test_our_signal_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run_in_foreground(sh("exit 0"), PATH)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.fixture
def patient(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that runs a program which records signals, and ends with 7 on request."""
    script = f"""
    trap 'echo int >> {tmp_path}/noted' INT
    trap 'echo term >> {tmp_path}/noted' TERM
    : > {tmp_path}/ready
    while [ ! -e {tmp_path}/end ]; do sleep 0.01; done
    exit 7"""
    program = write_program(tmp_path / "program", script)
    process = subprocess.Popen(
        [*OURSELVES, RUNNER, str(program)], stdout=subprocess.PIPE, start_new_session=True
    )
    # Both: a signal that comes while a program is being started is passed on.
    for each in ("ready", "begun"):
        wait_until((tmp_path / each).exists, "the program")
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def noted(folder: Path) -> list[str]:
    path = folder / "noted"
    return path.read_text().split() if path.exists() else []


def test_ctrl_c_reaches_the_program_once_and_we_wait_for_its_own_end(
    patient: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    os.killpg(patient.pid, signal.SIGINT)
    wait_until(lambda: bool(noted(tmp_path)), "the signal")
    (tmp_path / "end").touch()
    out, _ = patient.communicate()
    assert (out, patient.returncode, noted(tmp_path)) == (b"then 7\n", 0, ["int"])


def test_sigint_that_is_sent_to_us_alone_ends_nothing(
    patient: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    os.kill(patient.pid, signal.SIGINT)
    os.kill(patient.pid, signal.SIGTERM)
    wait_until(lambda: bool(noted(tmp_path)), "the second signal")
    (tmp_path / "end").touch()
    out, _ = patient.communicate()
    assert (out, noted(tmp_path)) == (b"then 7\n", ["term"])


def test_a_program_started_later_is_not_deaf_to_ctrl_c() -> None:
    """An ignored signal would be inherited; a handler is not."""
    script = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
    run_in_foreground(sh("exit 0"), PATH)
    assert start((*OURSELVES, script), PATH).finish().out == "False\n"


# replace


def replaced(*argv: str) -> Done:
    script = (
        "import os, sys; from composeports.host.process import exec_program;"
        " print('first'); sys.exit(exec_program(sys.argv[1:], {**os.environ, 'GIVEN': '1'}))"
    )
    return run(*OURSELVES, script, *argv)


def test_replace_becomes_the_program_after_what_was_said() -> None:
    done = replaced("sh", "-c", 'echo "second $GIVEN"; exit 9')
    assert (done.code, done.out) == (9, "first\nsecond 1\n")


def test_replace_keeps_the_process() -> None:
    script = (
        "import os; from composeports.host.process import exec_program;"
        " exec_program(('sh', '-c', 'echo $$'), os.environ)"
    )
    process = subprocess.Popen([*OURSELVES, script], stdout=subprocess.PIPE, text=True)
    assert process.communicate()[0].strip() == str(process.pid)


def test_replace_dies_of_the_signal_that_the_program_dies_of() -> None:
    assert replaced("sh", "-c", "kill -TERM $$").code == -signal.SIGTERM


def test_replace_leaves_no_signal_ignored() -> None:
    done = replaced("sh", "-c", "(yes; echo $? >&2) | head -1")
    assert (done.out, done.err) == ("first\ny\n", "141\n")


def test_replace_returns_127_for_a_missing_program_and_126_for_what_is_none(
    tmp_path: Path,
) -> None:
    assert exec_program(("no-such-program",), PATH) == 127
    (tmp_path / "data").write_text("")
    assert exec_program((str(tmp_path / "data"),), PATH) == 126
    assert exec_program((str(tmp_path),), PATH) == 126


# What a program does not get


SECRETS = {"COMPOSEPORTS_STORE": "postgresql://me:secret@host/x", "COMPOSEPORTS_API_KEYS": "key"}
SHOW_SECRETS = 'echo "$GIVEN-$COMPOSEPORTS_STORE-$COMPOSEPORTS_API_KEYS-"'


def test_a_program_gets_no_secret_of_composeports() -> None:
    environ = {**PATH, **SECRETS, "GIVEN": "yes"}
    assert start(sh(SHOW_SECRETS), environ).finish().out == "yes---\n"


def test_a_program_in_the_foreground_gets_none(tmp_path: Path) -> None:
    environ = {**PATH, **SECRETS, "GIVEN": "yes"}
    assert run_in_foreground(sh(f"{SHOW_SECRETS} > {tmp_path}/seen"), environ) == 0
    assert (tmp_path / "seen").read_text() == "yes---\n"


@pytest.mark.parametrize(("as_users_own", "shown"), [(False, "1---"), (True, "1-store-keys-")])
def test_only_the_user_s_own_command_gets_them(as_users_own: bool, shown: str) -> None:
    script = (
        "import os, sys; from composeports.host.process import exec_program;"
        " exec_program(sys.argv[1:], {**os.environ, 'GIVEN': '1', 'COMPOSEPORTS_STORE': 'store',"
        f" 'COMPOSEPORTS_API_KEYS': 'keys'}}, as_users_own={as_users_own})"
    )
    argv = [*OURSELVES, script, *sh(SHOW_SECRETS)]
    done = run(*argv)
    assert done.out.strip() == shown


# Where programs are found


@pytest.mark.parametrize(
    ("path", "told"), [("bin:/usr/bin", "the relative folder 'bin'"), (":/usr/bin", "an empty")]
)
def test_a_program_of_the_current_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, tmp_path / "bin"):
        write_program(folder / "docker", f"touch {tmp_path}/pwned")
    environ = {"PATH": path}
    asks = (
        lambda: start(("docker",), environ),
        lambda: run_in_foreground(("docker",), environ),
        lambda: exec_program(("docker",), environ),
    )
    for ask in asks:
        with pytest.raises(ConfigError) as caught:
            ask()
        assert told in caught.value.message
        assert "PATH" in caught.value.hint
        assert caught.value.exit_code == 78
    assert not (tmp_path / "pwned").exists()


def test_a_relative_folder_behind_that_of_the_program_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_program(tmp_path / "here/docker", "echo wrong")
    write_program(tmp_path / "bin/docker", "echo right")
    environ = {"PATH": f"{tmp_path}/bin:here::/usr/bin:/bin"}
    assert start(("docker",), environ).finish().out == "right\n"


# Limits


def test_a_program_that_takes_too_long_is_ended() -> None:
    answer = start(("sleep", "60"), PATH, limits=Limits(0.2, 1 << 30)).finish()
    assert (answer.code, answer.limit) == (-signal.SIGKILL, "time")


def test_a_program_that_wants_too_much_memory_does_not_get_it() -> None:
    script = """if True:
        import resource, sys, time
        while resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
            time.sleep(0.01)  # until the parent has set the limit; HANG ends the wait
        try:
            print(len(bytearray(1 << 30)))
        except MemoryError:
            sys.exit("out of memory")
    """
    limits = Limits(HANG, 1 << 28)
    answer = start((*OURSELVES, script), PATH, limits=limits).finish()
    assert (answer.code, answer.out, answer.limit) == (1, "", "memory")


def test_a_failure_within_the_limits_is_no_limit_s() -> None:
    answer = start(sh("echo no >&2; exit 3"), PATH, limits=Limits(60, 1 << 28)).finish()
    assert answer == Finished(3, "", "no\n")
    said = start(sh("echo out of memory; exit 0"), PATH, limits=Limits(60, 1 << 28)).finish()
    assert said == Finished(0, "out of memory\n")
