"""Draw the table of `status` as a terminal shows it, with the program's rows and columns."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from composeports.cli.status import COLUMNS, rows_of
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.usecases.status import SessionStatus

if TYPE_CHECKING:
    from pathlib import Path

SESSIONS = (
    ("shop", "main", "ac-1b0d7a52", "running"),
    ("shop-login", "login", "ac-46438373", "running"),
    ("shop-search", "search", "ac-7b4279de", "running"),
    ("shop-basket", "basket", "ac-e20c91f4", "stopped"),
    ("shop-old", "old", "ac-90aa31c7", "gone"),
)
MINE = "shop-search"


def write(path: Path) -> None:
    """Write the picture."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg())


def svg() -> str:
    """Return the picture as SVG; it loads nothing from the network."""
    console = Console(record=True, width=92, file=StringIO(), highlight=False)
    console.print(Text("$ composeports status", style="dim"))
    console.print(_table())
    drawn = console.export_svg(title="composeports status", theme=MONOKAI, unique_id="status")
    return re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in COLUMNS:
        table.add_column(name, no_wrap=True)
    statuses = [_status(number, *session) for number, session in enumerate(SESSIONS)]
    for row in rows_of(statuses):
        table.add_row(*map(Text, row))
    return table


def _status(number: int, name: str, branch: str, project: str, state: str) -> SessionStatus:
    folder = f"/home/you/{name}"
    lease = Lease(
        session_id=folder,
        block=PortBlock(10000 + number * 100, 100),
        project=project,
        allocated_at=0,
        expires_at=0,
        place=WorktreeLocation(worktree=folder, directory=folder, branch=branch),
    )
    checked = 2 if state == "running" else 0
    age = 7 * number + 3 ** (2 * number)
    status = SessionStatus(lease, state, name == MINE, 120 - 7 * number)
    return status._replace(age_minutes=age, healthy=checked, checked=checked)
