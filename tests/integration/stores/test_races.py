"""A short run of benchmarks/races.py: many processes on one store, and no block has two owners."""

import pytest

from races import run
from tests.support import postgres

pytestmark = pytest.mark.integration


def test_thirty_two_processes_never_share_a_block_and_none_fails() -> None:
    seconds, errors, overlaps, _ = run(processes=32, pairs=320)
    assert errors == []
    assert overlaps == 0
    assert len(seconds) == 320


def test_neither_do_they_on_postgresql_where_they_also_race_to_make_the_tables() -> None:
    server = postgres.shared()
    url = server.socket_url(postgres.new_database(server))
    seconds, errors, overlaps, _ = run(processes=24, pairs=480, url=url)
    assert errors == []
    assert overlaps == 0
    assert len(seconds) == 480
