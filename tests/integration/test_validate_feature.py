"""The validation with a fake `composeports`: the stack is always taken down."""

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from itertools import product
from pathlib import Path

import pytest

from tests.harness.program import Done, finish, run, start, write_program
from tests.harness.repository import git
from tests.harness.waits import HANG, wait_until
from tests.support.pages import serving
from tests.support.skill_runs import REALLY, SKILL, Stack, steps

pytestmark = pytest.mark.integration


class Page(BaseHTTPRequestHandler):
    """A healthy service."""

    def do_GET(self) -> None:
        """Answer 200 for /, else 404."""
        self.send_response(200 if self.path == "/" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Page) as address:
        yield address


# A validation whose signal comes when Popen has just taken its wait lock.
INTERRUPTED = """
import os, signal, subprocess, sys, time
sys.path.insert(0, {scripts!r})
from running import Guard, Runner, Stopped

class Popen(subprocess.Popen):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self._waitpid_lock = Lock(self._waitpid_lock)

class Lock:
    def __init__(self, lock):
        self.lock, self.release = lock, lock.release

    def acquire(self, *arguments):
        taken = self.lock.acquire(*arguments)
        if not guard.signal:
            os.kill(os.getpid(), signal.SIGTERM)
        return taken

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.release()

guard = Guard()
subprocess.Popen = Popen
try:
    guard.work()
    Runner(guard, ".", os.environ).run(("sleep", "60"), 60.0)
except Stopped:
    print("stopped")
"""


@pytest.fixture
def stack(repository: Path, tmp_path: Path, url: str) -> Iterator[Stack]:
    made = Stack(tmp_path / "composeports", repository)
    made.prepare({"web:80/tcp": url})
    yield made
    made.stop()


def phases(report: str) -> dict[str, str]:
    lines = (line for line in report.splitlines() if line.startswith("- "))
    return {line[2:].partition(":")[0]: line.split("**")[1] for line in lines}


def test_all_phases_pass_and_the_report_says_so(stack: Stack, url: str) -> None:
    skill = sorted(SKILL.rglob("*"))
    code, report = stack.validate(**REALLY)
    assert code == 0, report
    assert "Result: **PASS**" in report
    assert phases(report) == {
        "deploy": "pass",
        "ready": "pass",
        "smoke": "pass",
        "security": "skip",
        "e2e": "skip",
        "logs": "pass",
        "ci": "skip",
        "teardown": "pass",
    }
    assert f"| web:80/tcp | {url} |" in report
    assert "| branch | main |" in report
    log = stack.cwd / ".composeports/validation-report.log"
    assert log.read_text() == "web-1  | a line of its log\n"
    assert stack.calls[0] == "up"
    assert stack.calls[-1] == "down"
    assert git(stack.cwd, "status", "--porcelain") == ""
    assert sorted(SKILL.rglob("*")) == skill


def test_services_and_volumes_are_handed_on(stack: Stack) -> None:
    stack.validate("--volumes", "web")
    assert stack.calls[0] == "up web"
    assert stack.calls[-1] == "down --volumes"


def test_a_stack_that_does_not_start_is_taken_down(stack: Stack) -> None:
    stack.run_at("up", "echo 'no such image' >&2; exit 18")
    code, report = stack.validate()
    assert code == 1
    assert "Result: **FAIL**" in report
    assert phases(report) == {
        "deploy": "fail",
        "smoke": "skip",
        "security": "skip",
        "e2e": "skip",
        "logs": "pass",
        "ci": "skip",
        "teardown": "pass",
    }
    assert "no such image" in report
    assert "exit code 18" in report


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"Health": "unhealthy"}, "ac-1-web-1 is unhealthy"),
        ({"State": "exited", "ExitCode": 3}, "ac-1-web-1 ended with exit code 3"),
    ],
)
def test_a_container_that_is_not_well_ends_the_waiting(
    stack: Stack, url: str, container: dict[str, object], reason: str
) -> None:
    stack.prepare({"web:80/tcp": url}, **container)
    code, report = stack.validate()
    assert code == 1
    assert phases(report)["ready"] == "fail"
    assert reason in report
    assert "a line of its log" in report
    assert stack.calls[-1] == "down"


@pytest.mark.parametrize(
    ("container", "address", "reason"),
    [
        ({"Health": "starting"}, "", "ac-1-web-1 is starting"),
        ({}, "http://localhost:1", "http://localhost:1 does not answer"),
    ],
)
def test_what_does_not_get_ready_in_time_fails(
    stack: Stack, url: str, container: dict[str, object], address: str, reason: str
) -> None:
    stack.prepare({"web:80/tcp": address or url}, **container)
    code, report = stack.validate("--timeout", "0.1")
    assert code == 1
    assert reason in report
    assert stack.calls[-1] == "down"


