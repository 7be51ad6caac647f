"""Runs the HTTP server on an address of this machine until a signal ends it."""

import signal
from collections.abc import Iterable
from contextlib import closing

from composeports.errors import EXIT_INTERRUPTED
from composeports.servers.api_keys import given_keys, made_keys, where_key_is
from composeports.servers.context import open_context, warn
from composeports.servers.http.app import close_streams, create_app
from composeports.servers.listen import WILDCARDS, Server, are_local, listen, url_of
from composeports.servers.log import log_in_lines


def serve(
    host: str,
    port: int,
    keys_file: str | None,
    allowed_hosts: Iterable[str] = (),
    roots: Iterable[str] = (),
) -> int:
    """Serve until a signal ends the server; return 0 after SIGTERM, 130 after Ctrl-C.

    If no key is given, this user's generated key is used. ConfigError if other machines can reach
    the address and no key is given or one is too short, or if the address is not one of this
    machine. AddressInUseError if the port is in use.
    """
    log_in_lines()
    context = open_context()
    with closing(context.store):
        user_keys = given_keys(context, keys_file)
        sockets = listen(host, port)
        try:
            is_local = are_local(sockets, host, user_keys)
            keys = user_keys or made_keys(context)
            app = create_app(
                context,
                keys=keys,
                open_reading=is_local,
                hosts=(host, *allowed_hosts),
                any_address=host in WILDCARDS,
                roots=roots,
            )
            server = Server(app, lambda: close_streams(app))
            number = sockets[0].getsockname()[1]
            warn(f"listening on {url_of(host, number)} (Ctrl-C ends it)")
            if not user_keys:
                warn(where_key_is(context))
            server.serve_on(sockets)
        finally:
            for listener in sockets:
                listener.close()
    return EXIT_INTERRUPTED if server.ended_by == signal.SIGINT else 0
