"""Tells whether a lease's stack is on another engine than the one in use."""

from collections.abc import Iterable

from composeports.core.engine_traits import UNSURE
from composeports.core.labels import Mark
from composeports.core.lease import Lease
from composeports.core.ownership import Owner
from composeports.usecases.session import Session


def on_another_engine(session: Session, lease: Lease, marks: Iterable[Mark] = ()) -> bool:
    """Return True if the lease is, or may be, on another engine than the current one.

    `marks` are the labels of its project's containers on the current engine. If the engine's traits
    do not decide it, containers with the labels of a session of this machine show that its stack is
    on this engine.
    """
    view = session.view
    if not lease.engine or view.is_same(lease):
        return False
    is_marked = any(map(Owner.of(lease).has_marked, marks))
    is_local = lease.place.is_on(session.machine)
    return not (is_local and is_marked and view.sameness(lease) == UNSURE)
