"""Finds out whether the engine runs without root rights; only rare cases need this query."""

from typing import Any

from composeports.docker.api_socket import SocketRequest, plain_socket
from composeports.docker.engine import Engine
from composeports.docker.podman import OWN_INFO

SECURITY = "{{range .SecurityOptions}}{{println .}}{{end}}"
ROOTLESS = "name=rootless"


def is_rootless(engine: Engine) -> bool:
    """Return True if the engine runs without root rights; False if it does not report that."""
    if engine.is_podman:
        # Podman's Docker-compatible API reports this only since Podman 4.4.
        info = podman_info(engine)
        if info:
            return bool(info.get("security", {}).get("rootless"))
    return ROOTLESS in engine.run_query("info", "--format", SECURITY).out.split()


def podman_info(engine: Engine) -> dict[str, Any]:
    """Return the host section of Podman's own info; empty if Podman's own API cannot be used."""
    path = plain_socket(engine.environ)
    try:
        info = (
            SocketRequest(path, listed=OWN_INFO, time_limits=engine.time_limits).document()[1]
            if path
            else None
        )
    except OSError:
        return {}
    host = info.get("host") if isinstance(info, dict) else None
    return host if isinstance(host, dict) else {}
