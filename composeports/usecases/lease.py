"""Taking, renewing and giving back a lease: the claim in the store, then a look at its ports."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from composeports.core.allocation import (
    UNKNOWN,
    AllocationRequest,
    RunningProjects,
    claim,
    refuse_elsewhere,
    reinstated,
    release,
    renew,
    rolled_back,
    with_cooldown,
)
from composeports.core.engine_address import LOCALHOST
from composeports.core.environment import combined, fixed_variables
from composeports.core.lease import Lease
from composeports.core.ledger import StoreSnapshot, StoreUpdate
from composeports.core.ownership import Owner
from composeports.core.ports import PortBlock
from composeports.core.subnet import valid_subnets
from composeports.core.subnets import SubnetNeed, assign_subnets
from composeports.docker.compose_files import has_link
from composeports.docker.containers import Container
from composeports.errors import (
    ComposeMissingError,
    ComposeportsError,
    EngineError,
    EngineSilentError,
    NoPortsAvailableError,
    StackLeftError,
    StoreBusyError,
    StoreError,
)
from composeports.host.heartbeat import Heartbeat
from composeports.host.session_files import USER_ENV
from composeports.usecases.port_probe import busy_ports, moving_on, without_lost
from composeports.usecases.session import Session
from composeports.usecases.session_lock import (
    hold_session_lock,
    hold_session_lock_or_raise,
    locked_projects,
)

# How long `release` waits for a command that works on the same stack, in seconds.
RELEASE_PATIENCE = 3.0
# How long what only looks at a lease waits to extend it, in seconds.
LOOKING_PATIENCE = 0.25
# Completes a granted lease while the store is locked; the ledger is what the claim was decided on.
Finish = Callable[[Lease, StoreSnapshot], Lease]


def request_of(
    session: Session,
    containers: Iterable[Container] | None,
    pins: Mapping[str, int] | None = None,
) -> AllocationRequest:
    """Return what the session asks the store for; containers None: the engine did not answer."""
    settings = session.context.config.port_allocator
    return AllocationRequest(
        session_id=session.session_id,
        grid=settings.grid,
        now=session.context.now(),
        ttl_minutes=settings.ttl_minutes,
        liveness=_liveness(containers),
        place=session.place,
        prefix=session.settings.prefix,
        pins=pins or {},
        view=session.view,
        marked=frozenset((each.project, each.mark) for each in containers or ()),
        adopts=session.options.adopt,
    )


def _liveness(containers: Iterable[Container] | None) -> RunningProjects:
    if containers is None:
        return UNKNOWN
    running = (container.project for container in containers if container.is_running)
    return RunningProjects(known=True, running=frozenset(running))


def reserve_lease(  # noqa: PLR0913 - one is a keyword
    session: Session,
    containers: tuple[Container, ...] | None,
    finish: Finish = lambda lease, _: lease,
    pins: Mapping[str, int] | None = None,
    avoid: frozenset[PortBlock] = frozenset(),
    *,
    taken: frozenset[str] = frozenset(),
) -> Lease:
    """Claim a block whose ports are all free right now, and return the lease as `finish` made it.

    The block is claimed first and looked at afterwards, so that no two sessions look at the same
    one. One that something else uses is given up for the next. When none is left the store is as
    it was before, and NoPortsAvailableError is raised; PortHeldError when somebody else has one of
    `pins`, by keys such as `"web:3000/tcp"`, for which there is no other port. Blocks in `avoid`
    are not taken, and given up where the session holds one. The session's project gets none of the
    names that are `taken`.
    """
    before = session.record()
    losers: list[str] = []

    def claim_in_store(request: AllocationRequest) -> Lease:
        def decide(ledger: StoreSnapshot) -> StoreUpdate:
            outcome = _claim(session, ledger, request)
            return outcome._replace(
                lease=finish(_with_engine_host(session, outcome.granted), ledger)
            )

        outcome = session.context.store.update(request.session_id, decide)
        losers.extend(outcome.reclaimed)
        return outcome.granted

    try:
        request = request_of(session, containers, pins)._replace(avoid=avoid, taken=taken)
        return _first_free(session, before, containers, request, claim_in_store)
    except BaseException:
        roll_back_lease(session, before)
        raise
    finally:
        # Who lost a lease for a block that was not taken after all has it again.
        for session_id in losers:
            outcome = session.context.store.update(session_id, reinstated)
            lost = outcome.lease or session.context.store.get(session_id)
            if lost is not None and not lost.held:
                remove_link_of_released(session, lost)


def preview_lease(
    session: Session,
    containers: tuple[Container, ...] | None,
    finish: Finish,
    pins: Mapping[str, int] | None = None,
) -> Lease:
    """Return the lease that `take_lease` would take now; nothing is written."""
    ledger = session.context.store.ledger(session.session_id)
    return _first_free(
        session,
        ledger.own,
        containers,
        request_of(session, containers, pins),
        lambda request: finish(
            _with_engine_host(session, _claim(session, ledger, request).granted), ledger
        ),
    )


def _with_engine_host(session: Session, lease: Lease) -> Lease:
    """Return the lease with the host where the engine's ports are reached now."""
    return replace(lease, host=session.context.engine.host or LOCALHOST)


