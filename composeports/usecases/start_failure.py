"""Decide what to do after a failed `docker compose up`: try other subnets or ports, or give up."""

from composeports.core.port_conflicts import (
    ConflictAction,
    PortConflict,
    conflicting_port,
    next_step,
    refused_port,
    unreported_conflicts,
)
from composeports.core.subnet import overlapping
from composeports.docker.containers import Container
from composeports.errors import (
    ComposeMissingError,
    EngineError,
    NoPortsAvailableError,
    PortPrivilegedError,
    PortTakenError,
)
from composeports.host.port_listeners import PortListener
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.down import remove_half_started
from composeports.usecases.options import PlanOptions
from composeports.usecases.port_probe import (
    Port,
    facts,
    is_started_meanwhile,
    shown,
    ways_to_see,
    who_has,
)
from composeports.usecases.prepare import PreparedStack, prepare
from composeports.usecases.reserve import cool_down_block, subnets_in_use
from composeports.usecases.session import Session
from composeports.usecases.session_lock import waiting

SUBNET_TRIES = 3
LEASE_TRIES = 3
OWN_TRIES = 3
STARTED_MEANWHILE = "something else started containers of this session at the same time"
SUBNET_TAKEN = "another network uses a subnet of this session: trying again with another one"
POOLS_USED_UP = "the engine's own address pools are used up: trying again with subnets of our own"
# The process name of Podman's service.
PODMAN = "podman"
# A program that a signal ended has this exit code or a higher one.
ENDED_BY_SIGNAL = 128


