"""Taking, renewing and giving back a lease: the claim in the store, then a look at its ports."""

from collections.abc import Callable, Iterable
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
)
from composeports.core.environment import combined, fixed_variables
from composeports.core.lease import Lease
from composeports.core.plan import Observed, make_plan
from composeports.errors import ComposeMissingError, EngineError, StackLeftError
from composeports.host.engine import Container

Port = tuple[int, str]


def request_of(workspace: Workspace, containers: Iterable[Container] | None) -> Request:
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
    )


def _liveness(containers: Iterable[Container] | None) -> Liveness:
    if containers is None:
        return UNKNOWN
    running = (container.project for container in containers if container.is_running)
    return Liveness(known=True, running=frozenset(running))


def take_lease(
    workspace: Workspace,
    containers: tuple[Container, ...] | None,
    finish: Callable[[Lease], Lease] = lambda lease: lease,
) -> Lease:
    """Claim a block whose ports are all free right now, and return the lease as `finish` made it.

    The block is claimed first and looked at afterwards, so that no two sessions look at the same
    one. One that something else uses is given up for the next. When none is left the store is as
    it was before, and NoPortsAvailableError is raised.
    """
    before = workspace.record()

    def claim_in_store(request: Request) -> Lease:
        def decide(ledger: Ledger) -> Outcome:
            outcome = claim(ledger, request)
            return replace(outcome, lease=finish(outcome.granted))

        return workspace.doors.store.update(request.session_id, decide).granted

    try:
        return _first_free(workspace, before, containers, claim_in_store)
    except BaseException:
        restore(workspace, before)
        raise


def likely_lease(
    workspace: Workspace,
    containers: tuple[Container, ...] | None,
    finish: Callable[[Lease], Lease],
) -> Lease:
    """Return the lease that `take_lease` would take now; nothing is written."""
    ledger = workspace.doors.store.ledger(workspace.session_id)
    return _first_free(
        workspace,
        ledger.own,
        containers,
        lambda request: finish(claim(ledger, request).granted),
    )


def _first_free(
    workspace: Workspace,
    before: Lease | None,
    containers: tuple[Container, ...] | None,
    take: Callable[[Request], Lease],
) -> Lease:
    """Take one block after the other until all ports of one are free."""
    request = request_of(workspace, containers)
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
    """Return ports of the lease that somebody else has.

    On a block that the session held already, only what the stack publishes counts, and nothing
    while the stack runs: the rest may well be in use by the session's own programs.
    """
    own = [each for each in containers or () if each.project == lease.project]
    kept = before is not None and before.held and before.block == lease.block
    if kept and (containers is None or any(container.is_running for container in own)):
        return frozenset()
    wanted = _published(lease) if kept else _published(lease) | _fixed(lease)
    mine = {(host, protocol) for each in own for host, _, protocol in each.ports}
    others = [each for each in containers or () if each.project != lease.project]
    foreign = workspace.doors.engine.reserved_ports(others) if wanted else frozenset()
    return (wanted & foreign) | workspace.doors.taken(wanted - mine - foreign)


def _fixed(lease: Lease) -> frozenset[Port]:
    ports = range(lease.block.start, lease.block.start + FIRST_FREE_OFFSET)
    return frozenset((port, "tcp") for port in ports)


def _published(lease: Lease) -> frozenset[Port]:
    """Return the ports of the lease's last plan; their keys read `web:80/tcp` or `web:80/tcp#2`."""
    return frozenset(
        (number, key.rpartition("/")[2].partition("#")[0]) for key, number in lease.ports.items()
    )


def _moving_on(lease: Lease, busy: frozenset[Port], before: Lease | None) -> str:
    shown = ", ".join(f"{port}/{protocol}" for port, protocol in sorted(busy)[:3])
    if before is not None and before.held and before.block == lease.block:
        return f"something else uses port {shown} of this session: its ports move to another block"
    return f"something else uses port {shown}: trying another block"


def restore(workspace: Workspace, before: Lease | None) -> None:
    """Put the session's record back to what it was before a claim that led to nothing."""

    def decide(ledger: Ledger) -> Outcome:
        if before is None:
            return Outcome(forget=True)
        lost = any(hold.held and hold.block.overlaps(before.block) for hold in ledger.others)
        return Outcome(before.released() if lost else before)

    workspace.doors.store.update(workspace.session_id, decide)


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


def with_plan(lease: Lease, observed: Observed) -> Lease:
    """Return the lease with what the plan gives out, ready to be stored in the same step."""
    plan = make_plan(observed, lease)
    return replace(
        lease,
        offsets=plan.offsets,
        ports=plan.ports,
        urls=plan.urls,
        environment=plan.variables,
    )


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
