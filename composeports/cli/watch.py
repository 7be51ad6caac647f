"""Shows a table again and again: redrawn in place on a terminal, at each change in a pipe."""

import sys
import time
from collections.abc import Callable, Sequence

from composeports.cli.context import inform
from composeports.cli.output import terminal_table, write_line, write_table

Row = tuple[str, ...]


def watch(
    columns: Sequence[str],
    look: Callable[[], list[Row]],
    nothing: str,
    *,
    every: float,
    steady: int,
) -> None:
    """Show the rows that `look` returns, every `every` seconds, until KeyboardInterrupt.

    `nothing` is shown instead of an empty table. In a pipe the table is written again only if a
    cell in the first `steady` columns has changed.
    """
    if sys.stdout.isatty():
        _redraw(columns, look, nothing, every)
    else:
        _write_changes(columns, look, nothing, every=every, steady=steady)


def _redraw(
    columns: Sequence[str], look: Callable[[], list[Row]], nothing: str, every: float
) -> None:
    from rich.live import Live  # noqa: PLC0415 - only on a terminal
    from rich.text import Text  # noqa: PLC0415

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            rows = look()
            text = terminal_table(columns, rows) if rows else nothing
            live.update(Text.from_ansi(text, no_wrap=True), refresh=True)
            time.sleep(every)


def _write_changes(
    columns: Sequence[str],
    look: Callable[[], list[Row]],
    nothing: str,
    *,
    every: float,
    steady: int,
) -> None:
    before: list[Row] | None = None
    while True:
        rows = look()
        now = [row[:steady] for row in rows]
        if now != before:
            if before:
                write_line("")
            if rows:
                write_table(columns, rows)
            else:
                inform(nothing)
            sys.stdout.flush()
        before = now
        time.sleep(every)
