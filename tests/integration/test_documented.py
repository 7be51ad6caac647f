"""Run what docs/ show about servers and failures unchanged; see also tests/unit."""

import json
import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.program import PROGRAMS, start
from tests.harness.waits import HANG
from tests.support.documents import blocks
from tests.support.machine import Shell

pytestmark = pytest.mark.integration


def test_a_failure_is_the_document_of_the_guide(shell: Shell) -> None:
    (shown,) = blocks("docs/guide.md", "json")
    document = json.loads(shown.text)
    done = shell.run("url", "web", "--json")
    assert done.code == 66
    assert list(done.document) == list(document)
    assert list(done.error) == list(document["error"])
    assert done.error["code"] == document["error"]["code"]


@contextmanager
def started(shell: Shell, command: str) -> Iterator[str]:
    """Run a command line that starts a server, on a free port, and give its URL."""
    path = f"{PROGRAMS}:{shell.environ['PATH']}:/usr/bin:/bin"
    environ = {**shell.environ, "PATH": path, "PWD": str(shell.cwd)}
    script = f"{command} --port 0"
    process = start("/bin/sh", "-c", script, cwd=shell.cwd, environ=environ, start_new_session=True)
    assert process.stderr is not None
    try:
        said = ""
        while not (found := re.search(r"listening on (http\S+)", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        yield found[1]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=HANG)


@pytest.mark.parametrize(
    ("page", "path"), [("docs/http.md", "/ports/allocate"), ("docs/mcp.md", "")]
)
def test_the_servers_start_as_the_docs_say(shell: Shell, page: str, path: str) -> None:
    (command,) = [
        command
        for block in blocks(page, "sh")
        for command in block.commands
        if command.startswith("COMPOSEPORTS_API_KEYS=")
    ]
    with started(shell, command) as url:
        kind = {"Content-Type": "application/json"}
        asked = urllib.request.Request(url.rstrip("/") + path, b'{"session_id": "a"}', kind)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked, timeout=HANG)
        refused.value.close()
    assert refused.value.code == 401  # the server does not know this key
