"""Whether the builder that Compose uses can replace an image of a Dockerfile by its name."""

import re
from collections.abc import Mapping

from composeports.docker.engine import Engine
from composeports.errors import ComposeMissingError, EngineError

# The values with which Go's strconv.ParseBool returns false.
OFF = frozenset({"0", "f", "F", "false", "FALSE", "False"})
# The first engine with BuildKit 0.10, which has named contexts. Podman's versions are smaller.
OLDEST_ENGINE = 23


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
