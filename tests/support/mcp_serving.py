"""An MCP server over HTTP, as a process of the installed program."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.machine import Shell, finished

KEY = "a key of the tests"


@contextmanager
def listening(
    shell: Shell,
    *arguments: str,
    end: int = signal.SIGTERM,
    **options: Any,  # noqa: ANN401 - of Popen
) -> Iterator[str]:
    """Yield the URL of a server that listens; end the server at the end."""
    process = shell.start("mcp", "--http", "--port", "0", *arguments, **options)
    try:
        assert process.stderr is not None
        line = process.stderr.readline().decode()
        found = re.match(r"listening on (http://\S+/mcp) ", line)
        assert found, line + process.stderr.read().decode()
        yield found[1]
        process.send_signal(end)
        done = finished(process)
        assert done.code == (130 if end == signal.SIGINT else 0)
        assert done.out == ""
        assert KEY not in line + done.err
    finally:
        process.kill()
        process.communicate()
