#!/usr/bin/env python3
"""Start and stop private PostgreSQL servers for development; touches no other server."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, postgres
from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(argv)
    try:
        options.action(options)
    except DevError as error:
        cache.say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="postgres.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    starting = commands.add_parser("start", help="start a server and wait until it answers")
    starting.add_argument("--host", default="127.0.0.1", help="the address that it listens on")
    starting.add_argument("--durable", action="store_true", help="let it write through to the disk")
    starting.set_defaults(action=_start)
    again = commands.add_parser("restart", help="end a server and start it on the same data")
    again.add_argument("--mode", choices=("fast", "immediate"), default="fast")
    again.set_defaults(action=_restart)
    stopping = commands.add_parser("stop", help="stop a server and remove what it wrote")
    stopping.set_defaults(action=_stop)
    showing = commands.add_parser("env", help="print the exports that put a shell on a server")
    showing.set_defaults(action=_env)
    for command in (starting, again, stopping, showing):
        command.add_argument("--name", default="default", help="which server (default: default)")
    preparing = commands.add_parser(
        "prepare", help="fetch the server, so that starts take a second"
    )
    preparing.set_defaults(action=_prepare)
    commands.add_parser("list", help="list the servers").set_defaults(action=_list)
    return parser


def _prepare(_: argparse.Namespace) -> None:
    postgres.prepare()


def _start(options: argparse.Namespace) -> None:
    settings = {"fsync": "on"} if options.durable else {}
    target = postgres.start(options.name, host=options.host, settings=settings)
    cache.say(f"PostgreSQL {target.name} answers at {':'.join(map(str, target.address))}")


def _restart(options: argparse.Namespace) -> None:
    postgres.restart(postgres.server(options.name), options.mode)


def _stop(options: argparse.Namespace) -> None:
    there = postgres.stop(options.name)
    cache.say(f"PostgreSQL {options.name} " + ("stopped" if there else "was not there"))


def _env(options: argparse.Namespace) -> None:
    target = postgres.server(options.name)
    if target.pid() is None:
        message = f"it does not run; start it with: scripts/postgres.py start --name {options.name}"
        raise DevError(message)
    sys.stdout.write(f"export COMPOSEPORTS_STORE={shlex.quote(target.tcp_url())}\n")


def _list(_: argparse.Namespace) -> None:
    for target in postgres.servers():
        state = "running" if target.pid() else "stopped"
        sys.stdout.write(f"{target.name}\t{state}\t{':'.join(map(str, target.address))}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
