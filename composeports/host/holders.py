"""Which process has a port of this machine, where we may see it; asked when one is in the way."""

import socket
from typing import NamedTuple

Port = tuple[int, str]
# What docker starts for a published port: a container is behind it.
PROXY = "docker-proxy"


class Holder(NamedTuple):
    """A process that has a port; `pid` is 0 where we cannot see it.

    `machine` is the one that it is on, where that is another one than ours.
    """

    pid: int = 0
    name: str = ""
    machine: str = ""

    def __str__(self) -> str:
        """Return "nginx (process 123)"."""
        if self.name == PROXY:
            return f"a container of another engine ({PROXY}, process {self.pid})"
        if self.machine:
            return f"something on {self.machine} that is no container of its engine"
        return f"{self.name} (process {self.pid})" if self.pid else "something else"


NOBODY_SEEN = Holder()


def process_on(port: Port) -> Holder:
    """Return the process that listens on a port; NOBODY_SEEN where none can be seen.

    That is so for a process of another user, and for a socket that does not listen yet.
    """
    # 25 ms, and only where a port is in the way.
    import psutil  # noqa: PLC0415

    number, protocol = port
    if protocol not in {"tcp", "udp"}:
        return NOBODY_SEEN
    try:
        found = [
            each.pid
            for each in psutil.net_connections(protocol)
            if each.laddr and each.laddr.port == number and each.pid
            if each.type == socket.SOCK_DGRAM or each.status == psutil.CONN_LISTEN
        ]
        return Holder(found[0], psutil.Process(found[0]).name()) if found else NOBODY_SEEN
    except (psutil.Error, OSError, RuntimeError, NotImplementedError):
        return NOBODY_SEEN
