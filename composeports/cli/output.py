"""Prints results: JSON documents, tables, and text without terminal control characters."""

import json
import os
import sys
from collections.abc import Iterable, Sequence

import click

from composeports.core.visible_text import visible

WIDE = 10_000
# Columns that are cut ("shop-log…") on a narrow terminal, with their minimum widths. Other columns
# never are, because a part of a port or URL is of no use; the terminal itself breaks lines that are
# still too long.
SHORTENED = {"Service": 8, "Session": 10, "Branch": 6}


def write_json(document: object) -> None:
    """Write one JSON document to stdout; a value of a type that JSON lacks becomes text."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=str)
    # Undecodable bytes and terminal control characters become JSON's own escapes.
    lines = (
        line if line.isprintable() else "".join(map(_as_json, line)) for line in text.split("\n")
    )
    sys.stdout.write("\n".join(lines) + "\n")


def _as_json(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


def write_line(text: str) -> None:
    """Write one line to stdout; undecodable bytes of file names are written unchanged."""
    data = f"{text}\n".encode("utf-8", "surrogateescape")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def write_table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
    """Write a table to stdout; in a pipe it has full width and no colour."""
    cells = [[visible(cell) for cell in row] for row in rows]
    if not _wants_rich():
        _write_plain(columns, cells, title)
        return
    sys.stdout.write(_terminal_table(columns, cells, title))


def terminal_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the table as `write_table` writes it to a terminal, with its escape sequences."""
    return _terminal_table(columns, [[visible(cell) for cell in row] for row in rows], "")


def _terminal_table(columns: Sequence[str], cells: list[list[str]], title: str) -> str:
    from rich.console import Console  # noqa: PLC0415 - 35 ms, only on a terminal
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    style = "" if os.environ.get("NO_COLOR") else "bold"
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    cells, width = _shortened(columns, cells, console.width)
    console.width = max(console.width, width)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=style)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in cells:
        table.add_row(*map(Text, row))
    with console.capture() as capture:
        if title:
            console.print(Text(visible(title), style=style))
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def _wants_rich() -> bool:
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def _write_plain(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    """Write the table for a pipe, without importing the modules that only a terminal needs."""
    widths = [max(map(_cells, column)) for column in zip(columns, *rows, strict=True)]
    if title:
        sys.stdout.write(visible(title) + "\n")
    for row in (columns, *rows):
        padded_cells = (
            cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True)
        )
        sys.stdout.write("  ".join(padded_cells).rstrip() + "\n")


def _cells(text: str) -> int:
    """Return the number of terminal columns that the text needs."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most tables are ASCII

    return cell_len(text)


def _shortened(
    columns: Sequence[str], rows: Sequence[Sequence[str]], width: int
) -> tuple[list[list[str]], int]:
    """Return the rows with cells of the SHORTENED columns cut, and the width of their table.

    It is always the widest of these columns that loses a character.
    """
    from rich.cells import cell_len, set_cell_size  # noqa: PLC0415 - only on a terminal

    widths = [max(map(cell_len, column)) for column in zip(columns, *rows, strict=True)]
    spaces = 2 * len(widths)  # the last two are not written
    while sum(widths) + spaces - 2 > width:
        shrinkable = [
            index
            for index, name in enumerate(columns)
            if widths[index] > SHORTENED.get(name, widths[index])
        ]
        if not shrinkable:
            break
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    cells = [
        [
            cell if cell_len(cell) <= most else set_cell_size(cell, most - 1).rstrip() + "…"
            for cell, most in zip(row, widths, strict=True)
        ]
        for row in rows
    ]
    return cells, sum(widths) + spaces


def prepare_table() -> None:
    """Import the modules for tables early, while the command waits for another process."""
    if not _wants_rich():
        return
    import rich.console  # noqa: PLC0415
    import rich.table  # noqa: F401, PLC0415


def as_json_option(command: click.decorators.FC) -> click.decorators.FC:
    """Add the `--json` flag to a command."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(
        command
    )
