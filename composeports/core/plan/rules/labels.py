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
    session_mark = context.lease.mark
    if not session_mark.labels:
        return RuleResult()
    nodes = [
        {"services": {service.name: {"labels": _written(session_mark)}}}
        for service in context.project.services
    ]
    return RuleResult(override=merge([*nodes, *_volumes_and_networks(context, session_mark)]))


def _volumes_and_networks(context: PlanContext, own: Mark) -> Iterator[Node]:
    known_marks = context.lease.marks
    if known_marks is None:
        return
    project, settings = context.project, context.settings
    sections = (
        ("volume", project.volumes, settings.isolate_volumes),
        ("network", project.networks, settings.isolate_networks),
    )
    for kind, resources, is_isolated in sections:
        for resource in resources:
            is_shared = resource.external or (project.is_fixed(resource.name) and not is_isolated)
            mark = known_marks.get(f"{kind}:{resource.key}", own)
            if mark.labels and not is_shared:
                yield {f"{kind}s": {resource.key: {"labels": _written(mark)}}}


def _written(mark: Mark) -> dict[str, str]:
    """Return the labels for an override document, in which Compose reads `$$` as `$`."""
    return {name: value.replace("$", "$$") for name, value in mark.labels.items()}
