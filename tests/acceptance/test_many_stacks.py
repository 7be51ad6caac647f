"""More stacks than the engine has address pools for: all start, answer and can be removed."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.engine import ENGINE_VARIABLES
from tests.harness.program import PATH

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
STACKS = 16  # of two networks each; a stock engine has pools for about 29


@pytest.mark.usefixtures("projects")
def test_more_networks_than_the_engine_has_pools_for() -> None:
    argv = [sys.executable, "-m", "benchmarks.many", "--stacks", str(STACKS)]
    environ = {"PATH": PATH, **ENGINE_VARIABLES}
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{STACKS} stacks: all well" in done.stdout
    assert f"networks {2 * STACKS}" in done.stdout
