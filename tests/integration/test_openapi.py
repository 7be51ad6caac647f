"""The server does what its OpenAPI document says, whatever it is sent: schemathesis, all checks.

`make schema` does the same for much longer.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.machine import Shell
from tests.support.serving import KEY, serving

pytestmark = pytest.mark.integration

# Requests of each kind for each route; few, since what tells the most of them comes first.
EXAMPLES = int(os.environ.get("COMPOSEPORTS_DEV_EXAMPLES", "4"))
GRID = {"PORT_ALLOC_BASE": "31000", "PORT_ALLOC_RANGE": "4", "PORT_ALLOC_MAX_SESSIONS": "20"}
ROUTES = 6
# It never ends by itself, so there is no answer to check; test_http.py reads from it.
ENDLESS = "/events"


@pytest.mark.parametrize(
    "reading", [pytest.param((), id="open"), pytest.param(("--host", "0.0.0.0"), id="by key")]
)
def test_it_is_as_its_description_says(
    shell: Shell, tmp_path: Path, reading: tuple[str, ...]
) -> None:
    program = str(Path(sys.executable).with_name("schemathesis"))
    with serving(shell.having(**GRID), *reading) as server:
        # The session of the document's example, so that there is one to renew.
        server.allocate("agent-7")
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        argv = [program, "run", f"{url}/openapi.json", "--header", f"X-API-Key: {KEY}"]
        argv += ["--checks", "all", "--exclude-path", ENDLESS, "--max-examples", str(EXAMPLES)]
        # A warning would say that a made-up session seldom has a lease to renew.
        argv += [
            "--warnings",
            "off",
            "--continue-on-failure",
            "--no-color",
            "--generation-database",
            "none",
        ]
        done = subprocess.run(
            argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=shell.environ
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "No issues found" in done.stdout, done.stdout
        assert f"Selected: {ROUTES}/{ROUTES + 1}\n  Tested: {ROUTES}\n" in done.stdout, done.stdout
        found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
        assert found
        assert int(found[2]) > ROUTES * EXAMPLES
        assert server.post("/ports/allocate", "after all that").status_code == 200
