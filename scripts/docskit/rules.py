"""Words what the plan does with a Compose file, from the rules' own table."""

from __future__ import annotations

from pathlib import Path

from docskit.rule_texts import TABLE

INTRODUCTION = """\
# What the plan does with a Compose file

The plan is a list of changes, each with its reason. `composeports plan` shows it before anything
happens; `plan --json` has the changes as `{"kind", "where", "service", "from", "to", "why"}`. The
Compose file stays as it is: variables and one override document bring the changes about. What is
not named here stays as the file says.

"""
# Written by hand; a test runs its commands.
EXAMPLE = Path(__file__).with_name("plan_example.md")
END = """\
What the files say is asked of Docker Compose. Why it is done this way is in [design.md](design.md),
and what it comes to with real Compose files in [corpus.md](corpus.md).
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
