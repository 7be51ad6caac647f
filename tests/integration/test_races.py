"""The short form of benchmarks/races.py: many processes on one store, and nobody has another's."""

import pytest

from races import run

pytestmark = pytest.mark.integration


def test_thirty_two_processes_never_share_a_block_and_none_fails() -> None:
    seconds, errors, overlaps, _ = run(processes=32, pairs=320)
    assert errors == []
    assert overlaps == 0
    assert len(seconds) == 320
