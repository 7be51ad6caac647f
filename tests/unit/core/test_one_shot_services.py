"""Which services `up --wait` still waits for after one-shot services have ended."""

from collections.abc import Sequence

import pytest

from composeports.core.one_shot_services import (
    Instance,
    is_wait,
    limit_of,
    not_healthy,
    services_to_wait_for,
    wait_arguments,
)

RUNS = Instance("db", "running")
DONE = Instance("migrate", "exited")


@pytest.mark.parametrize(
    ("instances", "services"),
    [
        ([], None),
        ([RUNS], None),
        ([DONE], ()),
        ([RUNS, DONE], ("db",)),
        ([DONE, RUNS, Instance("web", "running")], ("db", "web")),
        ([DONE, Instance("seed", "exited"), RUNS], ("db",)),
        ([Instance("migrate", "running"), DONE], ()),
        ([RUNS, Instance("migrate", "exited", 1)], None),
        ([RUNS, DONE, Instance("web", "exited", 137)], None),
        ([DONE, Instance("web", "exited", is_restarted=True)], None),
        ([DONE, Instance("web", "created")], None),
        ([DONE, Instance("web", "restarting", 1)], None),
    ],
)
def test_only_a_good_end_is_no_failure(
    instances: Sequence[Instance], services: Sequence[str] | None
) -> None:
    assert services_to_wait_for(instances) == services


@pytest.mark.parametrize(
    ("arguments", "waits", "limit"),
    [
        ((), False, None),
        (("--wait-timeout", "5"), False, 5),
        (("--wait=false",), False, None),
        (("--wait",), True, None),
        (("--wait=true", "--wait-timeout=7", "web"), True, 7),
        (("--wait", "--wait-timeout", "30"), True, 30),
        (("--wait", "--wait-timeout", "0"), True, None),
        (("--wait", "--wait-timeout", "soon"), True, None),
        (("--wait", "--wait-timeout"), True, None),
    ],
)
def test_what_up_was_asked_for(arguments: Sequence[str], waits: bool, limit: float | None) -> None:
    assert (is_wait(arguments), limit_of(arguments)) == (waits, limit)


def test_waiting_again_changes_nothing() -> None:
    words = wait_arguments(("db", "web"), None)
    assert words[:5] == ("up", "--detach", "--no-deps", "--no-recreate", "--no-build")
    assert words[5:] == ("--wait", "db", "web")
    assert wait_arguments(("db",), 4.7)[-3:] == ("--wait-timeout", "4", "db")
    assert wait_arguments(("db",), -2.0)[-3:] == ("--wait-timeout", "1", "db")


def test_only_services_that_are_waited_for_have_to_be_healthy() -> None:
    instances = (
        Instance("db", "running", health="healthy"),
        Instance("web", "running", health="starting"),
        Instance("api", "running", health="unhealthy"),
        Instance("worker", "running"),
    )
    assert not_healthy(instances, ("db", "web", "worker")) == ("web",)
    assert not_healthy(instances, ("api", "web")) == ("api", "web")
    assert not_healthy(instances, ()) == ()
