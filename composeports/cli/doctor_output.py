"""Prints the results of `doctor`: a line for each check, its findings below, or JSON."""

import os
import sys
import textwrap
from shutil import get_terminal_size

import click

from composeports.cli.output import write_line
from composeports.core.visible_text import visible
from composeports.usecases.doctor.doctor import FixResult
from composeports.usecases.doctor.findings import OK, SKIPPED, CheckResult, Finding
from composeports.usecases.doctor.policy import Checkup

SIGNS = {OK: ("ok", "green"), SKIPPED: ("-", "yellow")}
COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
INDENT = " " * 6


def as_document(found: Checkup, fixed: FixResult) -> dict[str, object]:
    """Return the JSON document without its `facts`."""
    return {
        "ok": found.healthy and not fixed.failed,
        "findings": [
            {
                "check": name,
                "level": finding.level,
                "what": finding.what,
                "why": finding.why,
                "next_step": finding.next_step,
                "fixable": finding.fix is not None,
            }
            for name, finding in found.findings
        ],
        "fixed": list(fixed.done),
        "not_fixed": list(fixed.failed),
    }


def write_report(found: Checkup, fixed: FixResult) -> None:
    """Write the report for people to stdout."""
    for line in fixed.done:
        write_line(visible(f"fixed: {line}"))
    for line in fixed.failed:
        write_line(visible(line))
    for check in found.checks:
        _write_check(check)
    count = sum(finding.level != "note" for _, finding in found.findings)
    fixable = sum(finding.fix is not None for _, finding in found.findings)
    if count or fixable:
        fix_hint = f"; `composeports doctor --fix` fixes {fixable}" if fixable else ""
        write_line(f"\n{count} finding{'s' if count != 1 else ''}{fix_hint}")


def _write_check(check: CheckResult) -> None:
    sign, colour = SIGNS.get(check.state, ("!", "red"))
    write_line(f"{_styled(f'{sign:<3}', colour)} {check.name:<10} {visible(check.said)}")
    for finding in check.findings:
        _write_finding(finding)


def _write_finding(finding: Finding) -> None:
    level = _styled(f"{finding.level}:", COLOURS[finding.level])
    first_line, *more_lines = _wrapped(f"{finding.level}: {visible(finding.what)}")
    write_line(INDENT[:4] + level + first_line.strip()[len(finding.level) + 1 :])
    for line in more_lines:
        write_line(line)
    for line in _wrapped(visible(finding.why)):
        write_line(line)
    # Not wrapped, so that a command in it can be copied.
    write_line(f"{INDENT}-> {visible(finding.next_step)}")


def _wrapped(text: str) -> list[str]:
    width = max(40, get_terminal_size().columns) if sys.stdout.isatty() else 10_000
    return textwrap.wrap(
        text,
        width,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _styled(text: str, colour: str) -> str:
    is_plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR")
    return text if is_plain else click.style(text, fg=colour)
