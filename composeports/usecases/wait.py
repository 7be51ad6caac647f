"""Wait until the services that `up` started run and are healthy, or ended with exit code 0.

Compose's own `--wait` takes the end of any service for a failure, even with exit code 0, and shows
nothing of what it waits for.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from composeports.core.service_status import ContainerStatus
from composeports.core.wait_state import WaitState, may_be_looping
from composeports.docker.container_details import container_details
from composeports.errors import EXIT_INTERRUPTED, ComposeMissingError, EngineError
from composeports.host.heartbeat import beating
from composeports.host.signals import signals_kept_back
from composeports.usecases.lease import renewal_heartbeat
from composeports.usecases.service_report import statuses_of
from composeports.usecases.session import Session

CHECK_SECONDS = 0.5
# The exit code of Compose if a service is not healthy, or not in time.
NOT_HEALTHY = 1


class WaitResult(NamedTuple):
    """The exit code, and the services that were not healthy in time or restart again and again."""

    code: int
    late: tuple[str, ...] = ()


def wait_until_started(
    session: Session, project: str, services: Collection[str], limit: float | None
) -> WaitResult:
    """Wait for the services of a project, for `limit` seconds at most; None is no limit.

    Report what is waited for, at the beginning and when that changes. The exit code is 1 if a
    service failed, is gone or is late, or if the engine does not answer; 130 after an interruption.
    """
    context = session.context
    deadline = None if limit is None else time.monotonic() + limit
    state = WaitState()
    try:
        with (
            beating(renewal_heartbeat(session)),
            signals_kept_back() as signals,
            _shown(session) as show,
        ):
            while True:
                with signals.let_in():
                    context.sleep(CHECK_SECONDS)
                if context.is_stopped():
                    return WaitResult(EXIT_INTERRUPTED)
                statuses = _look(session, project, services)
                state = state.after(statuses, _restarts(session, statuses))
                if state.is_over:
                    break
                if deadline is not None and time.monotonic() >= deadline:
                    context.report(f"not healthy after {limit:g} s: {', '.join(state.starting)}")
                    return WaitResult(NOT_HEALTHY, state.starting)
                show(state.message)
    except KeyboardInterrupt:
        return WaitResult(EXIT_INTERRUPTED)
    except (EngineError, ComposeMissingError):
        # Ctrl-C may have ended the `docker` command that was asking.
        return WaitResult(EXIT_INTERRUPTED if signals.pending else NOT_HEALTHY)
    if state.gone:
        context.report(f"removed while `up` waited: {', '.join(state.gone)}")
    return WaitResult(NOT_HEALTHY if state.failed or state.gone else 0, state.failed)


@contextmanager
def _shown(session: Session) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a line: in place on a terminal, else each new text once."""
    context = session.context
    if context.progress is not None:
        with context.progress("waiting for the services") as change:
            yield change
        return
    shown_text = ""

    def show(text: str) -> None:
        nonlocal shown_text
        if text != shown_text:
            shown_text = text
            context.report(text)

    yield show


def _look(session: Session, project: str, services: Collection[str]) -> tuple[ContainerStatus, ...]:
    engine = session.context.engine
    statuses = statuses_of(engine.containers(project), services)
    if not engine.is_podman:
        return statuses
    # Podman's list has no health.
    details = container_details(engine, [each.id for each in statuses])
    return tuple(
        each._replace(health=details[each.id].health) if each.id in details else each
        for each in statuses
    )


def _restarts(session: Session, statuses: Sequence[ContainerStatus]) -> Mapping[str, int]:
    """Return how often the engine restarted each container that may be in a crash loop."""
    ids = [each.id for each in statuses if may_be_looping(each)]
    details = container_details(session.context.engine, ids)
    return {identity: found.restarts for identity, found in details.items()}
