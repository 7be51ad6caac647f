"""The context of a use case: everything outside of the process that it touches."""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from composeports.config import Config
from composeports.docker.engine import Engine
from composeports.host.port_listeners import PortListener, process_on
from composeports.host.ports import taken_ports
from composeports.host.process import Run, run_in_foreground
from composeports.host.routes import routed_subnets
from composeports.stores.base import Store, ignore_message

# Shows a line while a step runs; yields the function that changes its text.
ShowProgress = Callable[[str], AbstractContextManager[Callable[[str], None]]]


def is_never_stopped() -> bool:
    """Return False: no caller stops the use case."""
    return False


class Context(NamedTuple):
    """Everything outside of the process that a use case touches; tests pass their own.

    `progress` is None without a terminal; messages then go to `report` alone. `is_stopped` returns
    True once the caller has stopped the use case, as a cancelled call of a server does. A server
    reads the settings again with `read_config`; it is None where `config` stays as it is.
    """

    environ: Mapping[str, str]
    cwd: str
    config: Config
    store: Store
    engine: Engine
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    find_taken_ports: Callable[[Iterable[tuple[int, str]]], frozenset[tuple[int, str]]] = (
        taken_ports
    )
    find_port_holder: Callable[[tuple[int, str]], PortListener] = process_on
    find_routed_subnets: Callable[[], tuple[str, ...]] = routed_subnets
    report: Callable[[str], None] = ignore_message
    run: Run = run_in_foreground
    progress: ShowProgress | None = None
    is_stopped: Callable[[], bool] = is_never_stopped
    read_config: Callable[[], Config] | None = None

    def ports_in_use(self, wanted: Iterable[tuple[int, str]]) -> frozenset[tuple[int, str]]:
        """Return which of the ports are in use by programs of this machine.

        Empty for a remote engine: of its machine, only the ports of containers are visible here.
        """
        return self.find_taken_ports(wanted) if self.engine.is_local else frozenset()

    def holder_of(self, port: tuple[int, str]) -> PortListener:
        """Return the process that has a port of the engine's machine, as far as it is visible."""
        engine = self.engine
        if not engine.is_local:
            return PortListener(machine=engine.host)
        holder = self.find_port_holder(port)
        return holder.seen_from(engine.process) if holder.parent else holder

    def routes_of_engine(self) -> tuple[str, ...]:
        """Return the subnets with a route on the engine's machine; empty for a remote engine."""
        return self.find_routed_subnets() if self.engine.is_local else ()
