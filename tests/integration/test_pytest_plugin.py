"""The pytest plugin in real pytest runs, on a docker command that gives prepared answers."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.program import output
from tests.harness.waits import HANG, wait_until
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration
pytest_plugins = ["pytester"]

SUITE = """
def test_it(composeports_stack):
    assert composeports_stack.url("web", 80) == f"http://localhost:{composeports_stack.port('web')}"
    assert composeports_stack.env["COMPOSE_PROJECT_NAME"] == composeports_stack.project
"""
RUNNING = json.dumps({"Name": "web-1", "State": "running"})


@pytest.fixture
def fake(
    docker: FakeDocker, monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester
) -> FakeDocker:
    """A fake docker for the runs inside, in a folder with a Compose file."""
    docker.publish(web=8080)
    pytester.makefile(".yaml", compose="services: {}")
    for name, value in docker.environ().items():
        monkeypatch.setenv(name, value)
    # The stand-in for `ps`, which the plugin asks first, is prepared apart from other commands.
    docker.run_before("compose", 'case "$*" in *" ps "*) /bin/cat "$at/listing"; exit 0;; esac')
    (docker.folder / "listing").write_text("")
    return docker


def compose_calls(fake: FakeDocker) -> list[str]:
    """Return the Compose commands that change something, without the options before them."""
    words = [call.split() for call in fake.calls]
    wanted = ("up", "down", "stop")
    return [
        " ".join(call[index:])
        for call in words
        for index, word in enumerate(call)
        if call[0] == "compose" and word in wanted and call[index - 1] != "--profile"
    ]


def test_the_stack_is_up_once_for_all_tests_and_down_at_the_end(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(SUITE, test_more=SUITE)
    pytester.runpytest_inprocess().assert_outcomes(passed=2)
    assert compose_calls(fake) == ["up --detach", "down"]


def test_what_a_test_does_to_its_environment_does_not_matter(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        """
        import os
        def test_it(composeports_stack, monkeypatch, tmp_path):
            monkeypatch.setenv("COMPOSEPORTS_STATE_DIR", str(tmp_path))
            monkeypatch.setenv("PATH", "/nowhere")
            monkeypatch.chdir(tmp_path)
            assert composeports_stack.url("web")
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert compose_calls(fake) == ["up --detach", "down"]


