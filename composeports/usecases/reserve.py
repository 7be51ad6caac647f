"""Reserve a lease: claim a block in the store, then probe its ports."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from composeports.core.allocation import claim, reinstated, rolled_back, with_cooldown
from composeports.core.allocation_request import UNKNOWN, AllocationRequest, RunningProjects
from composeports.core.engine_address import LOCALHOST
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.session_name import name_of
from composeports.core.snapshot import StoreSnapshot, StoreUpdate
from composeports.core.subnet import valid_subnets
from composeports.core.subnets import SubnetNeed, assign_subnets
from composeports.core.visible_text import visible
from composeports.docker.containers import Container
from composeports.errors import NoPortsAvailableError, StoreError
from composeports.usecases.port_probe import busy_ports, moving_on, without_lost
from composeports.usecases.release import remove_link_of_released
from composeports.usecases.session import Session
from composeports.usecases.session_lock import locked_projects, remove_unused_lock

# Makes the plan of a granted lease and returns the lease with the plan's ports. The store is
# locked; the claim was decided on this snapshot.
PlanPorts = Callable[[Lease, StoreSnapshot], Lease]


def request_of(
    session: Session,
    containers: Iterable[Container] | None,
    pins: Mapping[str, int] | None = None,
) -> AllocationRequest:
    """Return the session's allocation request; `containers` None: the engine did not answer."""
    settings = session.context.config.port_allocator
    record = session.record()
    return AllocationRequest(
        session_id=session.session_id,
        grid=settings.grid,
        now=session.context.now(),
        ttl_minutes=settings.ttl_minutes,
        liveness=_liveness(containers),
        place=session.place,
        prefix=session.project_prefix,
        pins=pins or {},
        view=session.view,
        marked=frozenset((container.project, container.mark) for container in containers or ()),
        adopt_allowed=session.options.adopt,
        unused=session.is_hook,
        empty_project=record.project if record and session.leaves_project(record) else "",
    )


def _liveness(containers: Iterable[Container] | None) -> RunningProjects:
    if containers is None:
        return UNKNOWN
    projects = (container.project for container in containers if container.is_running)
    return RunningProjects(known=True, running=frozenset(projects))


def reserve_lease(  # noqa: PLR0913 - one is keyword-only
    session: Session,
    containers: tuple[Container, ...] | None,
    plan_ports: PlanPorts = lambda lease, _: lease,
    pins: Mapping[str, int] | None = None,
    avoid: frozenset[PortBlock] = frozenset(),
    *,
    taken: frozenset[str] = frozenset(),
) -> Lease:
    """Claim a block whose ports are all free now, and return the lease that `plan_ports` completed.

    The block is claimed first and probed afterwards, so that two sessions never probe the same
    block. If another program uses one of its ports, the next block is claimed instead. Blocks in
    `avoid` are never claimed; the session moves if it holds one of them. `pins` maps keys such as
    `"web:3000/tcp"` to host ports that cannot be replaced. The names in `taken` are not used as
    the project name.

    If no block is left, leases of deleted worktrees are released. If that is not enough, the oldest
    lease of the git hook that no command has used gives way, which is reported.

    NoPortsAvailableError if no block is left, PortHeldError if another session or program has one
    of the `pins`. On every error the store is restored to its earlier state.
    """
    earlier_lease = session.record()
    reclaimed_ids: list[str] = []
    is_tidy = False

    def claim_once(request: AllocationRequest) -> Lease:
        def decide(snapshot: StoreSnapshot) -> StoreUpdate:
            outcome = _claim(session, snapshot, request)
            return outcome._replace(
                lease=plan_ports(_with_engine_host(session, outcome.granted), snapshot)
            )

        outcome = session.store.update(request.session_id, decide)
        reclaimed_ids.extend(outcome.reclaimed)
        return outcome.granted

    def claim_in_store(request: AllocationRequest) -> Lease:
        nonlocal is_tidy
        if not is_tidy:
            with suppress(NoPortsAvailableError):
                return claim_once(request)
        from composeports.usecases.gc.quick import naming_gc, tidy  # noqa: PLC0415 - rarely due

        if not is_tidy and containers is not None:
            tidy(session, containers)
        is_tidy = True
        try:
            return claim_once(request._replace(may_take_unused=True))
        except NoPortsAvailableError as error:
            raise naming_gc(session, error) from error

    try:
        request = request_of(session, containers, pins)._replace(avoid=avoid, taken=taken)
        return _first_free(session, earlier_lease, containers, request, claim_in_store)
    except BaseException:
        roll_back_lease(session, earlier_lease)
        raise
    finally:
        for session_id in reclaimed_ids:
            _settle_reclaimed(session, session_id)


def _settle_reclaimed(session: Session, session_id: str) -> None:
    """Give another session its reclaimed lease back, if its block was not used in the end.

    Otherwise restore its `.env` file, and report a lease that had not expired.
    """
    store = session.context.store
    try:
        lease = store.update(session_id, reinstated).lease or store.get(session_id)
    except StoreError as error:
        if "field" not in error.details:
            raise
        # The record is unsound, which only its own session has to solve.
        session.context.report(f"warning: {error.message}")
        return
    if lease is None or lease.held:
        return
    remove_link_of_released(session, lease)
    remove_unused_lock(session, lease.project)
    if lease.unused and not lease.expired(session.context.now()):
        session.context.report(
            f"no block of ports was free, so {_shown(lease)} gave way: the git hook leased its "
            "ports, and no command used them; its next `composeports up` takes new ports"
        )


