"""Generate the page about what the plan does with a Compose file, from the table of the rules."""

from __future__ import annotations

from pathlib import Path

from docskit.rule_texts import TABLE

INTRODUCTION = """\
# What the plan does with a Compose file

The plan is a list of changes, each with its reason. `composeports plan` shows it before anything
happens; `plan --json` has the changes as `{"kind", "where", "service", "from", "to", "why"}`.
composeports does not change the Compose file: it applies the changes with variables and one
override document. Everything that this page does not name stays as it is in the file.

"""
# This file is written by hand; a test runs its commands.
EXAMPLE = Path(__file__).with_name("plan_example.md")
END = """\
composeports asks Docker Compose for the content of the files. [design.md](design.md) gives the
reasons for these rules. [corpus.md](corpus.md) shows the results for real Compose files.
"""


def page() -> str:
    """Return docs/plan.md."""
    sections = []
    for rule, kinds, rows in TABLE:
        title = rule.__name__.replace("_", " ").capitalize()
        said = (rule.__doc__ or "").splitlines()[0]
        shown = ", ".join(f"`{kind}`" for kind in kinds)
        lines = "\n".join(f"| {found} | {done} |" for found, done in rows)
        kind = f" Kind of change: {shown}." if kinds else " It changes nothing."
        sections.append(
            f"## {title}\n\n{said}{kind}\n\n| in the file | what happens |\n|---|---|\n{lines}\n"
        )
    return "\n".join((INTRODUCTION.rstrip() + "\n", *sections, EXAMPLE.read_text(), END))
