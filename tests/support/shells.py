"""Real shells, which scripts/shells.py fetches once."""

import json
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from tests.harness.program import OUTSIDE, ROOT, output


@cache
def programs() -> Mapping[str, Any]:
    """Return executable, environment and preamble of bash, zsh, fish and direnv, by name."""
    script = ROOT / "scripts" / "shells.py"
    found: Mapping[str, Any] = json.loads(output(sys.executable, script, environ=OUTSIDE))
    return found
