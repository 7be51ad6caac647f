"""Reads how much memory the running containers use."""

from composeports.core.memory_size import parse_memory
from composeports.docker.engine import Engine

MEASURE_SECONDS = 2.0
_FORMAT = "{{.ID}}\t{{.MemUsage}}"


def memory_of_containers(engine: Engine) -> dict[str, int]:
    """Return the bytes that each running container uses, by full id.

    The engine measures for up to MEASURE_SECONDS. A container whose memory it does not know is left
    out. EngineError if it does not answer.
    """
    words = ("stats", "--no-stream", "--no-trunc", "--format", _FORMAT)
    out = engine.output(*words, work_seconds=MEASURE_SECONDS)
    rows = (line.partition("\t") for line in out.splitlines())
    sizes = ((identity, parse_memory(usage)) for identity, _, usage in rows)
    return {identity: size for identity, size in sizes if size is not None}
