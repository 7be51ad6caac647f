"""What `up` tells of a service that failed: its state, its health check and the end of its log.

The output of containers is not trusted: control characters become escapes, and the number and
length of the lines are limited.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from composeports.core.service_status import (
    EXITED,
    RUNNING,
    STARTING,
    UNHEALTHY,
    ContainerStatus,
)
from composeports.core.visible_text import visible

LOG_LINES = 20
# The limits in characters: of one line, and of all output of all services together.
LINE_LENGTH, TOTAL_LENGTH = 500, 20_000
# How many services have the end of their log; the others are only named.
MANY_SERVICES = 10
TAB_WIDTH = 4
CUT = "..."
# The exit code of a program that a signal ended is this number or a higher one.
ENDED_BY_SIGNAL = 128


class ContainerDetails(NamedTuple):
    """What the engine's inspection says of a container that failed.

    `error` is the engine's reason if it could not start the container. `check_code` and
    `check_output` are of the last health check; the code is None without one.
    """

    error: str = ""
    health: str = ""
    check_code: int | None = None
    check_output: str = ""
    restarts: int = 0
    was_out_of_memory: bool = False


class FailedService(NamedTuple):
    """A service that failed, in the words of the engine, and the command that shows more."""

    service: str
    container: str
    state: str
    exit_code: int | None
    health: str
    health_exit_code: int | None
    health_output: tuple[str, ...]
    error: str
    restarts: int
    out_of_memory: bool
    log: tuple[str, ...]
    next: str

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `services` in the details of the error."""
        lists = {"health_output": list(self.health_output), "log": list(self.log)}
        return {**self._asdict(), **lists}

    @property
    def summary(self) -> str:
        """One line: the service and what is wrong with it."""
        if self.error:
            return f"{self.service} did not start: {self.error}"
        if self.health in {STARTING, UNHEALTHY}:
            state = "unhealthy" if self.health == UNHEALTHY else "not healthy yet"
            if self.health_exit_code is None:
                return f"{self.service} is {state}"
            code = self.health_exit_code
            return f"{self.service} is {state}: its last health check ended with code {code}"
        reason = " (out of memory)" if self.out_of_memory else ""
        if self.state == EXITED:
            return f"{self.service} exited with code {self.exit_code}{reason}"
        times = "once" if self.restarts == 1 else f"{self.restarts} times"
        restarted = f", restarted {times}" if self.restarts else ""
        code_text = "" if self.exit_code is None else f", last exit code {self.exit_code}{reason}"
        return f"{self.service} is {self.state}{code_text}{restarted}"

    @property
    def text(self) -> str:
        """The lines for people: the summary, the outputs and the next command."""
        lines = [self.summary]
        if self.health_output:
            lines += ["  the last health check printed:", *_indented(self.health_output)]
        if self.log:
            lines += ["  the end of its log:", *_indented(self.log)]
        return "\n".join((*lines, f"  next: {self.next}"))


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def failed_service(
    status: ContainerStatus,
    details: ContainerDetails,
    log: str,
    share: int,
    command: Sequence[str] = ("composeports",),
) -> FailedService:
    """Return the report on a container; `share` is the limit of its output in characters.

    `command` is composeports with the options that select this session.
    """
    health = (details.health or status.health) if status.state == RUNNING else ""
    is_checked = health in {STARTING, UNHEALTHY}
    output = _end_of(details.check_output, share // 4) if is_checked else ()
    service = visible(status.service)
    next_words = (*command, "config" if details.error else "logs", service)
    return FailedService(
        service=service,
        container=visible(status.name),
        state=status.state,
        exit_code=status.exit_code,
        health=health,
        health_exit_code=details.check_code if is_checked else None,
        health_output=output,
        error=_short(details.error.strip()),
        restarts=details.restarts,
        out_of_memory=details.was_out_of_memory,
        log=_end_of(log, share - sum(map(len, output))),
        next=visible(shlex.join(next_words)),
    )


def share_of(count: int) -> int:
    """Return how many characters of output each of `count` services may have."""
    return TOTAL_LENGTH // max(1, min(count, MANY_SERVICES))


def was_stopped_by_compose(status: ContainerStatus, details: ContainerDetails) -> bool:
    """Return True if the exit code is that of a signal; a lack of memory is no such end.

    For an `up` in the foreground, which stops all containers at its end.
    """
    code = status.exit_code or 0
    return code >= ENDED_BY_SIGNAL and not details.was_out_of_memory


def log_of_streams(out: str, err: str) -> str:
    """Return the lines of stdout and stderr in the order of the timestamps that they begin with.

    The timestamps are removed.
    """
    lines = (line for text in (out, err) for line in text.split("\n") if line)
    ordered_lines = sorted(lines, key=lambda line: line.partition(" ")[0])
    return "\n".join(line.partition(" ")[2] for line in ordered_lines)


def _end_of(text: str, limit: int) -> tuple[str, ...]:
    """Return the last lines of an output: at most LOG_LINES, and `limit` characters."""
    lines: list[str] = []
    for line in reversed(text.rstrip().split("\n")[-LOG_LINES:] if text.strip() else []):
        short_line = _short(line.rstrip("\r").expandtabs(TAB_WIDTH))
        limit -= len(short_line)
        if limit < 0 and lines:
            break
        lines.append(short_line)
    return tuple(reversed(lines))


def _short(line: str) -> str:
    text = visible(line[:LINE_LENGTH])
    is_cut = len(line) > LINE_LENGTH or len(text) > LINE_LENGTH
    return text[: LINE_LENGTH - len(CUT)] + CUT if is_cut else text
