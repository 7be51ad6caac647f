"""The MCP tools: the same use cases as the command line, for any transport.

`create_server()` returns a server with the tools; `add_tools(server)` adds them to another server.
"""

from collections.abc import Awaitable, Callable
from inspect import getdoc
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import Context as McpContext
from mcp.server.mcpserver import MCPServer
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from composeports import __version__
from composeports.servers.lease_handlers import allocate, release, status
from composeports.servers.mcp.calls import Client, ToolRunner
from composeports.servers.mcp.schemas import (
    AllocateResult,
    DownResult,
    PlanResult,
    ReleaseResult,
    StatusResult,
    UpResult,
    UrlResult,
)
from composeports.servers.stack_handlers import (
    StackTarget,
    StartArguments,
    down,
    left,
    plan,
    up,
    up_flags,
    url,
)
from composeports.usecases.context import Context
from composeports.usecases.options import PlanOptions

INSTRUCTIONS = """\
Leases of host ports, and one Docker Compose stack for every git worktree.
In a worktree: compose_up starts its stack on ports that no other session has, and returns the \
URLs; service_url returns one of them; compose_down removes the stack (volumes stay) and gives the \
ports back. Without a Compose file: allocate_ports and release_ports, by any session id.
Calls may be repeated: the same session gets the same ports. A failure has a code and a hint, \
the next step: a tool and its arguments, or a command that is said to be for a shell. In a shell, \
`composeports explain CODE` says more. A failure of compose_up also has the services that failed, \
each with the end of its log.\
"""

Tool = TypeVar("Tool", bound=Callable[..., Awaitable[CallToolResult]])

SessionId = Annotated[
    str, Field(description="any name for the caller; the same name gets the same ports")
]
Worktree = Annotated[
    str,
    Field(description="full path of the worktree, or of the folder in it with the Compose file"),
]
Files = Annotated[
    list[str] | None,
    Field(description="Compose files, relative to the worktree; usually found automatically"),
]
Profiles = Annotated[list[str] | None, Field(description="profiles to switch on")]
Session = Annotated[str | None, Field(description="a session other than the worktree's own")]
DefaultPorts = Annotated[bool, Field(description="keep the file's own host ports, and lease those")]
Strict = Annotated[bool, Field(description="fail where something cannot be isolated")]
Wait = Annotated[
    bool | None,
    Field(description="until all are healthy; by default as the repository's settings say"),
]

Seed = Annotated[
    str | None,
    Field(
        description="copy the data of this session of the repository (`main`, branch, folder) into "
        "empty volumes first; empty: copy none; by default as the repository's settings say"
    ),
]

After = Annotated[
    bool,
    Field(
        description="run the commands that the repository's settings name for after `up`; they "
        "have to be allowed with `composeports allow` on this machine"
    ),
]

READS = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
# Compose may pull images from any registry.
STARTS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)
REMOVES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)


def create_server(
    context: Context | None = None, calls: ToolRunner | None = None
) -> MCPServer[Any]:
    """Return a server with all tools, for any transport of the SDK."""
    server: MCPServer[Any] = MCPServer(
        "composeports", version=__version__, instructions=INSTRUCTIONS, log_level="WARNING"
    )
    add_tools(server, context, calls)
    return server


def add_tools(
    server: MCPServer[Any], context: Context | None = None, calls: ToolRunner | None = None
) -> None:
    """Add the tools to a server; without `context`, the environment gives store and engine."""
    calls = calls or ToolRunner(context)
    _add_port_tools(server, calls)
    _add_stack_tools(server, calls)
    _add_reading_tools(server, calls)


def _tool(server: MCPServer[Any], title: str, hints: ToolAnnotations) -> Callable[[Tool], Tool]:
    """Return a decorator that adds a function as a tool; its docstring is the description."""

    def add(tool: Tool) -> Tool:
        server.add_tool(tool, title=title, description=getdoc(tool), annotations=hints)
        return tool

    return add


