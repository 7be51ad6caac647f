"""Calls of docker in scripts of the worktree that name objects of the stack."""

from collections.abc import Iterator, Sequence

from composeports.core.docker_arguments import named_objects
from composeports.core.docker_options import CONTAINER, GROUPS, IMAGE, PROJECT, PROJECT_FILTER
from composeports.core.image_names import short_name
from composeports.core.plan.change import RuleResult, SharedResource, UnchangedValue
from composeports.core.plan.rules import containers
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.name_references import new_names
from composeports.core.plan.rules.wording import way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named

# `docker GROUP prune` also removes objects of stopped stacks for these groups.
PRUNED = frozenset({"container", "network", "system", "volume"})
PRUNE_REASON = (
    "it also removes what other sessions have stopped; `composeports down` and `composeports gc` "
    "remove only this session's things, and those of gone worktrees"
)


def script_calls(context: PlanContext) -> RuleResult:
    """Warn about scripts with lines that would reach another stack's objects by their names.

    A warning has the first line of the script; all lines are listed, also those of a script that
    `shared` names.
    """
    calls = tuple(dict.fromkeys(_calls(context)))
    by_script: dict[str, list[UnchangedValue]] = {}
    for call in calls:
        by_script.setdefault(call.where.rpartition(":")[0], []).append(call)
    shared = [script for script in by_script if is_named(context.settings, "script", script)]
    return RuleResult(
        shared=tuple(SharedResource("script", script, IN_SETTINGS) for script in shared),
        warnings=tuple(
            _warning(script, found) for script, found in by_script.items() if script not in shared
        ),
        left=calls,
    )


def _warning(script: str, calls: Sequence[UnchangedValue]) -> str:
    first, others = calls[0], len(calls) - 1
    more = f"; {others} more such call{'s' * (others > 1)} in it" if others else ""
    return f"{first.where} calls {first.value}: {first.why}{more}; {way_out(f'script:{script}')}"


def _prunes(words: Sequence[str]) -> bool:
    """Return True if the call removes what all projects have stopped or left."""
    is_limited = any(PROJECT_FILTER in word for word in words)
    return words[0] in PRUNED and "prune" in words[1:2] and not is_limited


def _calls(context: PlanContext) -> Iterator[UnchangedValue]:
    names = new_names(context).for_scripts()
    variables = {name: variable for variable, name in containers.variables_of(context)}
    for call in context.host_facts.calls:
        command = " ".join(call.words[: 2 if call.words[0] in GROUPS else 1])
        if _prunes(call.words):
            yield UnchangedValue("script", call.where, f"docker {command}", PRUNE_REASON)
        for kind, old_name in sorted(set(named_objects(call.words, names))):
            name = names[kind][old_name]
            shown_name = short_name(old_name) if kind == IMAGE else old_name
            has_variable = kind == CONTAINER and name in variables
            suffix = f", and {variables[name]} has the name" if has_variable else ""
            things = kind if kind == PROJECT else f"{kind}s"
            yield UnchangedValue(
                "script",
                call.where,
                f"docker {command} {shown_name}",
                f"the {kind} is called {name} here; `composeports env -- CMD` runs the script with "
                f"this session's {things}{suffix}",
            )
