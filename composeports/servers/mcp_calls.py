"""How a tool's work is done: on a thread, heard, stoppable, and with its failure as a result."""

import json
import math
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.types import CallToolResult, TextContent

from composeports.app.workspace import Doors
from composeports.errors import ComposeportsError
from composeports.host.bug_log import write_bug_log
from composeports.host.watching import GRACE, Watch
from composeports.servers.opening import open_doors, say

Work = Callable[[Doors], Mapping[str, Any]]
Report = Callable[[float, float | None, str | None], Awaitable[None]]
# How many stacks one server works on at once; further calls wait.
AT_ONCE = 32
# How many of Compose's last lines a failure shows.
LAST_LINES = 20
# The tools that do what commands do.
TOOLS = {
    "up": "compose_up",
    "down": "compose_down",
    "plan": "compose_plan",
    "status": "ports_status",
    "allocate": "allocate_ports",
    "release": "release_ports",
}
# How long the end of a cancelled call is waited for, in seconds.
PATIENCE = GRACE + 5


class Calls:
    """Answers the calls of one server, on doors that are opened with the first of them."""

    def __init__(self, doors: Doors | None = None) -> None:
        """Use `doors`, or those that the environment leads to."""
        self._doors = doors
        self._opening = threading.Lock()
        self._watches: set[Watch] = set()
        self._stacks: anyio.CapacityLimiter | None = None

    async def answer(self, work: Work) -> CallToolResult:
        """Return what `work` answers on a thread, or its failure."""
        return await anyio.to_thread.run_sync(lambda: self._result(work))

    async def attend(self, work: Work, report: Report) -> CallToolResult:
        """Do long work, and report what it says; where the call is cancelled, Compose is stopped.

        Its end is waited for then, so that the next call finds what is left, and nobody at work.
        """
        sender, receiver = anyio.create_memory_object_stream[str](math.inf)
        voice = _Voice(sender)
        watch = Watch(voice)
        ended = threading.Event()

        def run() -> CallToolResult:
            try:
                return self._result(lambda doors: work(_heard(doors, voice, watch)), voice.last)
            finally:
                ended.set()

        async with anyio.create_task_group() as group:
            group.start_soon(_report_all, receiver, report)
            with sender, self._watching(watch):
                result = await _on_thread(run, watch, ended, self._limiter())
        return result

    def stop(self) -> None:
        """Stop all that Compose does for these calls; they go on to their ends by themselves."""
        for watch in tuple(self._watches):
            watch.stop()

    @property
    def busy(self) -> bool:
        """Whether any long work is under way."""
        return bool(self._watches)

    @contextmanager
    def _watching(self, watch: Watch) -> Iterator[None]:
        self._watches.add(watch)
        try:
            yield
        finally:
            self._watches.discard(watch)

    def _limiter(self) -> anyio.CapacityLimiter:
        """Return what keeps long work from taking the threads that short answers need."""
        self._stacks = self._stacks or anyio.CapacityLimiter(AT_ONCE)
        return self._stacks

    def _result(self, work: Work, last: "deque[str] | None" = None) -> CallToolResult:
        try:
            return result_of(work(self._opened()))
        except ComposeportsError as error:
            return failure(error.code, error.message, error.hint, last or ())
        except Exception as error:  # noqa: BLE001 - the boundary: no traceback for the client
            path = write_bug_log({} if self._doors is None else self._doors.environ)
            message = f"composeports failed unexpectedly ({type(error).__name__})"
            hint = f"this is a bug of composeports; please report it with the log file {path}"
            return failure("internal", message, hint)

    def _opened(self) -> Doors:
        with self._opening:
            if self._doors is None:
                self._doors = open_doors()
            return self._doors


async def _on_thread(
    run: Callable[[], CallToolResult],
    watch: Watch,
    ended: threading.Event,
    limiter: anyio.CapacityLimiter,
) -> CallToolResult:
    try:
        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True, limiter=limiter)
    except anyio.get_cancelled_exc_class():
        watch.stop()
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(ended.wait, PATIENCE)
        raise


class _Voice:
    """Says lines from a thread: to stderr, and to whoever waits for the call."""

    def __init__(self, sender: MemoryObjectSendStream[str]) -> None:
        self._sender = sender
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def __call__(self, line: str) -> None:
        """Say one line; nobody need be there any more."""
        with suppress(OSError, ValueError):
            say(line)
        self.last.append(line)
        with suppress(RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            anyio.from_thread.run_sync(self._sender.send_nowait, line)


def _heard(doors: Doors, voice: _Voice, watch: Watch) -> Doors:
    return replace(doors, say=voice, run=watch.run)


async def _report_all(receiver: MemoryObjectReceiveStream[str], report: Report) -> None:
    """Report every line; a client that cannot be told is no reason to stop the work."""
    number = 0
    with receiver, suppress(Exception):
        async for line in receiver:
            if line.strip():
                number += 1
                await report(number, None, line.strip())


def result_of(answer: Mapping[str, Any]) -> CallToolResult:
    """Return an answer as structured content, and as text for clients that know only that."""
    text = _as_json(answer.get("result", answer))
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=json.loads(_as_json(answer)),
    )


def failure(code: str, message: str, hint: str, output: Iterable[str] = ()) -> CallToolResult:
    """Return a failure as a result, which a model can read and act on."""
    told: dict[str, Any] = {"success": False, "error": code, "message": message}
    told["hint"] = _in_tools(hint)
    said = [line for line in output if line]
    if said:
        told["output"] = said
    made = result_of(told)
    made.is_error = True
    return made


def _in_tools(hint: str) -> str:
    """Return a hint with tools in the place of commands, since a client has no shell, maybe."""
    for command, tool in TOOLS.items():
        hint = hint.replace(f"`composeports {command}`", f"`{tool}`")
    return hint


def _as_json(document: object) -> str:
    """Return JSON that any client can read: bytes of file names that are not text become `?`."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()