def test_a_job_that_has_done_its_work_is_ready(stack: Stack) -> None:
    stack.prepare({}, State="exited", ExitCode=0)
    code, report = stack.validate()
    assert (code, phases(report)["smoke"]) == (0, "skip")


def test_a_smoke_test_that_fails_is_named(stack: Stack) -> None:
    code, report = stack.validate(SMOKE_HEALTH="web/health", **REALLY)
    assert code == 1
    assert phases(report)["smoke"] == "fail"
    assert "test_the_health_endpoint_is_well" in report
    assert stack.calls[-1] == "down"


def test_settings_of_the_repositorys_own_pytest_are_none_of_the_smoke_tests(stack: Stack) -> None:
    (stack.cwd / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (stack.cwd / "conftest.py").write_text("raise SystemExit(1)\n")
    assert stack.validate(PYTEST_ADDOPTS="--no-such-option", **REALLY)[0] == 0


def test_end_to_end_tests_run_with_the_sessions_variables(stack: Stack, url: str) -> None:
    code, report = stack.validate(VALIDATE_E2E="echo at $SMOKE_URLS; exit 4")
    assert code == 1
    assert phases(report)["e2e"] == "fail"
    assert f"at web={url}" in report
    assert any(call.startswith("env -- sh -c") for call in stack.calls)


@pytest.mark.parametrize(
    ("code", "result", "whole"), [(0, "pass", 0), (10, "fail", 1), (11, "warn", 0), (2, "fail", 1)]
)
def test_a_scan_runs_on_the_urls_and_its_exit_code_counts(
    stack: Stack, url: str, code: int, result: str, whole: int
) -> None:
    done, report = stack.validate(VALIDATE_SECURITY=f"echo scanned $SMOKE_URLS; exit {code}")
    assert (done, phases(report)["security"]) == (whole, result)
    assert f"scanned web={url}" in report
    assert stack.calls[-1] == "down"


def test_a_stack_that_is_not_ready_is_not_scanned(stack: Stack) -> None:
    stack.run_at("up", "exit 1")
    _, report = stack.validate(VALIDATE_SECURITY="exit 10")
    assert phases(report)["security"] == "skip"


def test_end_to_end_tests_are_found(stack: Stack) -> None:
    (stack.cwd / "tests/e2e").mkdir(parents=True)
    (stack.cwd / "tests/e2e/test_it.py").write_text("def test_it():\n    assert True\n")
    code, report = stack.validate(VALIDATE_PYTEST=f"{sys.executable} -m pytest -p no:cacheprovider")
    assert (code, phases(report)["e2e"]) == (0, "pass")
    assert "1 passed" in report


@pytest.mark.parametrize(
    ("runs", "result"),
    [
        ('[{"status":"completed","conclusion":"success","workflowName":"test"}]', "pass"),
        ('[{"status":"completed","conclusion":"failure","workflowName":"test"}]', "fail"),
        ('[{"status":"in_progress","conclusion":"","workflowName":"test"}]', "warn"),
        ("[]", "skip"),
        ("not logged in", "skip"),
    ],
)
def test_ci_counts_where_gh_knows_of_it(stack: Stack, runs: str, result: str) -> None:
    write_program(stack.folder / "bin/gh", f"echo '{runs}'")
    stack.run_at("up", "exit 1")
    assert phases(stack.validate()[1])["ci"] == result


def test_a_teardown_that_fails_is_tried_again_and_told(stack: Stack) -> None:
    stack.run_at("down", "echo 'the engine is away' >&2; exit 69")
    code, report = stack.validate()
    assert code == 1
    assert stack.calls[-2:] == ["down", "down"]
    assert phases(report)["teardown"] == "fail"
    assert "composeports doctor" in report
    assert "the engine is away" in report


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        *product([signal.SIGINT, signal.SIGTERM], ["up", "ps", "env"]),
        (signal.SIGHUP, "up"),
    ],
)
def test_a_signal_takes_the_stack_down_at_every_moment(
    stack: Stack, number: signal.Signals, moment: str
) -> None:
    started = stack.folder / "started"
    stack.run_at(
        moment,
        f"trap 'echo ended >> {started}; exit 143' TERM; touch {started}; {stack.lasting}",
    )
    process = stack.start(VALIDATE_E2E=f"touch {started}; exec sleep 60")
    wait_until(started.exists, f"{moment} to be under way")
    process.send_signal(number)
    _, said = process.communicate(timeout=HANG)
    assert process.returncode == 128 + number, said
    assert "Result: **INTERRUPTED**" in stack.report
    named = {"up": "deploy", "ps": "ready", "env": "e2e"}[moment]
    assert phases(stack.report)[named] == "interrupted"
    assert phases(stack.report)["teardown"] == "pass"
    assert stack.calls[-1] == "down --timeout 2"
    if moment != "env":
        assert started.read_text() == "ended\n"


