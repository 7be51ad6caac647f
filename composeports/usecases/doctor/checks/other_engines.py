"""Checks that only Podman and rootless engines need."""

from collections.abc import Iterator

from composeports.usecases.doctor.facts import ComposeFacts, EngineFacts
from composeports.usecases.doctor.findings import NOTE, WARNING, Finding

PODMAN = "Podman"
OLDEST_PODMAN = (4, 0)
PODMAN_DOCS = "docs/podman.md"


def engine_name(engine: EngineFacts) -> str:
    """Return the name of the engine, like "Docker 28.5.2" or "Podman 4.3.1, rootless"."""
    return f"{engine.product} {engine.version}" + (", rootless" if engine.rootless else "")


def way_in(engine: EngineFacts) -> str:
    """Return how to reach another engine if `docker` reaches none; empty if none was found."""
    if engine.sockets:
        return f"another engine's socket is there: export DOCKER_HOST=unix://{engine.sockets[0]}"
    if not engine.podman_command:
        return ""
    if engine.as_root:
        return (
            "for Podman: systemctl enable --now podman.socket, "
            "then export DOCKER_HOST=unix:///run/podman/podman.sock"
        )
    return (
        "for Podman: systemctl --user enable --now podman.socket, "
        "then export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
    )


def engine_findings(engine: EngineFacts, compose: ComposeFacts) -> Iterator[Finding]:
    """Yield what is missing on an engine that answers."""
    if engine.product == PODMAN:
        yield from _of_podman(engine, compose)
    if engine.rootless and engine.lingers is False:
        yield Finding(
            WARNING,
            "the engine's user does not linger",
            "systemd ends a rootless engine and its stacks when the user's last session ends",
            "loginctl enable-linger",
        )
    if engine.rootless and engine.first_port > 1:
        yield Finding(
            NOTE,
            f"a rootless engine publishes ports from {engine.first_port} on",
            "a pinned port below is refused, and so is one of --default-ports",
            "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80, or the like, if you need one",
        )


def _of_podman(engine: EngineFacts, compose: ComposeFacts) -> Iterator[Finding]:
    if _version(engine.version) < OLDEST_PODMAN:
        yield Finding(
            WARNING,
            f"Podman {engine.version} is older than 4.0",
            "not all of its published ports can be seen",
            "install a newer Podman",
        )
    if engine.network not in {"", "netavark"}:
        yield Finding(
            WARNING,
            f"Podman's networks are made by {engine.network}",
            "services find each other by name only where its plugin dnsname is installed, too",
            "install netavark and aardvark-dns, then podman system reset; see " + PODMAN_DOCS,
        )
    if engine.dns is False:
        yield Finding(
            WARNING,
            "aardvark-dns is not installed",
            "services do not find each other by name",
            "install aardvark-dns, then start the stacks again",
        )
    if compose.builds and not compose.classic:
        yield Finding(
            WARNING,
            "Podman has no BuildKit, and the Compose file here builds images",
            "Compose then builds in a container of BuildKit, whose image it pulls",
            "export DOCKER_BUILDKIT=0, with which Podman builds",
        )


def _version(text: str) -> tuple[int, ...]:
    number = text.partition("-")[0]
    return tuple(int(part) for part in number.split(".")[:2] if part.isdecimal())
