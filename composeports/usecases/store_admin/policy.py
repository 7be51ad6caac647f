"""Decide what a lease becomes in another store, or why it stays in its store."""

from collections.abc import Callable
from dataclasses import dataclass

from composeports.core.engine_identity import EngineIdentity
from composeports.core.engine_traits import NO_TRAITS
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.session_name import unique_name
from composeports.core.snapshot import LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping


class NotMigratedError(Exception):
    """A lease stays in its store; the message says why."""


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """This machine and its engine.

    A shared store knows the engine by its id, and the machine's own store knows it by `address`,
    where the engine is reached.
    """

    machine: str
    engine: EngineIdentity
    address: str


@dataclass(frozen=True, slots=True)
class MigratedLease:
    """A lease for the other store, and the id of its engine (empty: of this machine)."""

    space: str
    lease: Lease


Route = Callable[[str, Lease, LocalEngine], MigratedLease]


def as_it_is(space: str, lease: Lease, _local_engine: LocalEngine) -> MigratedLease:
    """Return the lease for a store of the same kind."""
    return MigratedLease(space, lease)


def to_shared(space: str, lease: Lease, local_engine: LocalEngine) -> MigratedLease:
    """Convert a lease of the machine's own store for a store that many machines use.

    The id of a session without a name gets the name of the machine. Raises NotMigratedError for a
    lease on another engine of this machine, because the id of that engine is not known.
    """
    if space:
        return MigratedLease(space, lease)
    if not local_engine.engine.local or lease.engine not in {
        "",
        local_engine.address,
        local_engine.engine.id,
    }:
        address = lease.engine or "this machine's own"
        message = (
            f"its stack is on another engine ({address}); choose that one "
            "(`docker context use`, DOCKER_HOST) and run this again"
        )
        raise NotMigratedError(message)
    return MigratedLease(
        local_engine.engine.id, _placed(lease, local_engine.machine, local_engine.engine.id)
    )


def to_own(space: str, lease: Lease, local_engine: LocalEngine) -> MigratedLease:
    """Convert a lease of a shared store for this machine's own store.

    Raises NotMigratedError if the lease is another machine's.
    """
    if not lease.place.is_on(local_engine.machine):
        message = f"it is of the machine {lease.place.machine}; run this there"
        raise NotMigratedError(message)
    if local_engine.engine.local and space == local_engine.engine.id:
        return MigratedLease("", _placed(lease, "", local_engine.address))
    return MigratedLease(space, lease)


def _placed(lease: Lease, machine: str, engine: str) -> Lease:
    """Return the lease with this machine name and engine, and with the matching session id."""
    if lease.place == WorktreeLocation():
        return lease._replace(engine=engine, traits=NO_TRAITS)
    place = lease.place._replace(machine=machine)
    is_unnamed = lease.session_id == lease.place.session_id
    name = place.session_id if is_unnamed else lease.session_id
    return lease._replace(session_id=name, place=place, engine=engine, traits=NO_TRAITS)


def arrive(snapshot: StoreSnapshot, lease: Lease) -> StoreUpdate:
    """Return the update that writes the lease to the new store.

    The update is empty if the lease is there already, after an interrupted migration. Raises
    NotMigratedError if another session there has its project name or one of its ports or subnets,
    or if the session itself holds another block there.
    """
    current_lease = snapshot.own
    # The stack keeps the labels of the old store until the next `up`.
    former_stores = tuple(dict.fromkeys((*lease.former_stores, lease.store)))
    former_stores = tuple(store for store in former_stores if store not in {"", snapshot.store})
    lease = lease._replace(former_stores=former_stores, marks=None)
    if current_lease is not None and current_lease.held:
        if (current_lease.block, current_lease.project) == (lease.block, lease.project):
            return StoreUpdate()
        message = (
            f"the session holds {current_lease.block.start}-{current_lease.block.last} "
            "there already"
        )
        raise NotMigratedError(message)
    if current_lease is not None and not lease.held:
        return StoreUpdate()
    for hold in snapshot.others:
        _refuse_clash(lease, hold)
    name = lease.name and unique_name(lease.name, snapshot.held_names)
    return StoreUpdate(lease._replace(name=name))


def _refuse_clash(lease: Lease, hold: LeaseSummary) -> None:
    if hold.project == lease.project:
        message = f"the session {hold.session_id} has its project name {lease.project} there"
        raise NotMigratedError(message)
    if not (lease.held and hold.held):
        return
    if hold.shares_port(lease.block, lease.pins.values()):
        block = f"{hold.block.start}-{hold.block.last}"
        message = f"the session {hold.session_id} holds its ports there ({block})"
        raise NotMigratedError(message)
    if overlapping(lease.subnets.values(), hold.subnets):
        message = f"the session {hold.session_id} holds one of its subnets there"
        raise NotMigratedError(message)


def leave(snapshot: StoreSnapshot, lease: Lease) -> StoreUpdate:
    """Return the update that deletes a migrated lease from the old store.

    Raises NotMigratedError if anything but its times has changed since it was read.
    """
    current_lease = snapshot.own
    if current_lease is None:
        return StoreUpdate()
    comparable = current_lease._replace(
        allocated_at=lease.allocated_at, expires_at=lease.expires_at
    )
    if comparable != lease:
        message = "it changed during the migration; run this again"
        raise NotMigratedError(message)
    return StoreUpdate(forget=True)
