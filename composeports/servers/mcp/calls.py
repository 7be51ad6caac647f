"""Runs MCP tool calls on threads, with progress and cancellation; failures become results.

Calls that run Compose wait for their turn first. If such a call is cancelled, the client gets a
message that says what is left and which tool to call next.
"""

import json
import math
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import anyio
import anyio.from_thread
import anyio.to_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.mcpserver import Context as McpContext
from mcp.types import CallToolResult, TextContent

from composeports.errors import ComposeportsError
from composeports.host.bug_report import write_bug_log
from composeports.host.captured_process import GRACE, CapturedRunner
from composeports.servers.command_limit import Commands
from composeports.servers.context import open_context, refreshed, warn
from composeports.servers.mcp.tool_hints import in_tools
from composeports.servers.roots import ANYWHERE, Roots
from composeports.usecases.context import Context

Work = Callable[[Context], Mapping[str, Any]]
# Returns one sentence that says what is left of a stack and what to do next.
Aftermath = Callable[[Context], str]
# How many of Compose's last lines a failure contains.
LAST_LINES = 20
# How long to wait for the end of a cancelled call, in seconds.
STOP_TIMEOUT_SECONDS = GRACE + 5
# How long sending the message to the client of a cancelled call may take, in seconds.
TELLING = 5.0


class ToolRunner:
    """Runs the tool calls of one server; without a Context, the first call opens one."""

    def __init__(self, context: Context | None = None, roots: Roots = ANYWHERE) -> None:
        """Use `context`, or one from the environment; allow only worktrees below `roots`."""
        self.roots = roots
        self._context = context
        self._opening = threading.Lock()
        self._watches: set[CapturedRunner] = set()
        self._commands: Commands | None = None
        self._threads: anyio.CapacityLimiter | None = None

    async def answer(self, work: Work) -> CallToolResult:
        """Run `work` on a thread and return its answer, or its failure, as a tool result."""
        return await anyio.to_thread.run_sync(lambda: self._result(work))

    async def attend(self, work: Work, client: "Client", aftermath: Aftermath) -> CallToolResult:
        """Run long work when its turn comes, report its output as progress, and return its result.

        If the call is cancelled, Compose is stopped. The method then waits up to
        STOP_TIMEOUT_SECONDS seconds for its end, so that the next call finds the final state and no
        running command. The client gets the sentence that `aftermath` returns.
        """
        sender, receiver = anyio.create_memory_object_stream[str](math.inf)
        reporter = _ProgressReporter(sender)
        job = _Job(CapturedRunner(reporter))

        def run() -> CallToolResult:
            return self._result(
                lambda context: work(_heard(context, reporter, job.watch)), reporter.last
            )

        async with anyio.create_task_group() as group:
            group.start_soon(_report_all, receiver, client)
            with sender:
                try:
                    commands = await anyio.to_thread.run_sync(self._all_commands)
                    async with commands.turn(reporter.say_here):
                        with self._watching(job.watch):
                            result = await job.run(run, self._limiter())
                except anyio.get_cancelled_exc_class():
                    with anyio.CancelScope(shield=True):
                        await self._tell_left(job, client, aftermath)
                    raise
        return result

    async def _tell_left(self, job: "_Job", client: "Client", aftermath: Aftermath) -> None:
        if not job.began:
            state = "it had not begun, so nothing was changed"
        elif not job.ended.is_set():
            state = "Compose was asked to stop and is still running: call `ports_status` later"
        else:
            state = await anyio.to_thread.run_sync(self._aftermath, aftermath)
        text = f"the call was cancelled: {in_tools(state)}"
        with suppress(OSError, ValueError):
            warn(text)
        with anyio.move_on_after(TELLING):
            await client.warn(text)

    def _aftermath(self, aftermath: Aftermath) -> str:
        try:
            return aftermath(self._opened())
        except ComposeportsError as error:
            return f"what is left is unknown ({error.message}): call `ports_status`"

    def stop(self) -> None:
        """Stop every Compose process of these calls; the calls then end by themselves."""
        for watch in tuple(self._watches):
            watch.stop()

    @property
    def busy(self) -> bool:
        """True while long work runs."""
        return bool(self._watches)

    @contextmanager
    def _watching(self, watch: CapturedRunner) -> Iterator[None]:
        self._watches.add(watch)
        try:
            yield
        finally:
            self._watches.discard(watch)

    def _all_commands(self) -> Commands:
        """Return the command limit of this server.

        Call it on a thread, because the first call opens the Context.
        """
        try:
            limit = self._opened().config.server_commands
        except ComposeportsError:  # the work fails with it too, and reports it
            limit = 1
        with self._opening:
            self._commands = self._commands or Commands(limit)
            return self._commands

    def _limiter(self) -> anyio.CapacityLimiter:
        """Return the limiter for threads of long work, which are not those of short answers.

        It has no limit of its own, because `Commands` limits how many run.
        """
        self._threads = self._threads or anyio.CapacityLimiter(math.inf)
        return self._threads

    def _result(self, work: Work, last: "deque[str] | None" = None) -> CallToolResult:
        try:
            return result_of(work(self._opened()))
        except ComposeportsError as error:
            failed = {"services": error.details.get("services")}
            details = failed if failed["services"] else {}
            return failure(error.code, error.message, error.hint, last or (), details)
        except Exception as error:  # noqa: BLE001 - no traceback for the client
            path = write_bug_log({} if self._context is None else self._context.environ)
            message = f"composeports failed unexpectedly ({type(error).__name__})"
            hint = f"this is a bug of composeports; please report it with the log file {path}"
            return failure("internal", message, hint)

    def _opened(self) -> Context:
        with self._opening:
            if self._context is None:
                self._context = open_context()
                return self._context
        return refreshed(self._context)


