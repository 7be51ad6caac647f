"""`composeports mcp`: run the MCP server, or print the configuration of an MCP client."""

import gc
import os
import sys

import click

from composeports.cli.context import warn
from composeports.cli.extras import import_with_extra
from composeports.cli.output import write_line

CLIENTS = ("claude", "codex", "gemini", "vscode")
EPILOG = """\b
Examples:
  composeports mcp --print-config claude > .mcp.json
  composeports mcp --print-config codex >> ~/.codex/config.toml
  composeports mcp --http --port 8378
"""


@click.command("mcp", epilog=EPILOG)
@click.option(
    "--print-config",
    "client",
    type=click.Choice(CLIENTS),
    help="Print the configuration for this client, and exit.",
)
@click.option("--http", is_flag=True, help="Serve Streamable HTTP at /mcp, not stdin and stdout.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8378,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--keys-file",
    metavar="FILE",
    help="File with API keys, one per line, that only you can read (mode 0600).",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another name of the server that requests may use, besides localhost and --host.",
)
@click.option(
    "--no-key",
    is_flag=True,
    help="Need no key: every user of this machine may send requests. Only on loopback addresses.",
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    metavar="DIR",
    help="Work only on worktrees below this folder (may be repeated).",
)
@click.pass_context
def command(  # noqa: PLR0917 - click passes them by name
    ctx: click.Context,
    client: str | None,
    host: str,
    port: int,
    keys_file: str | None,
    allowed_hosts: tuple[str, ...],
    roots: tuple[str, ...],
    *,
    http: bool,
    no_key: bool,
) -> int:
    """Serve the same leases and stacks to MCP clients, which start this command as their server.

    Tools: allocate_ports, release_ports, ports_status, and for a worktree compose_plan, compose_up,
    compose_down (never its volumes) and service_url. The server ends with its stdin; leases stay.

    With --http, every request needs a key in the header X-API-Key. Keys come from
    COMPOSEPORTS_API_KEYS (separated by commas) and --keys-file. If you set none, the server
    creates one, and stderr says where it is. On an address that other machines can reach, you must
    set a key of at least 16 characters.
    """
    if client is not None:
        _print_config(client)
        return 0
    http_options = ("host", "port", "keys_file", "allowed_hosts", "no_key")
    if not http and any(_is_given(ctx, name) for name in http_options):
        raise click.UsageError(
            "--host, --port, --keys-file, --allow-host and --no-key are about --http"
        )
    server = import_with_extra("composeports.servers.mcp.serve", "mcp")
    gc.enable()  # disabled in `__main__` for short commands
    code: int = (
        server.serve_http(host, port, keys_file, allowed_hosts, roots, no_key=no_key)
        if http
        else server.serve_stdio(roots)
    )
    return code


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT


def _print_config(client: str) -> None:
    from composeports.servers.mcp.client_config import command_of, snippet, where  # noqa: PLC0415

    program = command_of(sys.argv[0], os.environ.get("PATH", ""))
    write_line(snippet(client, program).rstrip("\n"))
    warn(where(client, program))
