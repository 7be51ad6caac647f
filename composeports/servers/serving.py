"""Runs the HTTP server on an address of this machine until it is told to end."""

import signal
from collections.abc import Iterable
from contextlib import closing

from composeports.errors import EXIT_INTERRUPTED
from composeports.servers.http import close_streams, create_app
from composeports.servers.keys import HOW_TO_SET, read_keys
from composeports.servers.listening import WILDCARDS, Server, are_local, listen, url_of
from composeports.servers.opening import open_doors, say


def serve(host: str, port: int, keys_file: str | None, allowed_hosts: Iterable[str] = ()) -> int:
    """Serve until SIGTERM (0) or Ctrl-C (130), and return that exit code.

    ConfigError for an address that others reach while there is no key, or that is not this
    machine's; AddressInUseError.
    """
    doors = open_doors()
    with closing(doors.store):
        keys = (*doors.config.api_keys, *(read_keys(keys_file) if keys_file else ()))
        sockets = listen(host, port)
        try:
            local = are_local(sockets, host, keys)
            app = create_app(
                doors,
                keys=keys,
                open_reading=local,
                hosts=(host, *allowed_hosts),
                any_address=host in WILDCARDS,
            )
            server = Server(app, lambda: close_streams(app))
            number = sockets[0].getsockname()[1]
            say(f"listening on {url_of(host, number)} (Ctrl-C ends it)")
            if not keys:
                say(f"no API key is set, so nothing can be changed: {HOW_TO_SET}")
            server.run(sockets)
        finally:
            for each in sockets:
                each.close()
    return EXIT_INTERRUPTED if server.ended_by == signal.SIGINT else 0
