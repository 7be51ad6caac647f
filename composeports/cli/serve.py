"""`composeports serve`: run the HTTP server."""

import gc

import click

from composeports.cli.extras import import_with_extra

EPILOG = """\b
Examples:
  COMPOSEPORTS_API_KEYS=$(openssl rand -hex 16) composeports serve
  curl http://127.0.0.1:8377/ports/status
"""


@click.command("serve", epilog=EPILOG)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8377,
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
    "--root",
    "roots",
    multiple=True,
    metavar="DIR",
    help="Change only sessions of worktrees below this folder (may be repeated).",
)
def command(
    host: str,
    port: int,
    keys_file: str | None,
    allowed_hosts: tuple[str, ...],
    roots: tuple[str, ...],
) -> int:
    """Serve the same leases over HTTP, and renew the leases of running stacks.

    http://127.0.0.1:8377/ is a page that shows every stack on the machine, live.

    Requests that change something need a key in the header X-API-Key. Keys come from
    COMPOSEPORTS_API_KEYS (separated by commas) and --keys-file. On 127.0.0.1, reading needs no
    key, and if you set none, the server creates one; stderr says where it is. On an address that
    other machines can reach, all data needs a key of at least 16 characters.

    Ctrl-C (exit code 130) and SIGTERM (0) end it; leases stay.
    """
    server = import_with_extra("composeports.servers.http.serve", "http")
    gc.enable()  # disabled in `__main__` for short commands
    code: int = server.serve(host, port, keys_file, allowed_hosts, roots)
    return code
