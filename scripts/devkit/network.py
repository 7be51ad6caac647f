"""The network of an engine: its namespace, and the removal of its rules on the host."""

from __future__ import annotations

import re
import shutil
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import cache, shell
from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_NAMESPACES = Path("/run/netns")
_BRIDGE = r"\bdocker0\b|\bbr-[0-9a-f]{12}\b"
# The last kind, with which a container reaches its own published port, names neither.
_HAIRPIN = r"-s (\S+)/32 -d \1/32 .*--dport \d+ -j MASQUERADE"
_DOCKER_RULE = re.compile(rf"\bDOCKER\b|\bDOCKER-|{_BRIDGE}|{_HAIRPIN}")


def namespace(engine: str, env: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the network namespace of an engine, linked to the host; made unless it is there."""
    if known and (_NAMESPACES / known["namespace"]).exists():
        return dict(known)
    digest = sha256(f"{cache.root()}/{engine}".encode()).hexdigest()[:8]
    name, link, inner = f"composeports-{engine}-{digest}", f"cpo{digest}", f"cpi{digest}"
    with cache.locked("namespaces"):
        remove_namespace(name, link, env)
        near, far = _free_pair(env)
        _ip(env, f"netns add {name}")
        _ip(env, f"link add {link} type veth peer name {inner} netns {name}")
        _ip(env, f"address add {near}/30 dev {link}")
        _ip(env, f"link set {link} up")
        for step in (
            "link set lo up",
            f"address add {far}/30 dev {inner}",
            f"link set {inner} up",
            f"route add default via {near}",
        ):
            _ip(env, f"-n {name} {step}")
    return {"namespace": name, "link": link, "address": far}


def prefix(facts: Mapping[str, str]) -> list[str]:
    """Return the command prefix that runs a program in the engine's namespace."""
    if "namespace" not in facts:
        return []
    # `ip netns exec` would hide the cgroup mounts, which an engine needs.
    return ["nsenter", f"--net={_NAMESPACES / facts['namespace']}"]


def remove_namespace(name: str, link: str, env: Mapping[str, str]) -> None:
    """Remove a namespace and its link, as far as they are there."""
    for line in (f"link delete {link}", f"netns delete {name}"):
        shell.attempt([_program("ip", env), *line.split()], env=env)


def _ip(env: Mapping[str, str], line: str) -> str:
    return shell.run([_program("ip", env), *line.split()], env=env)


def _program(name: str, env: Mapping[str, str]) -> str:
    return shutil.which(name, path=env["PATH"]) or name


def _free_pair(env: Mapping[str, str]) -> tuple[str, str]:
    taken = _ip(env, "-4 -oneline address show")
    for third in range(256):
        if f" 10.214.{third}." not in taken:
            return f"10.214.{third}.1", f"10.214.{third}.2"
    message = "no free address pair in 10.214.0.0/16; stop some engines (scripts/engine.py list)"
    raise DevError(message)


def host(env: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Return the state of the host's network before a private engine changed it."""
    _require_no_other_engine()
    if known:
        return dict(known)
    policy = shell.attempt([_program("iptables", env), "--list-rules", "FORWARD"], env=env)
    return {
        "ip_forward": _FORWARDING.read_text().strip(),
        "forward_policy": "DROP" if "-P FORWARD DROP" in policy.stdout else "ACCEPT",
        "bridges": " ".join(_bridges()),
    }


def _require_no_other_engine() -> None:
    """Refuse a second engine on the host's own network: two would undo each other's rules."""
    here = Path("/proc/self/ns/net").readlink()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            taken = (process / "comm").read_text() == "dockerd\n"
            taken = taken and (process / "ns/net").readlink() == here
        except OSError:
            continue  # The process has ended meanwhile.
        if taken:
            message = (
                f"another Docker engine (pid {process.name}) runs on this machine's network; "
                "use it through DOCKER_HOST, stop it, or start this one with --netns"
            )
            raise DevError(message)


def restore(facts: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Undo what a stopped engine did to the network, and nothing else."""
    if facts.get("namespace"):
        remove_namespace(facts["namespace"], facts["link"], env)
        return
    _without_docker_rules(env)
    iptables = _program("iptables", env)
    shell.attempt([iptables, "--policy", "FORWARD", facts["forward_policy"]], env=env)
    for bridge in _bridges() - set(facts["bridges"].split()):
        shell.attempt([_program("ip", env), "link", "delete", bridge], env=env)
    _FORWARDING.write_text(facts["ip_forward"] + "\n")


def _bridges() -> set[str]:
    """Return the bridges that Docker engines made, running or not."""
    links = Path("/proc/net/dev").read_text()
    return set(re.findall(_BRIDGE, links))


def _without_docker_rules(env: Mapping[str, str]) -> None:
    """Drop Docker's chains and the rules that name them or its bridges; keep all other rules."""
    for family in ("iptables", "ip6tables"):
        saved = shell.attempt([_program(f"{family}-save", env)], env=env).stdout.splitlines()
        kept = [line for line in saved if not _DOCKER_RULE.search(line)]
        if kept != saved:
            text = "\n".join(kept) + "\n"
            shell.attempt([_program(f"{family}-restore", env)], env=env, stdin=text)
