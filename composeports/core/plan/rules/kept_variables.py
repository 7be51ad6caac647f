"""The fixed variables that keep the user's value inside the stack."""

from collections.abc import Iterator, Mapping

from composeports.core.plan.change import Node, RuleResult, UnchangedValue, merge
from composeports.core.plan.override import Override
from composeports.core.plan.port_candidates import URL_VARIABLE
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.variable_effects import Path


def kept_variables(context: PlanContext) -> RuleResult:
    """Write the values that Compose read with the user's variables into the override.

    The user's shell may have the session's values instead. With the override, `composeports up` and
    plain `docker compose` after `composeports env` give the same result.
    """
    paths = [
        path for name in context.kept_variables for path in context.effects.other_uses.get(name, ())
    ]
    nodes = [node for path in paths for node in _literal(context.resolved, path)]
    return RuleResult(override=merge(nodes), left=tuple(_left(context)))


def _left(context: PlanContext) -> Iterator[UnchangedValue]:
    for name in context.kept_variables:
        places = ", ".join(context.effects.other_places(name))
        if name == URL_VARIABLE:
            why = f"it leads to another place than localhost ({places})"
        else:
            why = f"it also sets {places}, so only published ports change"
        yield UnchangedValue("variable", name, context.values.get(name, ""), why)


def _literal(document: Mapping[str, object], path: Path) -> Iterator[Node]:
    """Yield the override that keeps the document's value at the path.

    Yield nothing for paths of other rules: the project name, `ports`, and `x-` fields. A list is
    replaced as a whole. A mapping is replaced as a whole if its keys have changed.
    """
    if path[0] == "name" or str(path[0]).startswith("x-") or path[2:3] == ("ports",):
        return
    node: object = document
    for depth, key in enumerate(path):
        if not isinstance(node, Mapping):
            yield _nested(path[:depth], Override(node))
            return
        if node.get(str(key)) is None:
            other_entries = {name: value for name, value in node.items() if name != key}
            yield _nested(path[:depth], Override(other_entries))
            return
        node = node[str(key)]
    yield _nested(path, Override(node) if isinstance(node, list | Mapping) else node)


def _nested(path: Path, value: object) -> Node:
    node = value
    for key in reversed(path):
        node = {str(key): node}
    return node if isinstance(node, Mapping) else {}
