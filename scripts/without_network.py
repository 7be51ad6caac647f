#!/usr/bin/env python3
"""Run one command without a network except loopback and what the command creates."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import sys

_INSIDE = "--inside"
_SIOCSIFFLAGS = 0x8914
_IFF_UP_RUNNING = 0x41


def main(argv: list[str]) -> None:
    """Replace this process by the command, in a new network namespace."""
    if argv[:1] == [_INSIDE]:
        _set_loopback_up()
        # An engine of this machine publishes its ports outside of the namespace.
        environ = {**os.environ, "COMPOSEPORTS_DEV_OWN_ENGINE": "1"}
        os.execvpe(argv[1], argv[1:], environ)  # noqa: S606 - it takes our place
    if not argv:
        sys.exit("usage: scripts/without_network.py COMMAND [ARGUMENT...]")
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        sys.exit("[dev] error: a network is cut off by root on Linux only")
    words = ["unshare", "--net", "--", sys.executable, __file__, _INSIDE, *argv]
    os.execvp(words[0], words)  # noqa: S606 - it takes our place


def _set_loopback_up() -> None:
    with socket.socket() as any_socket:
        request = struct.pack("16sh", b"lo", _IFF_UP_RUNNING)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


if __name__ == "__main__":
    main(sys.argv[1:])
