"""Prints a plan for people, grouped by service."""

from collections.abc import Iterable

from composeports.cli.output import write_line
from composeports.core.plan.change import Change, UnchangedValue
from composeports.core.plan.plan import Plan
from composeports.core.visible_text import visible

# Maximum width of a column. A longer cell moves the rest of its own line to the right.
WIDEST = 60


def show(made: Plan) -> None:
    """Print the plan to stdout: changes with reasons, shared resources, warnings and notes."""
    write_line(f"Session {visible(made.session_id)}")
    _write_group("Project", [change for change in made.changes if not change.service])
    for name in sorted({change.service for change in made.changes if change.service}):
        _write_group(
            f"Service {name}", [change for change in made.changes if change.service == name]
        )
    _write_list(
        "Shared by all sessions",
        (f"{resource.kind} {resource.name}: {resource.why}" for resource in made.shared),
    )
    _write_list("Cannot be isolated", made.warnings)
    _write_list("Taken from the main checkout first", made.copies)
    _write_list("Missing", (file.why for file in made.missing))
    _write_list("Seen, left as it is", map(_left, made.left))
    _write_list("Good to know", made.notes)


def _write_group(heading: str, changes: list[Change]) -> None:
    write_line(f"\n{visible(heading)}")
    rows = [(visible(change.where), _move(change), visible(change.why)) for change in changes]
    where_width, move_width = (
        min(WIDEST, max(len(row[column]) for row in rows)) for column in (0, 1)
    )
    for row in rows:
        write_line(f"  {row[0]:{where_width}}  {row[1]:{move_width}}  {row[2]}")


def _write_list(heading: str, lines: Iterable[str]) -> None:
    indented_lines = [f"  {visible(line)}" for line in lines]
    if indented_lines:
        write_line("\n".join(("", heading, *indented_lines)))


def _left(left: UnchangedValue) -> str:
    location = f"{left.service}: {left.where}" if left.service else left.where
    value = left.value if len(left.value) <= WIDEST else f"{left.value[: WIDEST - 3]}..."
    return f"{location} = {' '.join(value.split())}: {left.why}"


def _move(change: Change) -> str:
    return visible(f"{change.before} -> {change.after}" if change.before else f"-> {change.after}")
