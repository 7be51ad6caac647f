"""Tables on a terminal: no word is folded, and only names are cut."""

import io
import sys

import pytest

from composeports.cli import output

COLUMNS = ("", "Session", "Branch", "State", "TTL")
ROWS = [
    ("*", "shop-a-long-folder-name", "feature/a-very-long-branch", "running", "120 min"),
    ("", "店" * 15, "main", "stopped", "expired, kept by its containers"),
]


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_each_row_is_one_line_and_only_names_are_cut(
    monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    output.write_table(COLUMNS, ROWS)
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 3
    assert "running" in lines[1]
    assert "expired, kept by its containers" in lines[2]
    assert lines[1].startswith("*  shop-a-long-fol")
    assert ("…" in terminal.getvalue()) == (width < 200)
