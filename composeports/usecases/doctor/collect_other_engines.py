"""Collect facts of Podman and of rootless engines, and find the sockets where they listen."""

import os
import pwd
from collections.abc import Iterator, Mapping
from dataclasses import replace
from shutil import which

from composeports.docker.engine import Engine
from composeports.docker.features import is_rootless, podman_info
from composeports.host.kernel_ports import unprivileged_start
from composeports.usecases.doctor.checks.other_engines import PODMAN
from composeports.usecases.doctor.facts import EngineFacts

AARDVARK = (
    "/usr/libexec/podman/aardvark-dns",
    "/usr/lib/podman/aardvark-dns",
    "/usr/local/libexec/podman/aardvark-dns",
    "/usr/local/lib/podman/aardvark-dns",
)
LINGERING = "/var/lib/systemd/linger"
SYSTEMD = "/run/systemd/system"
SYSTEM_SOCKETS = ("/run/podman/podman.sock",)
USER_SOCKETS = ("podman/podman.sock", "docker.sock")


def about_engine(engine: Engine, version: str, context: str, host: str) -> EngineFacts:
    """Return the facts of an engine that answers."""
    product = PODMAN if engine.is_podman else "Docker"
    info = podman_info(engine) if product == PODMAN else {}
    rootless = is_rootless(engine)
    is_local = engine.is_local
    return EngineFacts(
        version,
        context,
        host,
        product=product,
        rootless=rootless,
        network=str(info.get("networkBackend", "")),
        dns=_has_dns(engine.environ) if is_local and product == PODMAN else None,
        lingers=_lingers() if is_local and rootless else None,
        first_port=unprivileged_start() if is_local and rootless else 0,
    )


def _has_dns(environ: Mapping[str, str]) -> bool | None:
    """Return True if Podman's name server (aardvark-dns) is installed.

    None if this machine has no `podman` command.
    """
    if which("podman", path=environ.get("PATH")) is None:
        return None
    return any(os.path.exists(path) for path in AARDVARK)


def _lingers() -> bool | None:
    """Return True if systemd lets this user's programs run on after the logout.

    None without systemd, for root, and for a user without a name.
    """
    if not os.path.isdir(SYSTEMD) or not os.geteuid():
        return None
    try:
        return os.path.exists(os.path.join(LINGERING, pwd.getpwuid(os.geteuid()).pw_name))
    except KeyError:
        return None


def others_here(engine: Engine, facts: EngineFacts) -> EngineFacts:
    """Return the facts of an engine that does not answer, with other engines on this machine."""
    environ = engine.environ
    socket = facts.host.removeprefix("unix://")
    sockets = tuple(path for path in _sockets(environ) if path != socket and os.path.exists(path))
    return replace(
        facts,
        sockets=sockets,
        podman_command=which("podman", path=environ.get("PATH")) is not None,
        as_root=not os.geteuid(),
    )


def _sockets(environ: Mapping[str, str]) -> Iterator[str]:
    folder = environ.get("XDG_RUNTIME_DIR")
    if folder:
        yield from (os.path.join(folder, name) for name in USER_SOCKETS)
    yield from SYSTEM_SOCKETS