def _add_port_tools(server: MCPServer[Any], calls: ToolRunner) -> None:
    @_tool(server, "Allocate ports", ADDS)
    async def allocate_ports(session_id: SessionId) -> Annotated[CallToolResult, AllocateResult]:
        """Lease a block of host ports for a session, or renew its lease.

        `success` is false, with the error `no_ports_available`, while all blocks are taken.
        """
        return await calls.answer(lambda context: allocate(context, session_id, calls.roots))

    @_tool(server, "Release ports", REMOVES)
    async def release_ports(session_id: SessionId) -> Annotated[CallToolResult, ReleaseResult]:
        """Give a session's ports back; an unknown session is no error.

        It fails with `stack_left` while containers of the session exist: compose_down first.
        """
        return await calls.answer(lambda context: release(context, session_id, calls.roots))

    @_tool(server, "List leases", READS)
    async def ports_status() -> Annotated[CallToolResult, StatusResult]:
        """List every lease: session, worktree, ports, URLs, minutes left, state of its stack."""
        return await calls.answer(lambda context: {"result": status(context)})


def _add_stack_tools(server: MCPServer[Any], calls: ToolRunner) -> None:
    @_tool(server, "Start a stack", STARTS)
    async def compose_up(  # noqa: PLR0913, PLR0917 - a tool's arguments
        context: McpContext[Any, Any],
        worktree: Worktree,
        services: Annotated[list[str] | None, Field(description="only these, not all")] = None,
        build: Annotated[bool, Field(description="build images first")] = False,  # noqa: FBT002
        wait: Wait = None,
        seed: Seed = None,
        after: After = True,  # noqa: FBT002
        files: Files = None,
        profiles: Profiles = None,
        session: Session = None,
        default_ports: DefaultPorts = False,  # noqa: FBT002
        strict: Strict = False,  # noqa: FBT002
    ) -> Annotated[CallToolResult, UpResult]:
        """Start a worktree's stack on host ports that no other session has, and return its URLs.

        No file of the repository is changed. What Compose says is reported as progress.
        """
        target = StackTarget(worktree, files or (), profiles or (), session, calls.roots)
        options = PlanOptions(default_ports=default_ports, strict=strict)
        flags = up_flags(build=build, wait=wait)
        arguments = StartArguments(services or (), flags, seed, after=after)
        return await calls.attend(
            lambda context: up(context, target, options, arguments),
            Client(context),
            lambda context: left(context, target),
        )

    @_tool(server, "Take a stack down", REMOVES)
    async def compose_down(
        context: McpContext[Any, Any], worktree: Worktree, session: Session = None
    ) -> Annotated[CallToolResult, DownResult]:
        """Remove a worktree's containers and networks, and give its ports back.

        Volumes always stay.
        """
        target = StackTarget(worktree, session=session, roots=calls.roots)
        return await calls.attend(
            lambda context: down(context, target),
            Client(context),
            lambda context: left(context, target),
        )


def _add_reading_tools(server: MCPServer[Any], calls: ToolRunner) -> None:
    @_tool(server, "Plan a stack", READS)
    async def compose_plan(  # noqa: PLR0913, PLR0917 - a tool's arguments
        context: McpContext[Any, Any],
        worktree: Worktree,
        files: Files = None,
        profiles: Profiles = None,
        session: Session = None,
        default_ports: DefaultPorts = False,  # noqa: FBT002 - given by name
        strict: Strict = False,  # noqa: FBT002
    ) -> Annotated[CallToolResult, PlanResult]:
        """Tell what compose_up would do in a worktree, and why; changes nothing."""
        target = StackTarget(worktree, files or (), profiles or (), session, calls.roots)
        options = PlanOptions(default_ports=default_ports, strict=strict)
        return await calls.attend(
            lambda context: plan(context, target, options),
            Client(context),
            lambda _context: "a plan changes nothing",
        )

    @_tool(server, "URL of a service", READS)
    async def service_url(
        worktree: Worktree,
        service: str,
        port: Annotated[
            str | int | None, Field(description="inside of the container: 80, 53/udp")
        ] = None,
        session: Session = None,
    ) -> Annotated[CallToolResult, UrlResult]:
        """Tell the URL (or host:port) of a service of a worktree's stack; renews its lease."""
        target = StackTarget(worktree, session=session, roots=calls.roots)
        container_port = "" if port is None else str(port)
        return await calls.answer(lambda context: url(context, target, service, container_port))