class StartAttempts:
    """What one `up` has tried so far, and therefore what it may still try.

    Before the next try, `options` has the plan options for it, and the session lock is held.
    """

    def __init__(
        self,
        session: Session,
        lock: SessionLock,
        prepared: PreparedStack,
        options: PlanOptions,
        *,
        foreground: bool,
    ) -> None:
        """Set the number of tries that are left after the first one."""
        self.session = session
        self.lock = lock
        self.options = options
        self.had_containers = prepared.had_containers
        self._subnet_tries = 0 if foreground else SUBNET_TRIES
        self._lease_tries = 0 if foreground else LEASE_TRIES
        self._own_tries = OWN_TRIES
        self._tried_again = False
        self._theft: tuple[PortConflict, Container | PortListener] | None = None

    def should_try_again(self, code: int, prepared: PreparedStack) -> bool:
        """Report what happened; return True if `up` should prepare and start the stack again.

        PortTakenError if another program took a port and there is no other port to try,
        PortPrivilegedError if the engine may not listen on a port.
        """
        if not code:
            return self._lost_its_lease(prepared)
        if self.lock.descriptor < 0:  # a foreground Compose released the lock
            self.lock.take(None, waiting(self.session))
        try:
            if code < ENDED_BY_SIGNAL and self._handle_port_conflict(prepared):
                return True
            return self._handle_subnet_conflict(prepared)
        except (EngineError, ComposeMissingError):
            return False

    def prepare(self, prepared: PreparedStack) -> PreparedStack:
        """Return the stack prepared for the next try; PortTakenError if no block is left for it."""
        try:
            return prepare(self.session.with_fresh_queries(), self.options)
        except NoPortsAvailableError:
            if self._theft is None:
                raise
            raise self._given_up(prepared, *self._theft) from None

    def _given_up(
        self, prepared: PreparedStack, stolen: PortConflict, user: Container | PortListener
    ) -> PortTakenError:
        """Remove what this `up` started if there was no stack before; return the error."""
        project = prepared.lease.project
        self._undo(project)
        moves = len(self.options.avoid)
        tries = f", and ports of {moves} other blocks before" if moves else ""
        return PortTakenError(
            f"{shown(user)} took port {stolen.number}/{stolen.protocol}, which {stolen.key} has to "
            f"have, while the stack was being started{tries}",
            hint=f"end what takes the ports ({ways_to_see(self.session)}), then "
            "`composeports up` again",
            port=stolen.number,
            protocol=stolen.protocol,
            key=stolen.key,
            compose_project_name=project,
            **facts(user),
        )

    def _refused(self, prepared: PreparedStack, port: PortConflict) -> PortPrivilegedError:
        """Remove what this `up` started if there was no stack before; return the error.

        The error names the lowest allowed port only for a local engine: that of another machine is
        unknown here.
        """
        from composeports.host.kernel_ports import unprivileged_start  # noqa: PLC0415 - rarely used

        project = prepared.lease.project
        self._undo(project)
        engine = self.session.context.engine
        if engine.is_local:
            limit = unprivileged_start()
            reason = f"is below {limit}, where a rootless engine may not listen"
            other_port, location = f"a port from {limit} on", ""
        else:
            reason = f"is one on which the rootless engine on {engine.host} may not listen"
            other_port, location = "a higher port", f" on {engine.host}"
        return PortPrivilegedError(
            f"port {port.number}/{port.protocol}, which {port.key} has to have, {reason}",
            hint=f"give it {other_port} (in the Compose file, or in `pin`), or allow it{location}: "
            f"sudo sysctl -w net.ipv4.ip_unprivileged_port_start={port.number}",
            port=port.number,
            protocol=port.protocol,
            key=port.key,
            compose_project_name=project,
        )

    def _undo(self, project: str) -> None:
        """Remove what this `up` started, unless the stack had containers before; report it."""
        if self.had_containers:
            note = f"the stack {project} and its lease are kept"
        else:
            note = remove_half_started(self.session, project, self.lock)
        self.session.context.report(note)

    def _lost_its_lease(self, prepared: PreparedStack) -> bool:
        """Return True if a `down` that did not wait released the lease of the running stack."""
        self._lease_tries -= 1
        if self._lease_tries < 0:
            return False
        record = self.session.record()
        if record is not None and record.held and record.block == prepared.lease.block:
            return False
        self.session.context.report("the lease was released in the meantime: taking it again")
        return True

    def _handle_port_conflict(self, prepared: PreparedStack) -> bool:
        engine = self.session.context.engine
        containers = engine.containers()
        own_containers = [
            container for container in containers if container.project == prepared.lease.project
        ]
        errors = engine.start_errors(
            container.id for container in own_containers if not container.is_running
        )
        own_ports = {
            (host, protocol)
            for container in own_containers
            for host, _, protocol in container.ports
        }
        conflict = conflicting_port(errors, prepared.lease, own_ports)
        refusal = refused_port(errors, prepared.lease)
        other_containers = [
            container for container in containers if container.project != prepared.lease.project
        ]
        if not any(errors) and engine.is_podman:
            waiting_ports = (
                engine.reserved_ports(
                    container for container in own_containers if not container.is_running
                )
                - own_ports
            )
            refusal = self._low_port_without_message(prepared, waiting_ports)
            conflict = self._conflict_without_message(prepared, waiting_ports, other_containers)
        if refusal is not None:
            raise self._refused(prepared, refusal)
        if conflict is None:
            return False
        return self._react_to_conflict(prepared, conflict, other_containers)

    def _low_port_without_message(
        self, prepared: PreparedStack, waiting: frozenset[Port]
    ) -> PortConflict | None:
        """Return a port that Podman may not listen on; Podman does not record that either.

        Return None for a remote engine, because only the limit of this machine is known.
        """
        from composeports.docker.features import is_rootless  # noqa: PLC0415 - rarely used
        from composeports.host.kernel_ports import unprivileged_start  # noqa: PLC0415 - rarely used

        engine = self.session.context.engine
        if not engine.is_local:
            return None
        limit = unprivileged_start()
        low_ports = {port for port in waiting if port[0] < limit}
        if not low_ports or not is_rootless(engine):
            return None
        return next(iter(unreported_conflicts(prepared.lease, waiting, low_ports)), None)

    def _conflict_without_message(
        self, prepared: PreparedStack, waiting: frozenset[Port], others: list[Container]
    ) -> PortConflict | None:
        """Return a port that another program took; Podman does not record why a start failed.

        Podman's service may still hold other ports of that container from its own attempt; such a
        port is returned only if there is no other.
        """
        context = self.session.context
        foreign_ports = context.engine.reserved_ports(others)
        used_ports = (waiting & foreign_ports) | context.ports_in_use(waiting - foreign_ports)
        conflicts = unreported_conflicts(prepared.lease, waiting, used_ports)

        def is_podmans_own(stolen: PortConflict) -> bool:
            user = who_has(self.session, (stolen.number, stolen.protocol), others)
            return isinstance(user, PortListener) and user.name == PODMAN

        return min(conflicts, key=is_podmans_own, default=None)

    def _react_to_conflict(
        self, prepared: PreparedStack, stolen: PortConflict, others: list[Container]
    ) -> bool:
        context = self.session.context
        port = (stolen.number, stolen.protocol)
        self._own_tries -= 1
        project = prepared.lease.project
        if self._own_tries >= 0 and is_started_meanwhile(self.session, project, port):
            context.report(f"{STARTED_MEANWHILE} ({stolen.key}): trying again")
            return True
        # Only the engine of another machine can find out, by trying, if a port there is free.
        is_free = (
            context.engine.is_local
            and port not in context.engine.reserved_ports(others)
            and not context.ports_in_use([port])
        )
        moves = len(self.options.avoid)
        step = next_step(stolen, is_free=is_free, tried_again=self._tried_again, moves=moves)
        user = who_has(self.session, port, others)
        cause = f"{shown(user)} took port {stolen.number}/{stolen.protocol} ({stolen.key})"
        if step is ConflictAction.GIVE_UP:
            raise self._given_up(prepared, stolen, user)
        if step is ConflictAction.AGAIN:
            context.report(f"{cause} for a moment: trying again")
        else:
            context.report(f"{cause}: the ports of this session move to another block")
            block = prepared.lease.block
            cool_down_block(self.session, block)
            self.options = self.options._replace(avoid=self.options.avoid | {block})
        self._theft = (stolen, user)
        self._tried_again = step is ConflictAction.AGAIN
        return True

    def _handle_subnet_conflict(self, prepared: PreparedStack) -> bool:
        self._subnet_tries -= 1
        if self._subnet_tries < 0:
            return False
        reason = self._lacks_subnets(prepared)
        if not reason:
            return False
        self.session.context.report(reason)
        self.options = self.options._replace(spill=self.options.spill or reason == POOLS_USED_UP)
        return True

    def _lacks_subnets(self, prepared: PreparedStack) -> str:
        """Return the message about the stack's subnets if they caused the failure, else ""."""
        if overlapping(prepared.lease.subnets.values(), subnets_in_use(self.session)):
            return SUBNET_TAKEN
        return POOLS_USED_UP if self.session.context.engine.pools_used_up() else ""
