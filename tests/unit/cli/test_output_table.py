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
    assert lines[1].startswith("*  shop-a-lo")
    assert ("…" in terminal.getvalue()) == (width < 200)


def test_a_list_of_sessions_fits_60_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for name, value in {"COLUMNS": "60", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    row = ("*", "a-very-long-worktree", "feature/JIRA-1-pay", "running, 1/1 healthy", "59 min")
    output.write_table((*COLUMNS[:-1], "Age", "TTL"), [(*row, "120 min")])
    lines = terminal.getvalue().splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 60
    assert lines[1].endswith("running, 1/1 healthy  59 min  120 min")