def test_a_second_signal_does_not_stop_the_teardown(stack: Stack) -> None:
    started, going = stack.folder / "started", stack.folder / "going"
    stack.run_at("up", f"touch {started}; {stack.lasting}")
    stack.run_at("down", f"touch {going}; while [ ! -e {going}.on ]; do sleep 0.02; done")
    process = stack.start()
    wait_until(started.exists, "up to be under way")
    process.send_signal(signal.SIGTERM)
    wait_until(going.exists, "down to be under way")
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    Path(f"{going}.on").touch()
    process.communicate(timeout=HANG)
    assert process.returncode == 128 + signal.SIGTERM
    assert phases(stack.report)["teardown"] == "pass"


def test_a_signal_at_the_worst_moment_of_waiting_ends_it_too() -> None:
    script = INTERRUPTED.format(scripts=str(SKILL / "scripts"))
    done = finish(start(sys.executable, "-c", script))
    assert done.out == "stopped\n", done.err


def test_nobody_who_reads_its_lines_is_no_reason_to_leave_the_stack(stack: Stack) -> None:
    process = stack.start()
    for pipe in (process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
    assert process.wait(HANG) == 0
    assert stack.calls[-1] == "down"


def test_a_file_that_is_no_report_is_not_overwritten(stack: Stack) -> None:
    before = (stack.cwd / "compose.yaml").read_text()
    assert stack.validate("--report", "compose.yaml")[0] == 2
    assert (stack.cwd / "compose.yaml").read_text() == before
    assert stack.calls == []


def test_the_report_goes_where_it_is_wanted(stack: Stack, tmp_path: Path) -> None:
    path = tmp_path / "change/validation-report.md"
    assert stack.validate("--report", str(path))[0] == 0
    assert stack.validate("--report", str(path))[0] == 0
    assert sorted(each.name for each in path.parent.iterdir()) == [
        "validation-report.log",
        "validation-report.md",
    ]


def test_a_setting_says_where_the_report_goes(stack: Stack) -> None:
    git(stack.cwd, "switch", "-q", "-c", "openspec/add-login")
    (stack.cwd / "deep").mkdir()
    setting = "openspec/changes/{change}/validation-report.md"
    below = replace(stack, cwd=stack.cwd / "deep")
    assert below.validate(VALIDATE_REPORT=setting)[0] == 0
    report = stack.cwd / "openspec/changes/add-login/validation-report.md"
    assert "| branch | openspec/add-login |" in report.read_text()
    assert stack.validate("--report", "other.md", VALIDATE_REPORT="compose.yaml")[0] == 0
    assert (stack.cwd / "other.md").exists()
    git(stack.cwd, "switch", "-q", "--detach")
    assert stack.validate(VALIDATE_REPORT=setting)[0] == 2


def test_without_composeports_it_does_not_begin(stack: Stack) -> None:
    shutil.rmtree(stack.folder / "bin")
    git_folder = os.path.dirname(shutil.which("git") or "")
    process = stack.start(PATH=git_folder)
    _, said = process.communicate(timeout=HANG)
    assert process.returncode == 2
    assert "pip install composeports" in said


def test_the_skill_has_steps_to_run() -> None:
    assert [step.split()[0] for step in steps("Steps")] == [
        "composeports",
        "python3",
        "cat",
        "composeports",
    ]
    assert len(steps("By hand")) == 2


def answers(*urls: str, seconds: str = "20") -> Done:
    environ = {**os.environ, "SMOKE_WAIT": seconds}
    return run(sys.executable, SKILL / "scripts/answers.py", *urls, environ=environ)


def test_waiting_for_answers_by_hand(url: str) -> None:
    assert answers(url, url.removeprefix("http://")).code == 0
    silent = answers(url, "http://localhost:1", seconds="0.1")
    assert silent.code == 1
    assert "http://localhost:1 does not answer" in silent.err
