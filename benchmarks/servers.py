"""Measure how fast the HTTP server starts and answers, against a FastAPI route that does nothing.

    scripts/with-engine .venv/bin/python -m benchmarks.servers [--rounds N] [--clients C]

Ports are checked on the machine's engine, if any. The holder of a lease binds its ports until it
releases them, so that the kernel detects a port with two holders. Exit code 1: a block was given to
two sessions at once, or an answer is not 200.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

KEY = "benchmark"
SLOTS = 500
# Leases while the list is asked for, and turns of the routes that are compared.
HELD = 20
SLICES = 6
NOTHING = """
import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/nothing")
async def nothing():
    return {}


config = uvicorn.Config(app, port=0, access_log=False, log_config=None, ws="none")
server = uvicorn.Server(config)
startup = server.startup


async def announced(sockets=None):
    await startup(sockets)
    port = server.servers[0].sockets[0].getsockname()[1]
    import sys
    sys.stderr.write(f"listening on http://127.0.0.1:{port} \\n")
    sys.stderr.flush()


server.startup = announced
server.run()
"""


@contextmanager
def running(argv: list[str], environ: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Run a server; yield its URL, and the seconds until its first answer."""
    begun = time.perf_counter()
    process = subprocess.Popen(argv, env=environ, stderr=subprocess.PIPE, text=True)
    if process.stderr is None:
        raise SystemExit(1)
    url = process.stderr.readline().removeprefix("listening on ").split()[0]
    path = "/nothing" if argv[1] == "-c" else "/health"
    httpx.get(url + path, timeout=60)
    taken = time.perf_counter() - begun
    reader = threading.Thread(target=process.stderr.read, daemon=True)
    reader.start()
    try:
        yield url, taken
    finally:
        process.terminate()
        process.wait()


@dataclass
class Times:
    """How long each of many requests took, in milliseconds."""

    taken: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def line(self, name: str) -> str:
        """Return a row of the table."""
        cuts = statistics.quantiles(self.taken, n=100)
        rate = len(self.taken) / self.seconds
        return f"| {name} | {rate:.0f} | {cuts[49]:.1f} | {cuts[98]:.1f} |"


def timed(times: Times, request: Callable[[], httpx.Response]) -> httpx.Response:
    """Send a request; raise SystemExit if the server fails."""
    begun = time.perf_counter()
    answer = request()
    times.taken.append((time.perf_counter() - begun) * 1000)
    if answer.status_code >= 500:  # noqa: PLR2004 - a failure of the server
        raise SystemExit(f"{answer.status_code}: {answer.text}")
    return answer


def one_after_the_other(url: str, rounds: int) -> dict[str, Times]:
    """Allocate and release by one client."""
    times = {"allocate": Times(), "release": Times()}
    begun = time.perf_counter()
    with httpx.Client(base_url=url, headers={"X-API-Key": KEY}, timeout=60) as client:
        for number in range(rounds):
            body = {"session_id": f"one {number % 50}"}
            for name, each in times.items():
                timed(each, lambda: client.post(f"/ports/{name}", json=body))  # noqa: B023
    for each in times.values():
        each.seconds = time.perf_counter() - begun
    return times


class Connection:
    """A small client, so that the server is measured: one request at a time, kept open."""

    def __init__(self, url: str, times: Times) -> None:
        parts = httpx.URL(url)
        self._where = (parts.host, parts.port or 80)
        self._head = f"Host: {parts.host}\r\nX-API-Key: {KEY}\r\n"
        self._times = times

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(*self._where)

    async def ask(self, path: str, body: object = None) -> bytes:
        """Return the answer's body; raise SystemExit if the server fails."""
        text = b"" if body is None else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind if text else ''}\r\n"
        begun = time.perf_counter()
        self._writer.write(head.encode() + text)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(answer.partition(b"content-length: ")[2].partition(b"\r")[0])
        found = await self._reader.readexactly(length)
        self._times.taken.append((time.perf_counter() - begun) * 1000)
        if answer[9:12] != b"200":
            raise SystemExit(f"{answer!r}: {found!r}")
        return found


