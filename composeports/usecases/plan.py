"""`plan`: say what `up` would do now, and change nothing."""

from composeports.core.plan.plan import Plan
from composeports.usecases.observe import draft, observe
from composeports.usecases.options import DEFAULT_PLAN_OPTIONS, PlanOptions
from composeports.usecases.reserve import preview_lease
from composeports.usecases.session import Session


def plan(session: Session, options: PlanOptions = DEFAULT_PLAN_OPTIONS) -> Plan:
    """Return what `up` would do now, for a read-only session; take no lease."""
    answer, containers = observe(session, engine_needed=False)
    sketch = draft(session, answer.observed, containers, options, engine_needed=False)
    lease = preview_lease(session, containers, sketch.with_planned_ports, sketch.pins)
    return sketch.plan(lease)
