"""The routes of the HTTP server, which gives programs the same leases as the CLI.

The answers come from `lease_handlers`.

| route | key | answer |
|---|---|---|
| `POST /ports/allocate` | yes | the session's lease, allocated or renewed |
| `POST /ports/renew` | yes | the lease that the session holds, renewed; 404 without one |
| `POST /ports/release` | yes | released; 409 `stack_left` while containers exist |
| `POST /stacks/up` | yes | `composeports up` of the session, in the folder of its last `up` |
| `POST /stacks/down` | yes | `composeports down` of the session, never volumes |
| `GET /ports/status` | not on loopback | the list of leases |
| `GET /events` | as for status | the same list as a stream, at once and after each change |
| `GET /health`, `/openapi.json`, `/docs` | as for status | |
| `GET /`, and the files of the page | no | the page; it contains no data |

`GET /events` is `text/event-stream`. At the start and each time the list changes, it sends

    event: status
    data: [{"session_id": ..., "worktree": ..., "branch": ..., "compose_project_name": ...,
            "db_port": 10000, "rest_port": ..., "realtime_port": ..., "api_port": ...,
            "ports": {"web:80/tcp": 10004}, "urls": {"web:80/tcp": "http://localhost:10004"},
            "allocated_at": "2026-01-31T12:00:00+00:00", "expires_at": ...,
            "remaining_ttl_minutes": 97, "expired": false, "kept_by": "ttl", "state": "running",
            "health": {"healthy": 1, "checked": 2}}]

with the whole list in one line. The data is exactly the document of `GET /ports/status`. `urls`
contains what a client of the port needs: a URL, or `localhost:10004` if the port does not speak
HTTP. `urls` is empty for a lease without a stack. After 15 s without an event, the stream sends
`event: heartbeat` with `data: {}`, so that the client notices a dead connection. The stream ends
when the server ends; the client then connects again. A change by a POST is sent at once.

`create_app` creates the application. If it is mounted in another application, that application has
to run its lifespan (docs/http.md shows how). Without the lifespan no LeaseRenewer runs, and
`GET /events` answers 503.
"""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException

from composeports import __version__
from composeports.errors import ComposeportsError
from composeports.host.bug_report import write_bug_log
from composeports.port_allocator import share_allocator, unshare_allocator
from composeports.servers import dashboard, lease_handlers, stack_handlers
from composeports.servers.access_middleware import AccessMiddleware, AccessPolicy, names_of
from composeports.servers.allocator import StoreAllocator
from composeports.servers.api_keys import Keys
from composeports.servers.command_limit import Commands
from composeports.servers.context import open_context, refreshed
from composeports.servers.http import schemas
from composeports.servers.http.api_docs import POLICY, render
from composeports.servers.http.broadcast import StatusBroadcast
from composeports.servers.http.error_middleware import ErrorMiddleware
from composeports.servers.http.error_responses import body_of, problem, status_of
from composeports.servers.http.shared_refresh import SharedRefresh
from composeports.servers.http.status_feed import LeaseRenewer, as_text
from composeports.servers.roots import Roots
from composeports.usecases import status as status_usecase
from composeports.usecases.context import Context
from composeports.usecases.session_lookup import no_session

TITLE = "composeports"
ABOUT = "Leased host ports, the same ones that the command line and the MCP server give out."
HEARTBEAT_SECONDS = 15.0
# Threads for requests that change leases. Reads and commands have other threads.
CHANGES_AT_ONCE = 32
# Only for the OpenAPI description: AccessMiddleware checks the key before the routes.
_KEY = Depends(APIKeyHeader(name="X-API-Key", auto_error=False))
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": schemas.Problem, "description": "It cannot be done"},
    403: {"model": schemas.Problem, "description": "Host, Origin or worktree is not ours"},
}
_FAILED: dict[int | str, dict[str, Any]] = {
    500: {"model": schemas.Problem, "description": "The store cannot be used"},
    503: {"model": schemas.Problem, "description": "Busy, or the engine does not answer"},
}
_READ = {**_REFUSED, **_FAILED, 401: {"model": schemas.Unauthorized}}
_CHANGE = {
    **_READ,
    408: {"model": schemas.Problem, "description": "The request was not whole in time"},
    409: {"model": schemas.Problem, "description": "Something is in the way"},
    413: {"model": schemas.Problem, "description": "More than 64 KiB"},
    422: {"model": schemas.Unprocessable, "description": "No session_id that can name a session"},
}
_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "The session holds no lease"},
}


