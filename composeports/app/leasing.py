"""Taking, renewing and giving back a lease: the claim in the store, then a look at its ports."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from composeports.app.workspace import Workspace
from composeports.core.block import FIRST_FREE_OFFSET
from composeports.core.claims import (
    UNKNOWN,
    Ledger,
    Liveness,
    Outcome,
    Request,
    claim,
    release,
    renew,
    restored,
)
from composeports.core.environment import combined, fixed_variables
from composeports.core.lease import Lease
from composeports.core.subnet import readable
from composeports.core.subnets import SubnetNeed, assign_subnets
from composeports.errors import (
    ComposeMissingError,
    EngineError,
    PortHeldError,
    StackLeftError,
)
from composeports.host.engine import Container

Port = tuple[int, str]
# Completes a granted lease while the store is locked; the ledger is what the claim was decided on.
Finish = Callable[[Lease, Ledger], Lease]


def request_of(
    workspace: Workspace,
    containers: Iterable[Container] | None,
    pins: Mapping[str, int] | None = None,
) -> Request:
    """Return what the session asks the store for; containers None: the engine did not answer."""
    settings = workspace.doors.config.port_allocator
    return Request(
        session_id=workspace.session_id,
        grid=settings.grid,
        now=workspace.doors.now(),
        ttl_minutes=settings.ttl_minutes,
        liveness=_liveness(containers),
        place=workspace.place,
        prefix=workspace.settings.prefix,
        pins=pins or {},
    )


def _liveness(containers: Iterable[Container] | None) -> Liveness:
    if containers is None:
        return UNKNOWN
    running = (container.project for container in containers if container.is_running)
    return Liveness(known=True, running=frozenset(running))


def take_lease(
    workspace: Workspace,
    containers: tuple[Container, ...] | None,
    finish: Finish = lambda lease, _: lease,
    pins: Mapping[str, int] | None = None,
) -> Lease:
    """Claim a block whose ports are all free right now, and return the lease as `finish` made it.

    The block is claimed first and looked at afterwards, so that no two sessions look at the same
    one. One that something else uses is given up for the next. When none is left the store is as
    it was before, and NoPortsAvailableError is raised; PortHeldError when somebody else has one of
    `pins`, by keys such as `"web:3000/tcp"`, for which there is no other port.
    """
    before = workspace.record()

    def claim_in_store(request: Request) -> Lease:
        def decide(ledger: Ledger) -> Outcome:
            outcome = claim(ledger, request)
            return replace(outcome, lease=finish(outcome.granted, ledger))

        return workspace.doors.store.update(request.session_id, decide).granted

    try:
        request = request_of(workspace, containers, pins)
        return _first_free(workspace, before, containers, request, claim_in_store)
    except BaseException:
        restore(workspace, before)
        raise


def likely_lease(
    workspace: Workspace,
    containers: tuple[Container, ...] | None,
    finish: Finish,
    pins: Mapping[str, int] | None = None,
) -> Lease:
    """Return the lease that `take_lease` would take now; nothing is written."""
    ledger = workspace.doors.store.ledger(workspace.session_id)
    return _first_free(
        workspace,
        ledger.own,
        containers,
        request_of(workspace, containers, pins),
        lambda request: finish(claim(ledger, request).granted, ledger),
    )


def _first_free(
    workspace: Workspace,
    before: Lease | None,
    containers: tuple[Container, ...] | None,
    request: Request,
    take: Callable[[Request], Lease],
) -> Lease:
    """Take one block after the other until all ports of one are free."""
    while True:
        lease = take(request)
        busy = _busy_ports(workspace, before, lease, containers)
        if not busy:
            return lease
        workspace.doors.say(_moving_on(lease, busy, before))
        request = replace(request, avoid=request.avoid | {lease.block})


def _busy_ports(
    workspace: Workspace,
    before: Lease | None,
    lease: Lease,
    containers: tuple[Container, ...] | None,
) -> frozenset[Port]:
    """Return ports of the lease's block that somebody else has; PortHeldError for a pinned one.

    On a block that the session held already, only what the stack publishes counts, and nothing
    while the stack runs: the rest may well be in use by the session's own programs. Neither do
    pins count then that it held already.
    """
    own = [each for each in containers or () if each.project == lease.project]
    trusted = containers is None or any(container.is_running for container in own)
    pins = _pinned(lease)
    block = _wanted(before, lease, trusted=trusted) - pins
    if trusted and before is not None and before.held:
        pins -= _pinned(before)
    wanted = block | pins
    if not wanted:
        return frozenset()
    mine = {(host, protocol) for each in own for host, _, protocol in each.ports}
    others = [each for each in containers or () if each.project != lease.project]
    foreign = workspace.doors.engine.reserved_ports(others)
    busy = (wanted & foreign) | workspace.doors.taken(wanted - mine - foreign)
    if busy & pins:
        raise _pin_in_use(lease, min(busy & pins), others)
    return busy


def _wanted(before: Lease | None, lease: Lease, *, trusted: bool) -> frozenset[Port]:
    """Return the ports of the block that have to be free."""
    if before is None or not before.held or before.block != lease.block:
        return _published(lease) | _fixed(lease)
    return frozenset() if trusted else _published(lease)


def _fixed(lease: Lease) -> frozenset[Port]:
    ports = range(lease.block.start, lease.block.start + FIRST_FREE_OFFSET)
    return frozenset((port, "tcp") for port in ports)


def _published(lease: Lease) -> frozenset[Port]:
    """Return the ports of the lease's last plan."""
    return frozenset(_port(key, number) for key, number in lease.ports.items())


