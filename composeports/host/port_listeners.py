"""Find the process that uses a port of this machine. Called only when a port is not free."""

import socket
from typing import NamedTuple

Port = tuple[int, str]
# The program that docker starts for a published port; a container uses the port.
PROXY = "docker-proxy"
# The programs by which engines bind the ports of containers.
ENGINE_PROGRAMS = frozenset(
    {PROXY, "dockerd", "conmon", "podman", "rootlessport", "rootlesskit", "pasta", "slirp4netns"}
)
THIS, ANOTHER = "this", "another"


class PortListener(NamedTuple):
    """A process that uses a port; `pid` is 0 if this user cannot see the process.

    `machine` names the machine of the process if it is not this one. `parent` is the id of the
    process that started it. `engine` is "this" if that parent is the engine in use and "another" if
    it is another engine; it is empty if that is unknown.
    """

    pid: int = 0
    name: str = ""
    machine: str = ""
    parent: int = 0
    engine: str = ""

    def seen_from(self, engine: int) -> "PortListener":
        """Return a copy with `engine` set; the argument is the process id of the engine in use."""
        if self.name != PROXY or self.parent <= 1 or engine <= 1:
            return self
        return self._replace(engine=THIS if self.parent == engine else ANOTHER)

    @property
    def may_be_of_the_engine(self) -> bool:
        """True if the engine in use may have bound the port for one of its containers."""
        if self.machine or self.engine == ANOTHER:
            return False
        return not self.pid or self.name in ENGINE_PROGRAMS

    def __str__(self) -> str:
        """Return a text such as "nginx (process 123)"."""
        if self.name == PROXY:
            origin = f" of {self.engine} engine" if self.engine else ""
            return f"a container{origin} ({PROXY}, process {self.pid})"
        if self.machine:
            return f"something on {self.machine} that is no container of its engine"
        return f"{self.name} (process {self.pid})" if self.pid else "something else"


NOBODY_SEEN = PortListener()


def process_on(port: Port) -> PortListener:
    """Return the process that listens on a port; NOBODY_SEEN if none can be seen.

    None can be seen if the process belongs to another user, or if the socket does not listen yet.
    """
    # The import takes 25 ms, and is needed only if a port is not free.
    import psutil  # noqa: PLC0415

    number, protocol = port
    if protocol not in {"tcp", "udp"}:
        return NOBODY_SEEN
    try:
        pids = [
            connection.pid
            for connection in psutil.net_connections(protocol)
            if connection.laddr and connection.laddr.port == number and connection.pid
            if connection.type == socket.SOCK_DGRAM or connection.status == psutil.CONN_LISTEN
        ]
        if not pids:
            return NOBODY_SEEN
        process = psutil.Process(pids[0])
        return PortListener(process.pid, process.name(), parent=process.ppid())
    except (psutil.Error, OSError, RuntimeError, NotImplementedError):
        return NOBODY_SEEN