class _Service:
    """The objects that all routes share."""

    def __init__(self, context: Context, roots: Roots) -> None:
        self.ending = Event()
        self.context = context._replace(is_stopped=self.ending.is_set)
        self._roots = roots
        self._limiter: CapacityLimiter | None = None
        self._commands = Commands(context.config.server_commands)
        self._threads: CapacityLimiter | None = None
        self.board = StatusBroadcast()
        self.renewer = LeaseRenewer(context, self.board)
        # Only the LeaseRenewer reports problems of the engine, each of them once.
        quiet_context = context._replace(report=lambda _text: None)
        self.looks = SharedRefresh(
            lambda: as_text(status_usecase.status(no_session(quiet_context)))
        )

    async def change(
        self, use_case: Callable[[Context, str, Roots], lease_handlers.Answer], session: str
    ) -> Response:
        """Run a use case that changes leases; then watchers get the new status."""
        self._limiter = self._limiter or CapacityLimiter(CHANGES_AT_ONCE)
        return await self._run(use_case, session, self._limiter)

    async def command(
        self, use_case: Callable[[Context, str, Roots], lease_handlers.Answer], session: str
    ) -> Response:
        """Run a use case that runs Compose, in its turn; then watchers get the new status."""
        self._threads = self._threads or CapacityLimiter(math.inf)
        async with self._commands.turn(self.context.report):
            return await self._run(use_case, session, self._threads)

    async def _run(
        self,
        use_case: Callable[[Context, str, Roots], lease_handlers.Answer],
        session: str,
        limiter: CapacityLimiter,
    ) -> Response:
        try:
            answer = await run_sync(
                lambda: use_case(refreshed(self.context), session, self._roots), limiter=limiter
            )
        finally:
            if self.board.watchers:
                self.renewer.wake()
        return JSONResponse(answer)