def bound(port: int, session: str) -> socket.socket:
    """Bind a port of a lease, as its holder may; the kernel reports if it is already in use."""
    taken = socket.socket()
    try:
        taken.bind(("127.0.0.1", port))
    except OSError as error:
        raise SystemExit(f"{session} was given port {port}: {error}") from error
    return taken


def at_once(url: str, path: str, clients: int, seconds: float) -> Times:
    """Ask for a path by many clients at once; with no path, allocate and release."""
    times = Times(seconds=seconds)

    async def change(connection: Connection, session: str) -> None:
        body = {"session_id": session}
        answer = json.loads(await connection.ask("/ports/allocate", body))["allocation"]
        ports = [answer[f"{name}_port"] for name in ("db", "rest", "realtime", "api")]
        with ExitStack() as stack:
            for port in ports:
                stack.enter_context(bound(port, session))
            await asyncio.sleep(0)  # others may get an answer meanwhile
        await connection.ask("/ports/release", body)

    async def work(number: int, end: float) -> None:
        connection = Connection(url, times)
        await connection.open()
        count = 0
        while time.perf_counter() < end:
            count += 1
            if path:
                await connection.ask(path)
            else:
                await change(connection, f"client {number}, {count % 3}")

    async def everybody() -> None:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(work(number, end) for number in range(clients)))

    asyncio.run(everybody())
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=64)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "COMPOSEPORTS_STATE_DIR": folder,
            "COMPOSEPORTS_API_KEYS": KEY,
            "PORT_ALLOC_BASE": "20000",
            "PORT_ALLOC_RANGE": "10",
            "PORT_ALLOC_MAX_SESSIONS": str(SLOTS),
        }
        measure(asked, environ)


def measure(asked: argparse.Namespace, environ: dict[str, str]) -> None:
    """Measure all, one after the other."""
    program = str(Path(sys.executable).with_name("composeports"))
    argv = [program, "serve", "--port", "0"]
    starts = []
    for _ in range(5):
        with running(argv, environ) as (_, taken):
            starts.append(taken)
    print(f"start-up to the first answer: {statistics.median(starts):.2f} s (median of 5)\n")
    print("| | requests/s | p50 ms | p99 ms |\n|---|---|---|---|")
    with running(argv, environ) as (url, _):
        for name, times in one_after_the_other(url, asked.rounds).items():
            print(times.line(f"{name}, one client"))
        changes = at_once(url, "", asked.clients, asked.seconds)
        print(changes.line(f"allocate and release, {asked.clients} clients"), flush=True)
        hold_some(url)
        with running([sys.executable, "-c", NOTHING], environ) as (beside, _):
            status, nothing = in_turn(
                ((url, "/ports/status"), (beside, "/nothing")), asked.clients, asked.seconds
            )
    print(status.line(f"status of {HELD} leases, {asked.clients} clients"))
    print(nothing.line(f"a FastAPI route that does nothing, {asked.clients} clients"))
    share = len(status.taken) / len(nothing.taken)
    print(f"\nstatus has {share:.0%} of the requests per second of a route that does nothing")


def hold_some(url: str) -> None:
    """Take leases that stay, so that there is something to list."""
    with httpx.Client(base_url=url, headers={"X-API-Key": KEY}, timeout=60) as client:
        for number in range(HELD):
            timed(Times(), lambda: client.post("/ports/allocate", json={"session_id": f"{number}"}))  # noqa: B023


def in_turn(routes: Iterable[tuple[str, str]], clients: int, seconds: float) -> list[Times]:
    """Ask each route for so many seconds, in slices by turns, so that a busy machine hits all."""
    found = [(url, path, Times()) for url, path in routes]
    for _ in range(SLICES):
        for url, path, times in found:
            part = at_once(url, path, clients, seconds / SLICES)
            times.taken += part.taken
            times.seconds += part.seconds
    return [times for _, _, times in found]


if __name__ == "__main__":
    main()
