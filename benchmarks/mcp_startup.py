"""How long an MCP client waits for the server: from its start to the answer to `initialize`.

Run as `python -m benchmarks.mcp_startup`; it needs neither an engine nor anything else.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 9
PROGRAM = Path(sys.executable).with_name("composeports")
PARAMS = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
REQUEST = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": PARAMS}


def time_to_answer(argv: list[str], state: str) -> float:
    """Return the milliseconds until the server has answered the first request."""
    environ = {**os.environ, "COMPOSEPORTS_STATE_DIR": state}
    begin = time.perf_counter()
    with subprocess.Popen(
        argv, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        answer, _ = process.communicate(json.dumps(REQUEST).encode() + b"\n")
        took = time.perf_counter() - begin
    if b'"serverInfo"' not in answer:
        sys.exit(f"no answer: {answer!r}")
    return took * 1000


def time_to_import(module: str) -> float:
    """Return the milliseconds that a Python takes that imports one module."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    """Print the medians."""
    with tempfile.TemporaryDirectory() as state:
        ours = [time_to_answer([str(PROGRAM), "mcp"], state) for _ in range(ROUNDS)]
    sdk = [time_to_import("mcp.server.mcpserver") for _ in range(ROUNDS)]
    print(f"{'':34}  {'median':>8}  {'least':>8}")
    for name, times in (
        ("composeports mcp: start to answer", ours),
        ("of that: Python imports the SDK", sdk),
    ):
        print(f"{name:34}  {statistics.median(times):5.0f} ms  {min(times):5.0f} ms")


if __name__ == "__main__":
    main()
