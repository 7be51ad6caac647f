"""Start, share and end the stacks of one test run, also if a worker is killed.

With pytest-xdist the controller has a folder with one record for each stack that a worker started.
A worker removes its record when it has ended its stack. The controller ends the stacks whose
records are left: the stack that all workers share, and the stacks of killed workers.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from composeports.host.atomic_files import write_file
from composeports.host.file_lock import lock
from composeports.pytest_plugin import policy
from composeports.pytest_plugin.sharing import Ending, StackShare
from composeports.pytest_plugin.stack import Program, Stack, end, start, states_before

SHARED = "shared"


@dataclass(frozen=True, slots=True)
class StackRequest:
    """The options and settings of a run for its stack."""

    directory: str
    options: tuple[str, ...] = ()
    up: tuple[str, ...] = ("--wait",)
    log_lines: int = 50
    keep: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class TestRun:
    """The worker of this process (empty without pytest-xdist) and the controller's folder."""

    worker: str = ""
    folder: str = ""


@dataclass(slots=True)
class RunRecord:
    """A file that tells the controller about a started stack; without `path` nothing is written."""

    path: str = ""
    known: dict[str, object] = field(default_factory=dict)

    def write(self, **more: object) -> None:
        """Add facts about the stack to the record."""
        self.known |= more
        if self.path:
            write_file(self.path, json.dumps(self.known).encode(), mode=0o600)

    def remove(self) -> None:
        """Remove the record, since the stack has ended."""
        if self.path:
            os.unlink(self.path)


@dataclass(frozen=True, slots=True)
class StackUse:
    """A stack that is up, this run's share in it, and the command that ends it."""

    stack: Stack
    share: StackShare
    ending: Ending = ()

    def end(self) -> str:
        """Leave the stack; if no other run uses it, restore the state before the first run.

        Return an error text, or an empty string.
        """
        return self.share.end(partial(end, self.stack.program), self.ending)


def running_stack(
    wanted: StackRequest, place: TestRun, tell: Callable[[str], None]
) -> Iterator[Stack]:
    """Yield the stack, and end it even if tests fail; a stack that workers share stays up."""
    if place.worker and wanted.shared:
        use = _shared(wanted, place)
        try:
            yield use.stack
        finally:
            use.share.leave()
        return
    session = policy.session_of(
        os.environ.get("COMPOSEPORTS_SESSION", ""), wanted.directory, place.worker
    )
    program = _program(wanted, session)
    record = RunRecord(os.path.join(place.folder, f"{place.worker}.json") if place.folder else "")
    use = _started(wanted, program, record, is_own=bool(place.worker))
    try:
        yield use.stack
    finally:
        problem = use.end()
        record.remove()
        if problem:
            tell(problem)


def _program(wanted: StackRequest, session: str | None) -> Program:
    session_options = () if session is None else ("--session", session)
    return Program(wanted.directory, (*wanted.options, *session_options))


def _started(
    wanted: StackRequest, program: Program, record: RunRecord, *, is_own: bool
) -> StackUse:
    share = StackShare(program)
    ending: Ending = ()
    try:
        with share.turn():
            ending = share.join(
                lambda: policy.ending(states_before(program), is_own=is_own, keep=wanted.keep),
                keep=wanted.keep,
            )
            # Before the start, so that a worker that is killed during the start leaves a record.
            record.write(directory=program.directory, options=program.options, ending=ending)
            return StackUse(start(program, wanted.up, wanted.log_lines), share, ending)
    except BaseException:
        share.end(partial(end, program), ending)
        raise


def _shared(wanted: StackRequest, place: TestRun) -> StackUse:
    """Return the stack that all workers use; the first one starts it, the controller ends it."""
    program = _program(wanted, None)
    record = RunRecord(os.path.join(place.folder, f"{SHARED}.json"))
    with _turn(place.folder):
        if os.path.exists(record.path):
            return _joined(wanted, program, record.path)
        try:
            use = _started(wanted, program, record, is_own=False)
        except pytest.fail.Exception as failure:
            record.write(failure=str(failure))
            raise
        record.write(project=use.stack.project, session=use.stack.session)
        return use


def _joined(wanted: StackRequest, program: Program, path: str) -> StackUse:
    with open(path, encoding="utf-8") as file:
        facts = json.load(file)
    if "project" not in facts:
        pytest.fail(facts.get("failure", "another worker could not start the stack"), pytrace=False)
    share = StackShare(program)
    with share.turn():
        share.join(lambda: tuple(facts["ending"]), keep=wanted.keep)
    env = json.loads(program.answer("env", "--format", "json"))
    return StackUse(Stack(program, facts["project"], facts["session"], env), share)


@contextmanager
def _turn(folder: str) -> Iterator[None]:
    with open(os.path.join(folder, "turn"), "w", encoding="utf-8") as file:
        lock(file.fileno())
        yield


def make_folder() -> str:
    """Make a folder for the records of a run and return its path."""
    return tempfile.mkdtemp(prefix="composeports-pytest-")


def end_all(folder: str, tell: Callable[[str], None]) -> None:
    """End every stack that still has a record, and remove the folder."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                facts = json.load(file)
            program = Program(facts["directory"], tuple(facts["options"]))
            problem = StackShare(program).end(partial(end, program), tuple(facts["ending"]))
            if problem:
                tell(problem)
    shutil.rmtree(folder, ignore_errors=True)
