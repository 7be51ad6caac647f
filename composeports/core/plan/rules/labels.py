"""Labels that name the owner of a stack's containers, networks and volumes."""

from collections.abc import Iterator

from composeports.core.labels import Mark
from composeports.core.plan.change import Node, RuleResult, merge
from composeports.core.plan.rules.context import PlanContext


def marks(context: PlanContext) -> RuleResult:
    """Put the session's labels on everything that the stack creates, if the store has an id.

    An existing volume or network keeps its labels. Compose treats other labels as a new
    configuration: it recreates networks, and it recreates volumes without their data.
    """
    own = context.lease.mark
    if not own.labels:
        return RuleResult()
    nodes = [
        {"services": {each.name: {"labels": _written(own)}}} for each in context.project.services
    ]
    return RuleResult(override=merge([*nodes, *_lasting(context, own)]))


def _lasting(context: PlanContext, own: Mark) -> Iterator[Node]:
    known = context.lease.marks
    if known is None:
        return
    project, settings = context.project, context.settings
    sections = (
        ("volume", project.volumes, settings.isolate_volumes),
        ("network", project.networks, settings.isolate_networks),
    )
    for kind, things, isolated in sections:
        for each in things:
            is_shared = each.external or (project.is_fixed(each.name) and not isolated)
            mark = known.get(f"{kind}:{each.key}", own)
            if mark.labels and not is_shared:
                yield {f"{kind}s": {each.key: {"labels": _written(mark)}}}


def _written(mark: Mark) -> dict[str, str]:
    """Return the labels for an override document, in which Compose reads `$$` as `$`."""
    return {name: value.replace("$", "$$") for name, value in mark.labels.items()}
