"""Build the validation report as Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

TITLE = "# Validation report"
PASS, FAIL, SKIP, WARN, INTERRUPTED = "pass", "fail", "skip", "warn", "interrupted"
TAIL_LINES = 60


@dataclass
class Phase:
    """One phase and its result; the report shows the last TAIL_LINES lines of `detail`."""

    name: str
    result: str
    note: str = ""
    detail: str = ""
    seconds: float = 0.0


@dataclass
class Report:
    """The facts, URLs and phases of one validation."""

    facts: dict[str, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    phases: list[Phase] = field(default_factory=list)
    stopped: bool = False
    finished: bool = False

    @property
    def result(self) -> str:
        """UNFINISHED, INTERRUPTED, FAIL or PASS."""
        if not self.finished:
            return "UNFINISHED"
        if self.stopped:
            return "INTERRUPTED"
        failed = any(phase.result == FAIL for phase in self.phases)
        return "FAIL" if failed else "PASS"

    def text(self) -> str:
        """Return the report as Markdown."""
        parts = [f"{TITLE}\n\nResult: **{self.result}**\n", _table(self.facts)]
        if self.urls:
            parts.append("## URLs\n\n" + _table(self.urls))
        if self.phases:
            parts.append("## Phases\n\n" + "\n".join(map(_line, self.phases)) + "\n")
        parts += map(_section, filter(lambda phase: phase.detail.strip(), self.phases))
        return "\n".join(parts)


def _line(phase: Phase) -> str:
    note = f": {_plain(phase.note)}" if phase.note else ""
    return f"- {phase.name}: **{phase.result}** ({phase.seconds:.0f} s){note}"


def _section(phase: Phase) -> str:
    lines = phase.detail.strip().splitlines()
    body = "\n".join(map(_plain, lines[-TAIL_LINES:]))
    ticks = max((len(run) for run in re.findall("`{3,}", body)), default=2) + 1
    fence = "`" * ticks
    return f"## {phase.name}\n\n{fence}text\n{body}\n{fence}\n"


def _table(rows: dict[str, str]) -> str:
    cells = (f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items())
    return "\n".join(["| | |", "|---|---|", *cells]) + "\n"


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return the text as one line, without colour codes and other control characters."""
    bare = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)", "", text)
    return "".join(char if char.isprintable() or char == "\t" else " " for char in bare)
