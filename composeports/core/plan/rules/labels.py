"""Labels that name the owner of a stack's containers, networks and volumes."""

from collections.abc import Iterator

from composeports.core.labels import STACK, UNTAGGED, Mark, Tags
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
    tags = (context.lease.tags or {}).get(STACK, UNTAGGED)
    nodes = [
        {"services": {service.name: {"labels": _written(session_mark, tags)}}}
        for service in context.project.services
    ]
    return RuleResult(override=merge([*nodes, *_volumes_and_networks(context, session_mark)]))


def _volumes_and_networks(context: PlanContext, own: Mark) -> Iterator[Node]:
    known_marks = context.lease.marks
    if known_marks is None:
        return
    known_tags = context.lease.tags or {}
    project, settings = context.project, context.settings
    sections = (
        ("volume", project.volumes, settings.isolate_volumes),
        ("network", project.networks, settings.isolate_networks),
    )
    for kind, resources, is_isolated in sections:
        for resource in resources:
            is_shared = resource.external or (project.is_fixed(resource.name) and not is_isolated)
            key = f"{kind}:{resource.key}"
            mark = known_marks.get(key, own)
            tags = known_tags.get(key, known_tags.get(STACK, UNTAGGED))
            if mark.labels and not is_shared:
                yield {f"{kind}s": {resource.key: {"labels": _written(mark, tags)}}}


def _written(mark: Mark, tags: Tags) -> dict[str, str]:
    """Return the labels for an override document, in which Compose reads `$$` as `$`."""
    labels = {**mark.labels, **tags.labels}
    return {name: value.replace("$", "$$") for name, value in labels.items()}