def create_app(  # noqa: PLR0913 - all are keywords, and most have a default
    context: Context | None = None,
    *,
    keys: Iterable[str] | None = None,
    open_reading: bool = True,
    hosts: Iterable[str] | None = (),
    any_address: bool = False,
    roots: Iterable[str] = (),
) -> FastAPI:
    """Return the application; without `context`, store and engine come from the environment.

    `keys` are the valid values of X-API-Key, by default those of COMPOSEPORTS_API_KEYS; without
    any key, all changes are refused. `open_reading` False requires a key for reading too; use it
    if other machines can reach the application. `hosts` are accepted names in the Host header
    besides localhost; None accepts any name, for an application that checks the header itself.
    `any_address` True accepts every IP address in the Host header. `roots` are folders: only
    sessions of worktrees below them and sessions without a worktree may be changed.

    Until the application ends, `get_port_allocator` of this process allocates in the same store.
    ConfigError for invalid settings.
    """
    root_folders = Roots.of(roots)
    owns_context = context is None
    context = context or open_context()
    service = _Service(context, root_folders)
    allocator = StoreAllocator(context)
    share_allocator(allocator)  # also if the lifespan is never run

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        share_allocator(allocator)
        async with service.renewer.running():
            yield
        unshare_allocator(allocator)
        if owns_context:
            await run_sync(service.context.store.close)

    app = FastAPI(
        title=TITLE,
        description=ABOUT,
        version=__version__,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.composeports = service
    _add_changes(app, service)
    _add_reading(app, service, key=[] if open_reading else [_KEY])
    _add_page(app)
    _add_failures(app, context)
    access = AccessPolicy(
        keys=Keys(context.config.api_keys if keys is None else keys),
        open_reading=open_reading,
        hosts=None if hosts is None else names_of(hosts),
        any_address=any_address,
        free=frozenset(f"/{name}" for name in dashboard.FILES),
    )
    app.add_middleware(ErrorMiddleware, tell=lambda error: _tell_bug(context, error))
    app.add_middleware(AccessMiddleware, access=access)
    return app


def close_streams(app: FastAPI) -> None:
    """End all event streams and waits for services, so that the server can end.

    Call it on the server's event loop.
    """
    service: _Service = app.state.composeports
    service.ending.set()
    service.board.close()


def _add_reading(app: FastAPI, service: _Service, key: Sequence[Any]) -> None:
    @app.get("/ports/status", responses=_READ, response_model=list[schemas.Entry], dependencies=key)
    async def status() -> Response:
        """List every lease with its session, ports, minutes left and the state of its stack."""
        return Response(await service.looks.fresh(), media_type="application/json")

    @app.get("/events", responses=_READ, response_class=StreamingResponse, dependencies=key)
    async def events() -> Response:
        """Stream the list of leases as server-sent events: now, and whenever it changes."""
        if not service.renewer.is_running:
            document = problem(
                "no_events",
                "the status feed of this application does not run",
                "the application that it is mounted in has to run its lifespan",
            )
            return JSONResponse(document, 503)
        service.board.publish(await service.looks.fresh())
        return StreamingResponse(_events(service.board), media_type="text/event-stream")

    @app.get("/health", responses=_READ, response_model=schemas.Health, dependencies=key)
    async def health() -> Response:
        """Tell that the server answers, and its version."""
        return JSONResponse({"status": "ok", "version": __version__})

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        """Show this description to people, with nothing from elsewhere."""
        return HTMLResponse(render(app.openapi()), headers={"Content-Security-Policy": POLICY})


def _add_page(app: FastAPI) -> None:
    def add(path: str, name: str, kind: str) -> None:
        @app.get(f"/{path}", include_in_schema=False)
        async def file() -> Response:
            headers = {"Content-Security-Policy": dashboard.POLICY}
            return Response(dashboard.content(name), media_type=kind, headers=headers)

    for path, (name, kind) in dashboard.FILES.items():
        add(path, name, kind)


def _add_changes(app: FastAPI, service: _Service) -> None:
    @app.post(
        "/ports/allocate",
        responses=_CHANGE,
        response_model=schemas.Allocated | schemas.NothingFree,
        dependencies=[_KEY],
    )
    async def allocate(asked: schemas.SessionRequest) -> Response:
        """Take the session's ports, or renew its hold; the same session gets the same ports."""
        return await service.change(lease_handlers.allocate, asked.session_id)

    @app.post(
        "/ports/renew",
        responses={**_CHANGE, **_UNKNOWN},
        response_model=schemas.Allocated,
        dependencies=[_KEY],
    )
    async def renew(asked: schemas.SessionRequest) -> Response:
        """Extend the lease that the session holds."""
        return await service.change(lease_handlers.renew, asked.session_id)

    @app.post(
        "/ports/release", responses=_CHANGE, response_model=schemas.Released, dependencies=[_KEY]
    )
    async def release(asked: schemas.SessionRequest) -> Response:
        """Give the session's ports back; refused while its stack has containers."""
        return await service.change(lease_handlers.release, asked.session_id)

    @app.post(
        "/stacks/up",
        responses={**_CHANGE, **_UNKNOWN},
        response_model=schemas.Up,
        dependencies=[_KEY],
    )
    async def up(asked: schemas.StackStart) -> Response:
        """Start the session's stack in the folder where it was last started."""
        flags = stack_handlers.up_flags(build=asked.build, wait=asked.wait)
        arguments = stack_handlers.StartArguments(
            asked.services, flags, asked.seed, after=asked.after
        )
        return await service.command(
            lambda context, session, roots: stack_handlers.up_again(
                context, session, roots, arguments
            ),
            asked.session_id,
        )

    @app.post("/stacks/down", responses=_CHANGE, response_model=schemas.Down, dependencies=[_KEY])
    async def down(asked: schemas.SessionRequest) -> Response:
        """Take the session's stack down, then release its ports; named volumes stay."""
        return await service.command(lease_handlers.down, asked.session_id)


async def _events(board: StatusBroadcast) -> AsyncIterator[bytes]:
    async for text in board.watch(HEARTBEAT_SECONDS):
        if text is None:
            yield b"event: heartbeat\ndata: {}\n\n"
        else:
            yield b"event: status\ndata: " + text + b"\n\n"


def _add_failures(app: FastAPI, context: Context) -> None:
    @app.exception_handler(ComposeportsError)
    async def failed(_request: Request, error: ComposeportsError) -> Response:
        status = status_of(error)
        document = body_of(error)
        if status >= 500 or document["message"] != error.message:  # noqa: PLR2004 - a server error
            context.report(f"error: {error.message}")
        return JSONResponse(document, status)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # noqa: PLR2004 - the body is not text
            part = {"loc": ["body"], "msg": error.detail, "type": "json_invalid"}
            return JSONResponse({"detail": [part]}, 422)
        return await http_exception_handler(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        # Without the input: it may contain what JSON cannot represent, and the client knows it.
        parts = [
            {name: detail[name] for name in ("loc", "msg", "type")} for detail in error.errors()
        ]
        return JSONResponse({"detail": parts}, 422)


def _tell_bug(context: Context, error: Exception) -> None:
    path = write_bug_log(context.environ)
    context.report(
        f"error: composeports failed unexpectedly ({type(error).__name__}); this is a bug of "
        f"composeports; please report it with the log file {path}"
    )
