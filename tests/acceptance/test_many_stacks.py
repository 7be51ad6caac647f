"""More stacks than the engine has address pools for: all start, answer and can be removed."""

import sys

import pytest

from tests.harness.engine import engine_environ
from tests.harness.program import ROOT, output

pytestmark = pytest.mark.e2e

STACKS = 16  # of two networks each; a stock engine has pools for about 29


@pytest.mark.usefixtures("projects")
def test_more_networks_than_the_engine_has_pools_for() -> None:
    argv = [sys.executable, "-m", "benchmarks.many", "--stacks", str(STACKS)]
    said = output(*argv, cwd=ROOT, environ=engine_environ())
    assert f"{STACKS} stacks: all well" in said
    assert f"networks {2 * STACKS}" in said