def _pinned(lease: Lease) -> frozenset[Port]:
    return frozenset(_port(key, number) for key, number in lease.pins.items())


def _port(key: str, number: int) -> Port:
    """Return number and protocol of a key, which reads `web:80/tcp` or `web:80/tcp#2`."""
    return number, key.rpartition("/")[2].partition("#")[0]


def _pin_in_use(lease: Lease, port: Port, others: Iterable[Container]) -> PortHeldError:
    """Return the error for a pinned port that is in use; it names the container where it can."""
    number, protocol = port
    key = next(key for key, pin in lease.pins.items() if _port(key, pin) == port)
    user = next(
        (each for each in others if port in {(host, kind) for host, _, kind in each.ports}), None
    )
    who = "something else" if user is None else _shown(user)
    return PortHeldError(
        f"port {number}/{protocol}, which {key} has to have, is in use by {who}",
        hint="end what uses it (`docker ps --all` and `ss -lntup` show it), then try again; "
        "or give this session another port",
        port=number,
        key=key,
        container="" if user is None else user.name or user.id[:12],
    )


def _shown(container: Container) -> str:
    """Return "the container shop-web-1 (service web of the project shop)"."""
    name = f"the container {container.name or container.id[:12]}"
    if not container.project:
        return name
    return f"{name} (service {container.service} of the project {container.project})"


def _moving_on(lease: Lease, busy: frozenset[Port], before: Lease | None) -> str:
    shown = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(busy)[:3])
    if before is not None and before.held and before.block == lease.block:
        return f"something else uses port {shown} of this session: its ports move to another block"
    return f"something else uses port {shown}: trying another block"


def restore(workspace: Workspace, before: Lease | None) -> None:
    """Put the session's record back to what it was before a claim that led to nothing."""
    workspace.doors.store.update(workspace.session_id, lambda ledger: restored(ledger, before))


def allocate(workspace: Workspace) -> Lease:
    """Take or renew the session's lease alone, without a stack; works without an engine too.

    A block that is held already is not looked at: the session's own programs may use it.
    """
    record = workspace.record()
    if (
        record is not None
        and record.held
        and record.block in workspace.doors.config.port_allocator.grid
    ):
        return renew_lease(workspace)
    try:
        containers = workspace.doors.engine.containers()
    except (EngineError, ComposeMissingError):
        containers = None
    return take_lease(workspace, containers)


def subnets_in_use(workspace: Workspace) -> tuple[str, ...]:
    """Return the subnets of the engine's networks and of this machine's routes, the session's not.

    EngineError when the engine does not answer.
    """
    project = workspace.likely_project(workspace.record())
    found = workspace.doors.engine.project_subnets()
    own = tuple(readable(subnet for owner, subnet in found if owner == project))
    others = [subnet for owner, subnet in found if owner != project]
    # The session's own networks have routes, too.
    routes = (
        str(route)
        for route in readable(workspace.doors.routes())
        if not any(subnet.holds(route) for subnet in own)
    )
    return tuple(dict.fromkeys((*others, *routes)))


def with_subnets(
    lease: Lease, ledger: Ledger, needs: Iterable[SubnetNeed], in_use: Iterable[str], pool: str
) -> Lease:
    """Return the lease with a subnet for each need, none of them in use or another session's."""
    subnets = assign_subnets(
        needs,
        lease.subnets,
        taken=(*ledger.held_subnets, *in_use),
        pool=pool,
        avoid=ledger.remembered_subnets,
    )
    return replace(lease, subnets=subnets)


def release_lease(workspace: Workspace) -> None:
    """End the session's hold; its memory stays. Nothing to do for an unknown session."""
    workspace.doors.store.update(workspace.session_id, release)


def renew_lease(workspace: Workspace) -> Lease:
    """Extend the session's lease; NoLeaseError when it holds none."""
    now = workspace.doors.now()
    outcome = workspace.doors.store.update(
        workspace.session_id, lambda ledger: renew(ledger, now, workspace.place)
    )
    return outcome.lease if outcome.lease is not None else workspace.held_lease()


def environment_of(lease: Lease, host: str = "localhost") -> tuple[tuple[str, str], ...]:
    """Return the six fixed variables and what the last plan added."""
    return combined(fixed_variables(lease.block.start, lease.project, host), lease.environment)


def release_without_stack(workspace: Workspace) -> None:
    """End the session's hold where no container of its project exists.

    StackLeftError when there are some; EngineError when a stack was started and the engine,
    which alone knows, does not answer.
    """
    record = workspace.record()
    if record is None or not record.held:
        return
    try:
        containers = workspace.doors.engine.containers(record.project)
    except (EngineError, ComposeMissingError):
        if record.stack.files:
            raise
        containers = ()
    if containers:
        message = f"the stack {record.project} still has {len(containers)} containers"
        hint = "`composeports down` removes them and releases the ports"
        raise StackLeftError(message, hint=hint, project=record.project)
    release_lease(workspace)
