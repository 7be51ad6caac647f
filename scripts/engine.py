#!/usr/bin/env python3
"""Start and stop private Docker engines for development; touches no other engine."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

from devkit import cache, daemon, kinds, leftovers, network, postgres, remote, toolbox
from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def start(  # noqa: PLR0913 - keywords
    name: str,
    *,
    release: str | None = None,
    netns: bool = False,
    kind: str = kinds.DOCKER,
    ways: Collection[str] = (),
    machine: str = "",
) -> daemon.Engine:
    """Start an engine if it does not run; return it once it answers.

    One that was halted, or died, comes back with its data. One of another kind than Docker always
    has a network namespace of its own. `ways` are those by which other machines reach it, "tcp"
    and "ssh"; its namespace is linked to the one where this runs. `machine` is the name of the
    machine that it seems to be on, with its data where every such engine has it.
    """
    netns = netns or kind != kinds.DOCKER
    reached = " ".join(sorted(ways))
    if ways and (not netns or kind != kinds.DOCKER):
        raise DevError("Docker alone is reached by TCP or ssh, and with a namespace: --netns")
    target = daemon.engine(name)
    with cache.locked(f"engine-{name}"):
        if target.pid() and target.answers():
            return target
        daemon.halt(target)
        known = target.facts()
        before = (known.get("release", ""), "namespace" in known, target.kind)
        if (*before, known.get("ways", "")) != (release or "", netns, kind, reached):
            _discard(target)
            known = {}
        box = toolbox.toolbox(release)
        env = box.server_env(dict(os.environ))
        toolbox.provide_iptables(box)
        facts = network.namespace(name, env, known) if netns else network.host(env, known)
        target.remember(
            {**facts, "release": release or "", "kind": kind, "ways": reached, "machine": machine}
        )
        prefix = network.prefix(facts)
        more = remote.tls_words(target.home, facts["address"]) if "tcp" in ways else ()
        daemon.launch(target, env, prefix, more)
        if "ssh" in ways:
            client = {"DOCKER_HOST": target.docker_host, **box.client_env(dict(os.environ))}
            remote.serve_ssh(target.home, facts["address"], env, client, prefix)
    return target


def halt(name: str) -> None:
    """Stop an engine as a reboot would: its data stays, and `start` brings it back."""
    target = daemon.engine(name)
    with cache.locked(f"engine-{name}"):
        _end(target)


def _end(target: daemon.Engine) -> None:
    daemon.halt(target)
    if "ssh" in target.facts().get("ways", ""):
        remote.end_ssh(target.facts()["namespace"])


def stop(name: str) -> bool:
    """Stop an engine and remove everything it wrote; return True if there was one."""
    target = daemon.engine(name)
    with cache.locked(f"engine-{name}"):
        if not target.home.is_dir():
            return False
        _end(target)
        _discard(target)
    return True


def _discard(target: daemon.Engine) -> None:
    facts = target.facts()
    if facts:
        box = toolbox.toolbox(facts["release"] or None)
        network.restore(facts, box.server_env(dict(os.environ)))
    leftovers.erase(target.home)


def environment(name: str) -> dict[str, str]:
    """Return the variables that put a shell on a running engine."""
    target = daemon.engine(name)
    if not target.answers():
        message = (
            f"engine {name} does not run; start it with: scripts/engine.py start --name {name}"
        )
        raise DevError(message)
    facts = target.facts()
    client = toolbox.toolbox(facts["release"] or None).client_env(dict(os.environ))
    place = {"DOCKER_HOST": target.docker_host}
    if facts.get("namespace"):
        place["COMPOSEPORTS_DEV_NETNS"] = facts["namespace"]
        place |= remote.variables(target.home, facts)
    return {**place, **client, "COMPOSEPORTS_DEV_ENGINE_IP": facts.get("address", "127.0.0.1")}


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
    parser = argparse.ArgumentParser(prog="engine.py", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    starting = commands.add_parser("start", help="start an engine and wait until it answers")
    starting.add_argument("--release", choices=toolbox.RELEASES, help="where it comes from")
    starting.add_argument("--netns", action="store_true", help="give it its own network namespace")
    starting.add_argument("--tcp", action="store_true", help="let it be reached by TCP, with TLS")
    starting.add_argument("--ssh", action="store_true", help="let it be reached by ssh")
    starting.add_argument("--machine", default="", help="the machine that it seems to be on")
    starting.add_argument("--kind", choices=kinds.KINDS, default=kinds.DOCKER, help="what it is")
    starting.set_defaults(action=_start)
    stopping = commands.add_parser("stop", help="stop an engine and remove what it wrote")
    stopping.add_argument("--keep", action="store_true", help="keep its data for the next start")
    stopping.set_defaults(action=_stop)
    showing = commands.add_parser("env", help="print the exports that put a shell on an engine")
    showing.set_defaults(action=_env)
    for command in (starting, stopping, showing):
        command.add_argument("--name", default="default", help="which engine (default: default)")
    commands.add_parser("list", help="list the engines").set_defaults(action=_list)
    others = commands.add_parser("kinds", help="list the other kinds that this machine can have")
    others.set_defaults(action=_kinds)
    ending = commands.add_parser("stop-all", help="stop all engines and servers of the cache")
    ending.set_defaults(action=_stop_all)
    cleaning = commands.add_parser("clean", help="stop all engines and remove the whole cache")
    cleaning.set_defaults(action=_clean)
    return parser


def _start(options: argparse.Namespace) -> None:
    ways = [way for way in ("tcp", "ssh") if getattr(options, way)]
    start(
        options.name,
        release=options.release,
        netns=options.netns,
        kind=options.kind,
        ways=ways,
        machine=options.machine,
    )


def _stop(options: argparse.Namespace) -> None:
    if options.keep:
        halt(options.name)
        return
    cache.say(f"engine {options.name} " + ("stopped" if stop(options.name) else "was not there"))


def _env(options: argparse.Namespace) -> None:
    for key, value in environment(options.name).items():
        sys.stdout.write(f"export {key}={shlex.quote(value)}\n")


def _list(_: argparse.Namespace) -> None:
    for target in daemon.engines():
        facts = target.facts()
        state = "running" if target.answers() else "stopped"
        where = facts.get("namespace") or "host network"
        sys.stdout.write(f"{target.name}\t{target.kind}\t{state}\t{target.docker_host}\t{where}\n")


def _kinds(_: argparse.Namespace) -> None:
    if kinds.available():
        sys.stdout.write("\n".join(kinds.KINDS[1:]) + "\n")
        return
    cache.say(
        f"Podman and rootless engines are left out: they need root, and Debian {kinds.RELEASE}"
    )


def _stop_all(_: argparse.Namespace) -> None:
    for target in daemon.engines():
        stop(target.name)
    for server in postgres.servers():
        postgres.stop(server.name)


def _clean(options: argparse.Namespace) -> None:
    _stop_all(options)
    cache.remove()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
