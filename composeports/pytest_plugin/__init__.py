"""The pytest plugin: the fixture `composeports_stack`, its options, and logs on failures.

Every pytest in an environment with composeports loads this module, so it imports nothing until a
test uses the fixture.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from composeports.pytest_plugin.run import StackRequest
    from composeports.pytest_plugin.stack import Stack

FIXTURE = "composeports_stack"
FOLDER = "composeports_run"
STACK: "pytest.StashKey[Stack]" = pytest.StashKey()
RUN_FOLDER = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options and settings."""
    group = parser.getgroup("composeports", "the Docker Compose stack of this worktree")
    group.addoption(
        "--composeports-keep", action="store_true", help="leave the stack up at the end"
    )
    group.addoption(
        "--composeports-shared",
        action="store_true",
        help="with pytest-xdist: one stack for all workers, not one for each",
    )
    parser.addini("composeports_directory", "where to run, from the root folder", default=".")
    parser.addini("composeports_files", "Compose files, as with -f", type="args")
    parser.addini("composeports_profiles", "profiles to switch on", type="args")
    parser.addini(
        "composeports_up", "options and services of `up`", type="args", default=["--wait"]
    )
    parser.addini("composeports_shared", "as --composeports-shared", type="bool", default=False)
    parser.addini(
        "composeports_log_lines",
        "how many last lines of each service a failed test shows; 0 for none",
        default="50",
    )


@pytest.fixture(scope="session")
def composeports_stack(request: pytest.FixtureRequest) -> "Iterator[Stack]":
    """Yield the worktree's stack, up and ready: `.url("web")`, `.port("db")`, `.env`, `.run(...)`.

    The first test that uses the fixture starts the stack, and the end of the run takes it down. A
    stack that was up before stays up. With pytest-xdist each worker has its own stack.
    """
    from composeports.pytest_plugin.run import TestRun, running_stack  # noqa: PLC0415 - see above

    config = request.config
    worker_input: dict[str, Any] = getattr(config, "workerinput", {})
    test_run = TestRun(worker_input.get("workerid", ""), worker_input.get(FOLDER, ""))
    for stack in running_stack(_wanted(config), test_run, _teller(config)):
        config.stash[STACK] = stack
        yield stack


def _wanted(config: pytest.Config) -> "StackRequest":
    from composeports.pytest_plugin.run import StackRequest  # noqa: PLC0415 - see above

    setting_names = {"--file": "composeports_files", "--profile": "composeports_profiles"}
    options = [
        part for option, name in setting_names.items() for value in config.getini(name)
        for part in (option, value)
    ]  # fmt: skip
    return StackRequest(
        directory=os.path.realpath(config.rootpath / config.getini("composeports_directory")),
        options=tuple(options),
        up=tuple(config.getini("composeports_up")),
        log_lines=_log_lines(config),
        keep=config.getoption("--composeports-keep"),
        shared=config.getoption("--composeports-shared") or config.getini("composeports_shared"),
    )


def _log_lines(config: pytest.Config) -> int:
    value = config.getini("composeports_log_lines")
    if not str(value).isdecimal():
        raise pytest.UsageError(f"composeports_log_lines has to be a number, not {value!r}")
    return int(value)


def _teller(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that prints a problem at the end, when no test can fail for it."""

    def tell(problem: str) -> None:
        capture = config.pluginmanager.getplugin("capturemanager")
        with nullcontext() if capture is None else capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{problem}\n")

    return tell


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Add the stack's last log lines to the report of a failed test that uses the stack.

    It uses `hookwrapper`, the older form of a wrapper, so that an older pytest does not fail.
    """
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    stack = item.config.stash.get(STACK, None)
    if report.failed and stack is not None and FIXTURE in getattr(item, "fixturenames", ()):
        lines = _log_lines(item.config)
        text = stack.logs(lines=lines).strip() if lines else ""
        if text:
            report.sections.append((f"composeports logs of {stack.project}", text))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - a class of pytest-xdist
    """Give a pytest-xdist worker the folder for the record of the stack that it starts."""
    stash = node.config.stash
    if RUN_FOLDER not in stash:
        from composeports.pytest_plugin.run import make_folder  # noqa: PLC0415 - see above

        stash[RUN_FOLDER] = make_folder()
    node.workerinput[FOLDER] = stash[RUN_FOLDER]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the stacks that workers left: the shared stack, and those of killed workers."""
    folder = config.stash.get(RUN_FOLDER, None)
    if folder is not None:
        from composeports.pytest_plugin.run import end_all  # noqa: PLC0415 - see above

        end_all(folder, _teller(config))
