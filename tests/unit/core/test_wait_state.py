"""What `up --wait` waits for, and when it ends."""

import pytest

from composeports.core.service_status import ContainerStatus
from composeports.core.wait_state import MANY_RESTARTS, STEADY_SECONDS, WaitState

RUNS = ContainerStatus("db", "running", id="db")
STARTING = ContainerStatus("web", "running", None, "starting", "web")
UNHEALTHY = ContainerStatus("web", "running", None, "unhealthy", "web")
DONE = ContainerStatus("migrate", "exited", 0, id="migrate")
ENDED = ContainerStatus("migrate", "exited", 3, id="migrate")
RESTARTING = ContainerStatus("app", "restarting", 1, id="app")
BACK = ContainerStatus("app", "running", id="app")


def look(*containers: ContainerStatus, restarts: int = 0) -> WaitState:
    return WaitState().after(containers, {"app": restarts})


@pytest.mark.parametrize(
    ("containers", "starting", "failed", "is_over"),
    [
        ((), (), (), True),
        ((RUNS, DONE), (), (), True),
        ((RUNS, DONE, STARTING), ("web",), (), False),
        ((STARTING, RESTARTING), ("app", "web"), (), False),
        ((RUNS, UNHEALTHY), ("web",), ("web",), True),
        ((STARTING, ENDED), ("migrate", "web"), ("migrate",), True),
        ((ContainerStatus("web", "created"),), ("web",), (), False),
    ],
)
def test_what_is_waited_for(
    containers: tuple[ContainerStatus, ...],
    starting: tuple[str, ...],
    failed: tuple[str, ...],
    is_over: bool,
) -> None:
    state = look(*containers)
    assert (state.starting, state.failed, state.is_over) == (starting, failed, is_over)


def test_the_line_names_the_services() -> None:
    assert look(STARTING, RESTARTING).message == "still starting: app, web"


@pytest.mark.parametrize(
    ("seconds", "restarts", "starting"),
    [
        (0, 0, ()),
        (0, 1, ("app",)),
        (STEADY_SECONDS - 1, 1, ("app",)),
        (STEADY_SECONDS, 1, ()),
        (60, 100, ()),
    ],
)
def test_a_service_that_was_restarted_has_to_run_for_a_while(
    seconds: int, restarts: int, starting: tuple[str, ...]
) -> None:
    state = look(BACK._replace(up_seconds=seconds), restarts=restarts)
    assert (state.starting, state.is_over) == (starting, not starting)


def test_a_service_that_restarts_again_and_again_has_failed() -> None:
    assert not look(RESTARTING, restarts=MANY_RESTARTS - 1).is_over
    for container in (RESTARTING, BACK._replace(up_seconds=1)):
        state = look(container, restarts=MANY_RESTARTS)
        assert state.failed == ("app",)
        assert state.is_over


def test_a_service_whose_container_is_removed_is_gone() -> None:
    state = look(RUNS, STARTING).after((RUNS,), {})
    assert state.gone == ("web",)
    assert state.is_over
    state = look(RESTARTING).after((), {})
    assert (state.gone, state.starting) == (("app",), ())
