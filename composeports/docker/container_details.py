"""Ask the engine about single containers: state, health check and the end of the log."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from composeports.core.failed_service import LOG_LINES, ContainerDetails, log_of_streams
from composeports.docker.engine import Engine
from composeports.errors import ComposeMissingError, EngineError

# Only these parts are read: other parts of an inspection contain the environment.
_FORM = "{{.Id}}\t{{.RestartCount}}\t{{json .State}}"


def container_details(engine: Engine, ids: Sequence[str]) -> dict[str, ContainerDetails]:
    """Return the details of the containers by id; a container that is gone has none.

    EngineError if the engine does not answer.
    """
    if not ids:
        return {}
    text = engine.run_query("container", "inspect", "--format", _FORM, *ids).out
    return dict(_parsed(text))


def _parsed(text: str) -> Iterator[tuple[str, ContainerDetails]]:
    for line in text.splitlines():
        identity, _, rest = line.partition("\t")
        restarts, _, state = rest.partition("\t")
        with suppress(ValueError):
            details = _details(_mapping(json.loads(state)))
            yield identity, details._replace(restarts=int(restarts) if restarts.isdecimal() else 0)


def _details(state: Mapping[str, Any]) -> ContainerDetails:
    health = _mapping(state.get("Health"))
    checks = health.get("Log")
    last_check = _mapping(checks[-1] if isinstance(checks, list) and checks else None)
    code = last_check.get("ExitCode")
    return ContainerDetails(
        error=_text(state.get("Error")),
        health=_text(health.get("Status")),
        check_code=code if isinstance(code, int) else None,
        check_output=_text(last_check.get("Output")),
        was_out_of_memory=state.get("OOMKilled") is True,
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def ends_of_logs(engine: Engine, ids: Iterable[str]) -> dict[str, str]:
    """Return the last lines of each container's stdout and stderr, in the order of their times.

    A log is empty if the engine cannot read it, for example because of its log driver. Once the
    engine does not answer, the other logs are left out.
    """
    logs = {}
    with suppress(EngineError, ComposeMissingError):
        for identity in ids:
            arguments = ("--timestamps", "--tail", str(LOG_LINES), identity)
            answer = engine.run_query("container", "logs", *arguments)
            logs[identity] = "" if answer.code else log_of_streams(answer.out, answer.err)
    return logs
