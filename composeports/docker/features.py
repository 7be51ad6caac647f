"""What the engine can do: named contexts, low ports; only few cases need these queries."""

import re
from collections.abc import Mapping
from typing import Any

from composeports.docker.api_socket import SocketRequest, plain_socket
from composeports.docker.engine import Engine
from composeports.docker.podman import OWN_INFO
from composeports.errors import ComposeMissingError, EngineError

# The values with which Go's strconv.ParseBool returns false.
OFF = frozenset({"0", "f", "F", "false", "FALSE", "False"})
# The first engine with BuildKit 0.10, which has named contexts. Podman's versions are smaller.
OLDEST_ENGINE = 23
SECURITY = "{{range .SecurityOptions}}{{println .}}{{end}}"
ROOTLESS = "name=rootless"


def has_named_contexts(engine: Engine, environ: Mapping[str, str]) -> bool:
    """Return True if the builder takes named contexts and reads them from the engine's images.

    The classic builder and engines before 23.0 fail with such a context. A builder with another
    driver than `docker` does not see the engine's images. Return True if there is no answer.
    """
    if environ.get("DOCKER_BUILDKIT") in OFF:
        return False
    try:
        version = engine.run_query("version", "--format", "{{.Server.Version}}").out
        number = re.match(r"\d+", version.strip())
        if number and int(number[0]) < OLDEST_ENGINE:
            return False
        builder = engine.run_query("buildx", "inspect").out
    except (ComposeMissingError, EngineError):
        return True
    driver = re.search(r"^Driver:[ \t]*(\S+)", builder, re.MULTILINE)
    return driver is None or driver[1] == "docker"


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