def test_a_run_that_wants_no_stack_starts_nothing(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert fake.calls == []


def test_a_stack_that_is_up_already_stays_up(fake: FakeDocker, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess("--composeports-keep").assert_outcomes(passed=1)
    assert compose_calls(fake) == ["up --detach"]
    (fake.folder / "listing").write_text(RUNNING)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    assert compose_calls(fake) == ["up --detach"] * 2


def test_settings_choose_the_folder_profiles_and_services(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    pytester.makeini(
        "[pytest]\ncomposeports_directory = deploy\ncomposeports_profiles = dev\n"
        "composeports_files = dev.yaml\ncomposeports_up = --build web\n"
    )
    pytester.mkdir("deploy").joinpath("dev.yaml").write_text("services: {}")
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
    (call,) = [call for call in fake.calls if " up --detach" in call]
    assert call.endswith(" --profile dev up --detach --build web")
    assert f"--project-directory {pytester.path}/deploy" in call
    assert f"--file {pytester.path}/deploy/dev.yaml" in call


def test_a_failed_up_is_a_plain_error_with_logs_and_ends_the_stack(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    fake.run_before(
        "compose",
        'case "$*" in *" ps "*) exit 0;; *" logs "*) echo "web-1 | no room"; exit 0;;\n'
        '*" up "*) echo "container web-1 is unhealthy" >&2; exit 1;; esac',
    )
    pytester.makepyfile(SUITE, test_more=SUITE)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(
        [
            "composeports up failed: docker compose up ended with exit code 1",
            "hint: *",
            "container web-1 is unhealthy",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_plugin*")
    assert compose_calls(fake)[0] == "up --detach"
    assert len([call for call in compose_calls(fake) if call.startswith("up")]) == 1


def test_an_error_of_ours_has_its_hint(fake: FakeDocker, pytester: pytest.Pytester) -> None:
    fake.answer("config", err="yaml: line 3: did not find expected key\n", code=15)
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["composeports up failed: *", "hint: *"])


def test_a_failed_test_that_uses_the_stack_shows_its_last_log_lines(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    fake.run_before(
        "compose",
        'case "$*" in *" ps "*) exit 0;; *" logs "*) echo "web-1 | said $*"; exit 0;; esac',
    )
    pytester.makepyfile(
        """
        def test_with(composeports_stack):
            assert composeports_stack.url("nothing")
        def test_without():
            assert False
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["E*composeports url failed: *nothing*", "*- composeports logs of ac-* -*"]
    )
    assert result.stdout.str().count("web-1 | said") == 1
    assert "logs --no-color --tail 50" in result.stdout.str()
    silent = pytester.runpytest_inprocess("-o", "composeports_log_lines=0")
    silent.stdout.no_fnmatch_line("*web-1*")


def test_a_setting_that_is_no_number_is_told(fake: FakeDocker, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(SUITE)
    result = pytester.runpytest_inprocess("-o", "composeports_log_lines=many")
    result.stdout.fnmatch_lines(["*composeports_log_lines has to be a number, not 'many'"])
    assert fake.calls == []


@pytest.mark.parametrize("moment", ["while it starts", "while a test runs"])
def test_ctrl_c_takes_the_stack_down(
    fake: FakeDocker, pytester: pytest.Pytester, moment: str
) -> None:
    is_up = fake.folder / "is-up"
    is_testing = pytester.path / "is-testing"
    wait = 'touch "$at/is-up"; exec sleep 30' if moment == "while it starts" else "exit 0"
    fake.run_before("compose", f'case "$*" in *" ps "*) exit 0;; *" up "*) {wait};; esac')
    pytester.makepyfile(
        f"""
        import pathlib
        def test_it(composeports_stack):
            pathlib.Path({str(is_testing)!r}).touch()
            while True:
                pass
        """
    )
    process = subprocess.Popen(
        (sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        seen = is_up if moment == "while it starts" else is_testing
        wait_until(seen.exists, moment)
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=HANG)[0].decode()
    finally:
        process.kill()
    assert process.returncode == pytest.ExitCode.INTERRUPTED, out
    assert "Traceback" not in out
    assert compose_calls(fake) == ["up --detach", "down"]


def test_a_plugin_that_is_not_used_imports_nothing_of_ours() -> None:
    code = (
        "import sys, composeports.pytest_plugin\n"
        "print([n for n in sys.modules if n.startswith('composeports')], 'click' in sys.modules)"
    )
    assert (
        output(sys.executable, "-c", code)
        == "['composeports', 'composeports.pytest_plugin'] False\n"
    )


# With pytest-xdist

WORKER = """
import os, pytest
@pytest.mark.parametrize("number", range(4))
def test_it(composeports_stack, number, record_property):
    assert composeports_stack.url("web")
    open(os.environ["SEEN"], "a").write(composeports_stack.project + "\\n")
"""


@pytest.fixture
def seen(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file to which tests of workers write the project that they see."""
    path = pytester.path / "seen"
    monkeypatch.setenv("SEEN", str(path))
    return path


def test_each_worker_has_a_stack_of_its_own(
    fake: FakeDocker, pytester: pytest.Pytester, seen: Path
) -> None:
    pytester.makepyfile(WORKER)
    pytester.runpytest_inprocess("-n", "2").assert_outcomes(passed=4)
    projects = set(seen.read_text().split())
    ups = [call for call in fake.calls if " up --detach" in call]
    assert {call.split("--project-name ")[1].split()[0] for call in ups} == projects
    assert len(ups) == len(projects) == 2
    assert compose_calls(fake).count("down --volumes --timeout 0") == 2


def test_workers_may_share_one_stack(
    fake: FakeDocker, pytester: pytest.Pytester, seen: Path
) -> None:
    pytester.makepyfile(WORKER)
    pytester.runpytest_inprocess("-n", "2", "--composeports-shared").assert_outcomes(passed=4)
    assert len(set(seen.read_text().split())) == 1
    assert compose_calls(fake) == ["up --detach", "down"]


def test_workers_share_a_failure_to_start_it(fake: FakeDocker, pytester: pytest.Pytester) -> None:
    fake.run_before("compose", 'case "$*" in *" ps "*) exit 0;; *" up "*) exit 1;; esac')
    pytester.makepyfile(WORKER)
    result = pytester.runpytest_inprocess("-n", "2", "-o", "composeports_shared=true")
    result.assert_outcomes(errors=4)
    assert len([call for call in compose_calls(fake) if call.startswith("up")]) == 1


def test_the_stack_of_a_killed_worker_is_ended(fake: FakeDocker, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import os
        def test_it(composeports_stack):
            os._exit(1)
        """
    )
    pytester.runpytest_inprocess("-n", "1", "--max-worker-restart", "0")
    assert compose_calls(fake) == ["up --detach", "down --volumes --timeout 0"]


def test_no_folder_of_a_run_is_left(
    pytester: pytest.Pytester, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess("-n", "1").assert_outcomes(passed=1)
    assert not [name for name in os.listdir(tmp_path) if name.startswith("composeports-pytest-")]


# Several runs in one worktree

WAITING = """
import pathlib, time
def test_it(composeports_stack):
    pathlib.Path("{mine}").touch()
    end = time.monotonic() + 20
    while not pathlib.Path("{other}").exists():
        assert time.monotonic() < end
        time.sleep(0.01)  # another process makes the file, and tells nobody; the deadline ends it
"""


def waiting_run(pytester: pytest.Pytester, mine: str, other: str) -> "subprocess.Popen[bytes]":
    """Start a run whose test has the stack, makes one file, and ends when there is the other."""
    (pytester.path / f"test_{mine}.py").write_text(WAITING.format(mine=mine, other=other))
    argv = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"test_{mine}.py")
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until((pytester.path / mine).exists, mine)
    return process


def ended(process: "subprocess.Popen[bytes]") -> None:
    out = process.communicate(timeout=HANG)[0].decode()
    assert process.returncode == 0, out


def test_of_two_runs_the_last_one_to_end_takes_the_stack_down(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    first = waiting_run(pytester, "first", "let-first-end")
    (fake.folder / "listing").write_text(RUNNING)  # which the second one sees
    second = waiting_run(pytester, "second", "let-second-end")
    (pytester.path / "let-first-end").touch()
    ended(first)
    assert compose_calls(fake) == ["up --detach"] * 2
    (pytester.path / "let-second-end").touch()
    ended(second)
    assert compose_calls(fake) == [*["up --detach"] * 2, "down"]
    assert list((Path(os.environ["COMPOSEPORTS_STATE_DIR"]) / "tests").iterdir()) == []


def test_a_run_that_fails_to_start_leaves_the_stack_of_another(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    first = waiting_run(pytester, "first", "let-first-end")
    fake.run_before("compose", 'case "$*" in *" ps "*) exit 0;; *" up "*) exit 1;; esac')
    pytester.makepyfile(SUITE)
    pytester.runpytest_inprocess("test_a_run_that_fails_to_start_leaves_the_stack_of_another.py")
    assert compose_calls(fake) == ["up --detach"] * 2
    (pytester.path / "let-first-end").touch()
    ended(first)
    assert compose_calls(fake)[2:] == ["down"]


def test_a_run_that_was_killed_uses_the_stack_no_more(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    first = waiting_run(pytester, "first", "never")
    second = waiting_run(pytester, "second", "let-second-end")
    first.kill()
    first.communicate()
    (pytester.path / "let-second-end").touch()
    ended(second)
    assert compose_calls(fake)[2:] == ["down"]


def test_one_run_that_keeps_the_stack_is_enough(
    fake: FakeDocker, pytester: pytest.Pytester
) -> None:
    first = waiting_run(pytester, "first", "let-first-end")
    pytester.makepyfile(SUITE)
    name = "test_one_run_that_keeps_the_stack_is_enough.py"
    pytester.runpytest_inprocess("--composeports-keep", name).assert_outcomes(passed=1)
    (pytester.path / "let-first-end").touch()
    ended(first)
    assert compose_calls(fake) == ["up --detach"] * 2
