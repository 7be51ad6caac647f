"""Check, for every store, that no two sessions get the same port, subnet or project."""

from composeports.core.lease import Lease
from composeports.core.snapshot import LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping
from composeports.errors import StoreError


def refuse_conflicts(session_id: str, snapshot: StoreSnapshot, outcome: StoreUpdate) -> None:
    """Raise StoreError if `outcome` must not be written.

    That is the case if its lease belongs to another session, or if the lease is held and shares a
    port, a subnet or the project name with another held lease that `outcome` does not reclaim.
    """
    lease = outcome.lease
    if lease is None or outcome.forget:
        return
    if lease.session_id != session_id:
        message = f"a lease of {lease.session_id!r} is no record of {session_id!r}"
        raise StoreError(message, hint="this is a bug of composeports; please report it")
    if not lease.held:
        return
    for hold in snapshot.others:
        if hold.held and hold.session_id not in outcome.reclaimed and _clash(lease, hold):
            raise _conflict(lease, hold)


def _clash(lease: Lease, hold: LeaseSummary) -> bool:
    if lease.project == hold.project:
        return True
    # A refused record takes no port or subnet away from a session that has it.
    return not hold.refused and (
        hold.shares_port(lease.block, lease.pins.values())
        or bool(overlapping(lease.subnets.values(), hold.subnets))
    )


def _conflict(lease: Lease, hold: LeaseSummary) -> StoreError:
    own_ports, holder_ports = _said(LeaseSummary.of(lease)), _said(hold)
    return StoreError(
        f"ports {own_ports} and project {lease.project} are not free: "
        f"session {hold.session_id} holds {holder_ports} as {hold.project}",
        hint="`composeports status` shows who holds what; `composeports down` there frees it",
        session_id=lease.session_id,
        holder=hold.session_id,
    )


def _said(hold: LeaseSummary) -> str:
    """Return a text such as "10000-10099, 3000, subnets 10.213.0.0/24".

    It omits pins and subnets if there are none.
    """
    block = f"{hold.block.start}-{hold.block.last}"
    subnets = f", subnets {', '.join(hold.subnets)}" if hold.subnets else ""
    return ", ".join((block, *map(str, sorted(hold.pins)))) + subnets