def _claim(session: Session, ledger: StoreSnapshot, request: AllocationRequest) -> StoreUpdate:
    """Claim, but from nobody who is at work on a stack of which nothing runs yet.

    Only locks of those who would lose their lease are looked at. Whoever takes a lock after this
    look finds the lease gone, since the store is locked meanwhile.
    """
    while True:
        outcome = claim(ledger, request)
        losing = {hold.project for hold in ledger.others if hold.session_id in outcome.reclaimed}
        busy = locked_projects(session, losing)
        if not busy:
            return outcome
        request = request._replace(liveness=request.liveness.with_running(busy))


def _first_free(
    session: Session,
    before: Lease | None,
    containers: tuple[Container, ...] | None,
    request: AllocationRequest,
    take: Callable[[AllocationRequest], Lease],
) -> Lease:
    """Take one block after the other until all ports of one are free.

    Where none is, those count as free that only stopped containers of leases that are over want.
    """
    try:
        return _scan(session, before, containers, request, take)
    except NoPortsAvailableError:
        fewer = without_lost(session, containers or ())
        if len(fewer) == len(containers or ()):
            raise
        return _scan(session, before, fewer, request, take)


def _scan(
    session: Session,
    before: Lease | None,
    containers: tuple[Container, ...] | None,
    request: AllocationRequest,
    take: Callable[[AllocationRequest], Lease],
) -> Lease:
    while True:
        lease = take(request)
        busy, containers = busy_ports(session, before, lease, containers)
        if not busy:
            return lease
        session.context.say(moving_on(session, lease, busy, before, containers))
        request = request._replace(avoid=request.avoid | {lease.block})


def roll_back_lease(session: Session, before: Lease | None) -> None:
    """Put the session's record back to what it was before a claim that led to nothing."""
    session.context.store.update(session.session_id, lambda ledger: rolled_back(ledger, before))


def allocate(session: Session) -> Lease:
    """Take or renew the session's lease alone, without a stack; works without an engine too.

    EngineSilentError for one that is there and does not answer: its containers may have the ports.
    A block that is held already is not looked at: the session's own programs may use it.
    """
    if _holds_a_block(session):
        return renew_lease(session)
    with hold_session_lock(session, "allocate"):
        if _holds_a_block(session):  # whoever was at work took it
            return renew_lease(session)
        return _take_alone(session)


def _holds_a_block(session: Session) -> bool:
    record = session.record()
    grid = session.context.config.port_allocator.grid
    return record is not None and record.held and record.block in grid


def _take_alone(session: Session) -> Lease:
    try:
        containers = session.context.engine.containers()
    except EngineSilentError:
        raise
    except (EngineError, ComposeMissingError):
        containers = None
    try:
        return reserve_lease(session, containers)
    except NoPortsAvailableError as error:
        from composeports.usecases.gc.quick import make_room  # noqa: PLC0415 - only when it is full

        make_room(session, containers, error)
        return reserve_lease(session, containers)


def subnets_in_use(session: Session) -> tuple[str, ...]:
    """Return the subnets of the engine's networks and of this machine's routes, the session's not.

    EngineError when the engine does not answer.
    """
    project = session.expected_project_name(session.record())
    found = session.context.engine.project_subnets()
    own = tuple(valid_subnets(subnet for owner, subnet in found if owner == project))
    others = [subnet for owner, subnet in found if owner != project]
    # The session's own networks have routes, too.
    routes = (
        str(route)
        for route in valid_subnets(session.context.routes_of_engine())
        if not any(subnet.holds(route) for subnet in own)
    )
    return tuple(dict.fromkeys((*others, *routes)))


