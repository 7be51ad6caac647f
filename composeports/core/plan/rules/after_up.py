"""The commands of the settings that run on this machine after `up`."""

from composeports.core.after_up import commands_of, shown
from composeports.core.plan.change import RuleResult
from composeports.core.plan.rules.context import PlanContext


def commands_after_up(context: PlanContext) -> RuleResult:
    """Note which commands of the settings run once the stack is healthy."""
    commands = commands_of(context.settings)
    if not commands:
        return RuleResult()
    lines = "; ".join(" ".join(shown(command).split()) for command in commands)
    note = (
        f"once the stack is healthy, `up` runs on this machine what [after] in the settings names "
        f"({lines}), if `composeports allow` has allowed it; `up --no-after` does not"
    )
    return RuleResult(notes=(note,))