class _Job:
    """Work on a thread that either starts or is cancelled before it starts."""

    def __init__(self, watch: CapturedRunner) -> None:
        self.watch = watch
        self.began = False
        self.ended = threading.Event()
        self._cancelled = False
        self._lock = threading.Lock()

    async def run(
        self, work: Callable[[], CallToolResult], limiter: anyio.CapacityLimiter
    ) -> CallToolResult:
        """Run the work; when cancelled, stop it and wait up to STOP_TIMEOUT_SECONDS for its end."""

        def begin() -> CallToolResult | None:
            with self._lock:
                if self._cancelled:
                    return None
                self.began = True
            try:
                return work()
            finally:
                self.ended.set()

        try:
            result = await anyio.to_thread.run_sync(begin, abandon_on_cancel=True, limiter=limiter)
        except anyio.get_cancelled_exc_class():
            with self._lock:
                self._cancelled = True
            if self.began:
                self.watch.stop()
                with anyio.CancelScope(shield=True):
                    await anyio.to_thread.run_sync(self.ended.wait, STOP_TIMEOUT_SECONDS)
            raise
        return cast("CallToolResult", result)


class Client:
    """The MCP client that called a tool; it receives progress and messages."""

    def __init__(self, context: McpContext[Any, Any]) -> None:
        """Send to the client of the request that `context` belongs to."""
        self._context = context
        self._number = 0

    async def report(self, text: str) -> None:
        """Send a line as progress; only clients that asked for progress receive it."""
        self._number += 1
        await self._context.report_progress(self._number, None, text)

    async def warn(self, text: str) -> None:
        """Send a line as a log message and as progress; ignore errors if the client has gone."""
        with suppress(Exception), warnings.catch_warnings():
            # The newest protocol has no log messages and drops them; earlier versions show them.
            warnings.simplefilter("ignore")
            await self._context.warning(text)
        with suppress(Exception):
            await self.report(text)


class _ProgressReporter:
    """Writes lines to stderr and sends them to the task that reports progress."""

    def __init__(self, sender: MemoryObjectSendStream[str]) -> None:
        self._sender = sender
        self.last: deque[str] = deque(maxlen=LAST_LINES)

    def __call__(self, line: str) -> None:
        """Write and send one line, from a worker thread; ignore that the call has ended."""
        self._note(line)
        with suppress(RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            anyio.from_thread.run_sync(self._sender.send_nowait, line)

    def say_here(self, line: str) -> None:
        """Write and send one line, from the event loop's thread."""
        self._note(line)
        self._sender.send_nowait(line)

    def _note(self, line: str) -> None:
        with suppress(OSError, ValueError):
            warn(line)
        self.last.append(line)


def _heard(context: Context, voice: _ProgressReporter, watch: CapturedRunner) -> Context:
    return context._replace(report=voice, run=watch.run, is_stopped=watch.is_stopped)


async def _report_all(receiver: MemoryObjectReceiveStream[str], client: Client) -> None:
    """Report every line as progress; a client that cannot be reached does not stop the work."""
    with receiver, suppress(Exception):
        async for line in receiver:
            if line.strip():
                await client.report(line.strip())


def result_of(answer: Mapping[str, Any]) -> CallToolResult:
    """Return an answer as structured content, and as text for clients that read only text."""
    text = _as_json(answer.get("result", answer))
    return CallToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content=json.loads(_as_json(answer)),
    )


def failure(
    code: str,
    message: str,
    hint: str,
    output: Iterable[str] = (),
    details: Mapping[str, Any] | None = None,
) -> CallToolResult:
    """Return a failure as a tool result with `is_error`, which a model can read and act on."""
    document: dict[str, Any] = {"success": False, "error": code, "message": message}
    document["hint"] = in_tools(hint)
    if details:
        document["details"] = dict(details)
    lines = [line for line in output if line]
    if lines:
        document["output"] = lines
    result = result_of(document)
    result.is_error = True
    return result


def _as_json(document: object) -> str:
    """Return JSON that any client can read: bytes in file names that are not text become `?`."""
    text = json.dumps(document, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode()