def with_subnets(
    lease: Lease,
    ledger: StoreSnapshot,
    needs: Iterable[SubnetNeed],
    in_use: Iterable[str],
    pool: str,
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


def cool_down_block(session: Session, block: PortBlock) -> None:
    """Make a block the last choice of all sessions for a while, since others take its ports."""
    now = session.context.now()
    session.context.store.update(
        session.session_id,
        lambda ledger: StoreUpdate(set_aside=with_cooldown(ledger, block, now)),
    )


def release_lease(session: Session) -> None:
    """End the session's hold; its memory stays. Nothing to do for an unknown session.

    A `.env` that is linked to its stack is as it was before.
    """
    outcome = session.context.store.update(session.session_id, release)
    if outcome.lease is not None:
        remove_link_of_released(session, outcome.lease)


def remove_link_of_released(session: Session, lease: Lease) -> None:
    """Leave `.env` as it was before `composeports link`, where the lease is over."""
    directory = lease.place.directory if lease.place.is_on(session.machine) else ""
    if not directory:
        return
    from composeports.usecases.link.link import remove_link, remove_link_of  # noqa: PLC0415 - seldom is one over

    if has_link(os.path.join(directory, USER_ENV)):
        remove_link(directory, lease.project, session.context.say)
    remove_link_of(
        lease, session.context.say
    )  # a `link` or `unlink` that was killed may have left it


def is_marked(lease: Lease, containers: Iterable[Container]) -> bool:
    """Tell whether one of its project's containers is marked as the lease's own."""
    return any(map(Owner.of(lease).has_marked, (each.mark for each in containers)))


def renew_lease(session: Session, patience: float | None = None) -> Lease:
    """Extend the session's lease; NoLeaseError when it holds none.

    A store that others write to is waited for, up to `patience` seconds.
    """
    now = session.context.now()
    outcome = session.context.store.update(
        session.session_id,
        lambda ledger: renew(ledger, now, session.place, session.view),
        patience=patience,
    )
    return outcome.lease if outcome.lease is not None else session.held_lease()


def look_at_lease(session: Session) -> Lease:
    """Return the session's lease, extended where the store can be written to right now.

    For what only looks: who has the store locked, or filled its disk, is not in its way.
    """
    try:
        return renew_lease(session, LOOKING_PATIENCE)
    except (StoreBusyError, StoreError):
        return session.held_lease().at(session.place)


def heartbeat(session: Session) -> Heartbeat:
    """Return what renews the session's lease, thrice in its time, while a program runs for it.

    For a person, it tells of an engine that does not answer meanwhile, too.
    """

    def renew_quietly() -> None:
        with suppress(ComposeportsError):  # what is wrong with the store is told by others
            renew_lease(session)

    seconds = session.context.config.port_allocator.ttl_minutes * 60 / 3
    engine = session.context.engine
    if not engine.silence_beat:
        return Heartbeat(seconds, renew_quietly)
    renewed_at = time.monotonic()

    def look() -> None:
        nonlocal renewed_at
        engine.tell_if_silent()
        if time.monotonic() - renewed_at >= seconds:
            renewed_at = time.monotonic()
            renew_quietly()

    return Heartbeat(min(seconds, engine.silence_beat), look)


def environment_of(lease: Lease) -> tuple[tuple[str, str], ...]:
    """Return the six fixed variables and what the last plan added."""
    return combined(
        fixed_variables(lease.block.start, lease.project, lease.host), lease.environment
    )


def release_without_stack(session: Session, patience: float = RELEASE_PATIENCE) -> None:
    """End the session's hold where no container of its project exists.

    StackLeftError when there are some; EngineError when a stack was started and the engine,
    which alone knows, does not answer; LockBusyError where another command works on the stack for
    more than `patience` seconds.
    """
    record = session.record()
    if record is None or not record.held:
        return
    with hold_session_lock_or_raise(session, "release", patience) as lock:
        _release_where_nothing_is(session)
        lock.remove()


def _release_where_nothing_is(session: Session) -> None:
    record = session.record()
    if record is None or not record.held:
        return
    view = session.view
    if view.has_other_id(record):
        refuse_elsewhere(record, view)
    try:
        containers = session.context.engine.containers(record.project)
    except (EngineError, ComposeMissingError) as error:
        if record.stack.files or isinstance(error, EngineSilentError):
            raise
        containers = ()
    refuse_elsewhere(record, view, marked=is_marked(record, containers))
    if containers:
        many = "1 container" if len(containers) == 1 else f"{len(containers)} containers"
        message = f"the stack {record.project} still has {many}"
        hint = "`composeports down` removes them and releases the ports"
        raise StackLeftError(message, hint=hint, project=record.project)
    release_lease(session)
