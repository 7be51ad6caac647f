"""The server conforms to its OpenAPI document for every request: schemathesis, all checks.

`make schema` does the same for much longer.
"""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.harness.program import output
from tests.support.machine import Shell
from tests.support.serving import KEY, serving

pytestmark = pytest.mark.integration

# Requests that it makes up for each route, at most; what tells most is sent in any case.
EXAMPLES = int(os.environ.get("COMPOSEPORTS_DEV_EXAMPLES", "2"))
GRID = {"PORT_ALLOC_BASE": "31000", "PORT_ALLOC_RANGE": "4", "PORT_ALLOC_MAX_SESSIONS": "20"}
ROUTES = 7
# It never ends by itself, so there is no answer to check; test_http.py reads from it.
ENDLESS = "/events"
# A warning would say that a made-up session seldom has a lease to renew.
OPTIONS = f"--checks all --exclude-path {ENDLESS} --max-examples {EXAMPLES} --warnings off".split()
OPTIONS += ["--continue-on-failure", "--no-color", "--generation-database", "none"]
# What it sends to each route, at least.
ENOUGH = 10


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
        argv = [program, "run", f"{url}/openapi.json", "--header", f"X-API-Key: {KEY}", *OPTIONS]
        said = output(*argv, cwd=tmp_path, environ=shell.environ)
        assert "No issues found" in said, said
        assert f"Selected: {ROUTES}/{ROUTES + 1}\n  Tested: {ROUTES}\n" in said, said
        found = re.search(r"(\d+) generated, (\d+) passed", said)
        assert found
        assert found[1] == found[2]
        assert int(found[2]) >= ROUTES * ENOUGH
        assert server.post("/ports/allocate", "after all that").status_code == 200
