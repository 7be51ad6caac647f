"""The warnings of `env --` about scripts whose calls bypass the wrapper of docker."""

from collections.abc import Sequence

from composeports.cli.context import warn
from composeports.core.script_findings import bypasses
from composeports.core.visible_text import visible
from composeports.host.script_text import script_of

MAX_WARNINGS = 3


def warn_of_bypasses(argv: Sequence[str]) -> None:
    """Warn about calls in a script that bypass the wrapper, such as after the script sets PATH."""
    path, text = script_of(argv)
    findings = bypasses(text)
    for number, reason in findings[:MAX_WARNINGS]:
        message = (
            f"warning: {path}:{number} {reason}: docker there is not led to this session's stack"
        )
        warn(visible(message))
    if len(findings) > MAX_WARNINGS:
        warn(f"warning: and {len(findings) - MAX_WARNINGS} more such lines")
