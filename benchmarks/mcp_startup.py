"""Measure how long an MCP client waits for the server: from its start to the `initialize` answer.

Run it as `python -m benchmarks.mcp_startup`; it needs no engine. On a busy machine, the processor
time is the more reliable figure.
"""

import json
import os
import resource
import statistics
import sys
import tempfile
import time

from tests.harness.program import PROGRAM, output, run

ROUNDS = 9
PARAMS = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PARAMS}


Times = tuple[float, float]


def time_to_answer(state: str) -> Times:
    """Return how long it takes until the server has answered the first request."""
    environ = {**os.environ, "COMPOSEPORTS_STATE_DIR": state}
    request = json.dumps(REQUEST) + "\n"
    before = used()
    begin = time.perf_counter()
    done = run(PROGRAM, "mcp", environ=environ, stdin=request)
    took = time.perf_counter() - begin
    if done.code or '"serverInfo"' not in done.out:
        sys.exit(f"no answer: {done}")
    return took * 1000, used() - before


def time_to_import(module: str) -> Times:
    """Return how long a Python takes that imports one module."""
    before = used()
    begin = time.perf_counter()
    output(sys.executable, "-c", f"import {module}")
    return (time.perf_counter() - begin) * 1000, used() - before


def used() -> float:
    """Return the milliseconds of processor time that the programs so far have used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (usage.ru_utime + usage.ru_stime) * 1000


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as state:
        ours = [time_to_answer(state) for _ in range(ROUNDS)]
    sdk = [time_to_import("mcp.server.mcpserver") for _ in range(ROUNDS)]
    print(f"{'medians':34}  {'time':>7}  {'processor':>9}")
    for name, times in (
        ("composeports mcp: start to answer", ours),
        ("a Python that imports the SDK", sdk),
    ):
        wall, processor = map(statistics.median, zip(*times, strict=True))
        print(f"{name:34}  {wall:4.0f} ms  {processor:6.0f} ms")


if __name__ == "__main__":
    main()