def _shown(lease: Lease) -> str:
    location = f" ({lease.place.directory})" if lease.place.directory else ""
    return visible(f"{name_of(lease)}{location}")


def preview_lease(
    session: Session,
    containers: tuple[Container, ...] | None,
    plan_ports: PlanPorts,
    pins: Mapping[str, int] | None = None,
) -> Lease:
    """Return the lease that `reserve_lease` would return now; write nothing."""
    snapshot = session.store.snapshot(session.session_id)
    return _first_free(
        session,
        snapshot.own,
        containers,
        request_of(session, containers, pins)._replace(may_take_unused=True),
        lambda request: plan_ports(
            _with_engine_host(session, _claim(session, snapshot, request).granted), snapshot
        ),
    )


def _with_engine_host(session: Session, lease: Lease) -> Lease:
    """Return the lease with the host name under which clients reach the engine's ports now."""
    return lease._replace(host=session.context.engine.host or LOCALHOST)


def _claim(session: Session, snapshot: StoreSnapshot, request: AllocationRequest) -> StoreUpdate:
    """Claim a block, but never reclaim a lease while a command holds that session's lock.

    Such a command may be starting a stack that has no running container yet. Only the locks of the
    leases to reclaim are checked. The store is locked during the check, so a command that takes its
    session lock later finds that its lease is gone.
    """
    while True:
        outcome = claim(snapshot, request)
        reclaimed_projects = {
            summary.project
            for summary in snapshot.others
            if summary.session_id in outcome.reclaimed
        }
        busy_projects = locked_projects(session, reclaimed_projects)
        if not busy_projects:
            return outcome
        request = request._replace(liveness=request.liveness.with_running(busy_projects))


def _first_free(
    session: Session,
    earlier_lease: Lease | None,
    containers: tuple[Container, ...] | None,
    request: AllocationRequest,
    take: Callable[[AllocationRequest], Lease],
) -> Lease:
    """Claim one block after another until all ports of a block are free.

    If there is no such block, try again without the containers of stacks that do not run and whose
    lease has ended; ports that only such containers publish then count as free.
    """
    try:
        return _scan(session, earlier_lease, containers, request, take)
    except NoPortsAvailableError:
        remaining_containers = without_lost(session, containers or ())
        if len(remaining_containers) == len(containers or ()):
            raise
        return _scan(session, earlier_lease, remaining_containers, request, take)


def _scan(
    session: Session,
    earlier_lease: Lease | None,
    containers: tuple[Container, ...] | None,
    request: AllocationRequest,
    take: Callable[[AllocationRequest], Lease],
) -> Lease:
    while True:
        lease = take(request)
        used_ports, containers = busy_ports(session, earlier_lease, lease, containers)
        if not used_ports:
            return lease
        session.context.report(moving_on(session, lease, used_ports, earlier_lease, containers))
        request = request._replace(avoid=request.avoid | {lease.block})


def roll_back_lease(session: Session, earlier_lease: Lease | None) -> None:
    """Restore the session's record to its state before a claim that failed.

    The lease counts as used by the failed command, except in the git hook.
    """
    if earlier_lease is not None and not session.is_hook:
        earlier_lease = earlier_lease._replace(unused=False)
    session.store.update(session.session_id, lambda snapshot: rolled_back(snapshot, earlier_lease))


def subnets_in_use(session: Session) -> tuple[str, ...]:
    """Return the subnets of other projects' networks and of the routes on the engine's machine.

    The session's own networks and the routes to them are left out. EngineError if the engine does
    not answer.
    """
    project = session.expected_project_name(session.record())
    project_subnets = session.context.engine.project_subnets()
    own_subnets = tuple(
        valid_subnets(subnet for owner, subnet in project_subnets if owner == project)
    )
    other_subnets = [subnet for owner, subnet in project_subnets if owner != project]
    # There are routes to the session's own networks, too.
    routes = (
        str(route)
        for route in valid_subnets(session.context.routes_of_engine())
        if not any(subnet.holds(route) for subnet in own_subnets)
    )
    return tuple(dict.fromkeys((*other_subnets, *routes)))


def with_subnets(
    lease: Lease,
    snapshot: StoreSnapshot,
    needs: Iterable[SubnetNeed],
    in_use: Iterable[str],
    pool: str,
) -> Lease:
    """Return the lease with a subnet for each need; no other network or session has the subnet."""
    subnets = assign_subnets(
        needs,
        lease.subnets,
        taken=(*snapshot.held_subnets, *in_use),
        pool=pool,
        avoid=snapshot.remembered_subnets,
    )
    return lease._replace(subnets=subnets)


def cool_down_block(session: Session, block: PortBlock) -> None:
    """Put a block in cool-down, because other programs use its ports.

    For some minutes the block is the last choice of all sessions.
    """
    now = session.context.now()
    session.store.update(
        session.session_id,
        lambda snapshot: StoreUpdate(cooldowns=with_cooldown(snapshot, block, now)),
    )
