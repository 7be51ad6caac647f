"""Calls of docker in scripts of the worktree that name objects of the stack."""

from collections.abc import Iterator

from composeports.core.docker_arguments import CONTAINER, GROUPS, IMAGE, named_objects
from composeports.core.image_names import short_name
from composeports.core.plan.change import RuleResult, UnchangedValue
from composeports.core.plan.rules import containers
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.name_references import new_names


def script_calls(context: PlanContext) -> RuleResult:
    """List the script lines that would reach another stack's objects by their names."""
    return RuleResult(left=tuple(dict.fromkeys(_calls(context))))


def _calls(context: PlanContext) -> Iterator[UnchangedValue]:
    names = new_names(context).for_scripts()
    variables = {name: variable for variable, name in containers.variables_of(context)}
    for call in context.host_facts.calls:
        command = " ".join(call.words[: 2 if call.words[0] in GROUPS else 1])
        for kind, old_name in sorted(set(named_objects(call.words, names))):
            name = names[kind][old_name]
            shown_name = short_name(old_name) if kind == IMAGE else old_name
            has_variable = kind == CONTAINER and name in variables
            suffix = f", and {variables[name]} has the name" if has_variable else ""
            yield UnchangedValue(
                "script",
                call.where,
                f"docker {command} {shown_name}",
                f"the {kind} is called {name} here; `composeports env -- CMD` runs the script with "
                f"this session's {kind}s{suffix}",
            )
