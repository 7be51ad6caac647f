"""Shows a table again and again: redrawn in place on a terminal, at each change in a pipe."""

import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from composeports.cli.context import inform
from composeports.cli.output import terminal_table, write_line, write_table

Row = tuple[str, ...]


class WatchedTable(NamedTuple):
    """A table that is shown again and again: its columns, and `look`, which returns its rows.

    The cells of the first `steady` columns do not change with time alone. `nothing` is shown
    instead of an empty table.
    """

    columns: Sequence[str]
    steady: int
    nothing: str
    look: Callable[[], list[Row]]


def watch(table: WatchedTable, every: float) -> None:
    """Show the table every `every` seconds, until KeyboardInterrupt.

    In a pipe it is written again only if a cell in a steady column has changed.
    """
    if sys.stdout.isatty():
        _redraw(table, every)
    else:
        _write_changes(table, every)


def _redraw(table: WatchedTable, every: float) -> None:
    from rich.live import Live  # noqa: PLC0415 - only on a terminal
    from rich.text import Text  # noqa: PLC0415

    with Live(screen=True, auto_refresh=False) as live:
        while True:
            rows = table.look()
            text = terminal_table(table.columns, rows) if rows else table.nothing
            live.update(Text.from_ansi(text, no_wrap=True), refresh=True)
            time.sleep(every)


def _write_changes(table: WatchedTable, every: float) -> None:
    before: list[Row] | None = None
    while True:
        rows = table.look()
        now = [row[: table.steady] for row in rows]
        if now != before:
            if before:
                write_line("")
            if rows:
                write_table(table.columns, rows)
            else:
                inform(table.nothing)
            sys.stdout.flush()
        before = now
        time.sleep(every)
