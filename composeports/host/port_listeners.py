"""Which process has a port of this machine, where we may see it; asked when one is in the way."""

import socket
from dataclasses import dataclass, field, replace

Port = tuple[int, str]
# What docker starts for a published port: a container is behind it.
PROXY = "docker-proxy"
# What has the ports of containers, as engines do it.
ENGINE_PROGRAMS = frozenset(
    {PROXY, "dockerd", "conmon", "podman", "rootlessport", "rootlesskit", "pasta", "slirp4netns"}
)
THIS, ANOTHER = "this", "another"


@dataclass(frozen=True, slots=True)
class PortListener:
    """A process that has a port; `pid` is 0 where we cannot see it.

    `machine` is the one that it is on, where that is another one than ours. `parent` is the process
    that started it, and `engine` tells whether that is the engine that was asked, or another one;
    empty where it cannot be known.
    """

    pid: int = 0
    name: str = ""
    machine: str = ""
    parent: int = field(default=0, compare=False)
    engine: str = field(default="", compare=False)

    def seen_from(self, engine: int) -> "PortListener":
        """Return the same with the engine that it is of, for the process id of the one asked."""
        if self.name != PROXY or self.parent <= 1 or engine <= 1:
            return self
        return replace(self, engine=THIS if self.parent == engine else ANOTHER)

    @property
    def may_be_of_the_engine(self) -> bool:
        """Whether the engine that was asked may have the port for one of its containers."""
        if self.machine or self.engine == ANOTHER:
            return False
        return not self.pid or self.name in ENGINE_PROGRAMS

    def __str__(self) -> str:
        """Return "nginx (process 123)"."""
        if self.name == PROXY:
            of = f" of {self.engine} engine" if self.engine else ""
            return f"a container{of} ({PROXY}, process {self.pid})"
        if self.machine:
            return f"something on {self.machine} that is no container of its engine"
        return f"{self.name} (process {self.pid})" if self.pid else "something else"


NOBODY_SEEN = PortListener()


def process_on(port: Port) -> PortListener:
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
        if not found:
            return NOBODY_SEEN
        process = psutil.Process(found[0])
        return PortListener(process.pid, process.name(), parent=process.ppid())
    except (psutil.Error, OSError, RuntimeError, NotImplementedError):
        return NOBODY_SEEN
