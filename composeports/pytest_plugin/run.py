"""One test run's stacks: who starts one, who shares it, and what is ended when a worker is gone.

With pytest-xdist the controller has a folder with a record of each stack that a worker started. A
worker takes its record away when it has ended its stack; the controller ends what is left, which is
the stack that all share, and those of workers that were killed.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from composeports.pytest_plugin import policy
from composeports.pytest_plugin.sharing import Ending, StackShare
from composeports.pytest_plugin.stack import Program, Stack, end, start, states_before

SHARED = "shared"


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What the options and settings of a run want of its stack."""

    directory: str
    options: tuple[str, ...] = ()
    up: tuple[str, ...] = ("--wait",)
    log_lines: int = 50
    keep: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class TestRun:
    """Where we run: the worker (empty without pytest-xdist) and the controller's folder."""

    worker: str = ""
    folder: str = ""


@dataclass(slots=True)
class RunRecord:
    """A file that remembers a started stack for the controller; nothing without a folder."""

    path: str = ""
    known: dict[str, object] = field(default_factory=dict)

    def write(self, **more: object) -> None:
        """Remember more of the stack."""
        self.known |= more
        if self.path:
            with open(f"{self.path}.new", "w", encoding="utf-8") as file:
                json.dump(self.known, file)
            os.replace(f"{self.path}.new", self.path)

    def remove(self) -> None:
        """Forget the stack, which has ended."""
        if self.path:
            os.unlink(self.path)


@dataclass(frozen=True, slots=True)
class StackUse:
    """A stack that is up, our part in it, and how it is ended where nobody else has one."""

    stack: Stack
    share: StackShare
    ending: Ending = ()

    def end(self) -> str:
        """Leave things as they were before the first run; return what went wrong, or nothing."""
        return self.share.end(partial(end, self.stack.program), self.ending)


def running_stack(
    wanted: StackRequest, place: TestRun, tell: Callable[[str], None]
) -> Iterator[Stack]:
    """Yield the stack, and end it, however the tests end; one that is shared is left alone."""
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
    named = () if session is None else ("--session", session)
    return Program(wanted.directory, (*wanted.options, *named))


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
            # Before it is started, so that a worker that is killed meanwhile leaves a trace.
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
        known = json.load(file)
    if "project" not in known:
        pytest.fail(known.get("failure", "another worker could not start the stack"), pytrace=False)
    share = StackShare(program)
    with share.turn():
        share.join(lambda: tuple(known["ending"]), keep=wanted.keep)
    env = json.loads(program.answer("env", "--format", "json"))
    return StackUse(Stack(program, known["project"], known["session"], env), share)


@contextmanager
def _turn(folder: str) -> Iterator[None]:
    with open(os.path.join(folder, "turn"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_folder() -> str:
    """Return a new folder for the records of a run."""
    return tempfile.mkdtemp(prefix="composeports-pytest-")


def end_all(folder: str, tell: Callable[[str], None]) -> None:
    """End every stack that has a record left, and remove the folder."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                known = json.load(file)
            program = Program(known["directory"], tuple(known["options"]))
            problem = StackShare(program).end(partial(end, program), tuple(known["ending"]))
            if problem:
                tell(problem)
    shutil.rmtree(folder, ignore_errors=True)
