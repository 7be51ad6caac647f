"""Refuses an outcome that gives two sessions one port, subnet or project, for every store."""

from composeports.core.lease import Lease
from composeports.core.ledger import LeaseSummary, StoreSnapshot, StoreUpdate
from composeports.core.subnet import overlapping
from composeports.errors import StoreError


def refuse_conflicts(session_id: str, ledger: StoreSnapshot, outcome: StoreUpdate) -> None:
    """Raise StoreError when what `outcome` says may not be written."""
    lease = outcome.lease
    if lease is None or outcome.forget:
        return
    if lease.session_id != session_id:
        message = f"a lease of {lease.session_id!r} is no record of {session_id!r}"
        raise StoreError(message, hint="this is a bug of composeports; please report it")
    if not lease.held:
        return
    for hold in ledger.others:
        if hold.held and hold.session_id not in outcome.reclaimed and _clash(lease, hold):
            raise _conflict(lease, hold)


def _clash(lease: Lease, hold: LeaseSummary) -> bool:
    if lease.project == hold.project:
        return True
    # What is refused takes no port away from a session that has it.
    return not hold.refused and (
        hold.shares_port(lease.block, lease.pins.values())
        or bool(overlapping(lease.subnets.values(), hold.subnets))
    )


def _conflict(lease: Lease, hold: LeaseSummary) -> StoreError:
    mine, theirs = _said(LeaseSummary.of(lease)), _said(hold)
    return StoreError(
        f"ports {mine} and project {lease.project} are not free: "
        f"session {hold.session_id} holds {theirs} as {hold.project}",
        hint="`composeports status` shows who holds what; `composeports down` there frees it",
        session_id=lease.session_id,
        holder=hold.session_id,
    )


def _said(hold: LeaseSummary) -> str:
    """Return "10000-10099, 3000, subnets 10.213.0.0/24", as far as there are some."""
    block = f"{hold.block.start}-{hold.block.last}"
    subnets = f", subnets {', '.join(hold.subnets)}" if hold.subnets else ""
    return ", ".join((block, *map(str, sorted(hold.pins)))) + subnets
