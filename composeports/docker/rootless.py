"""Whether the engine runs without root's rights, asked when that matters: it does so rarely."""

from typing import Any

from composeports.docker.api_socket import Asked, plain_socket
from composeports.docker.engine import Engine
from composeports.docker.podman import OWN_INFO

SECURITY = "{{range .SecurityOptions}}{{println .}}{{end}}"
ROOTLESS = "name=rootless"


def is_rootless(engine: Engine) -> bool:
    """Tell whether the engine runs without root's rights; False where it does not say."""
    if engine.is_podman:
        # Answering as Docker, it says so since 4.4 only.
        info = podman_info(engine)
        if info:
            return bool(info.get("security", {}).get("rootless"))
    return ROOTLESS in engine.answer("info", "--format", SECURITY).out.split()


def podman_info(engine: Engine) -> dict[str, Any]:
    """Return what Podman says of its host in its own form; empty where it cannot be asked so."""
    path = plain_socket(engine.environ)
    try:
        said = (
            Asked(path, listed=OWN_INFO, patience=engine.patience).document()[1] if path else None
        )
    except OSError:
        return {}
    host = said.get("host") if isinstance(said, dict) else None
    return host if isinstance(host, dict) else {}
