"""Folders of several sessions."""

from pathlib import Path

import pytest


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Four folders, each for a session of its own."""
    made = [tmp_path / name for name in ("one", "two", "three", "four")]
    for each in made:
        each.mkdir()
    return made
