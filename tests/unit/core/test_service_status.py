"""The status of containers after `up`, as the engine's list tells it."""

from collections.abc import Sequence

import pytest

from composeports.core.compose_project import Project, Service
from composeports.core.service_status import (
    ContainerStatus,
    by_service,
    exit_code_of,
    failed_of,
    health_of,
    not_started,
    services_of_up,
    up_seconds_of,
)


@pytest.mark.parametrize(
    ("status", "code", "health"),
    [
        ("", None, ""),
        ("Created", None, ""),
        ("Up 2 seconds", None, ""),
        ("Up 2 seconds (health: starting)", None, "starting"),
        ("Up Less than a second (healthy)", None, "healthy"),
        ("Up 3 hours (unhealthy)", None, "unhealthy"),
        ("Up 3 hours (Paused)", None, ""),
        ("Exited (3) 2 seconds ago", 3, ""),
        ("Exited (-1) 2 seconds ago", -1, ""),
        ("Exited (0) About an hour ago", 0, ""),
        ("Restarting (137) 1 second ago", 137, ""),
        ("Exited (x) a while ago", None, ""),
        ("Dead", None, ""),
    ],
)
def test_the_engine_s_text_is_read(status: str, code: int | None, health: str) -> None:
    assert (exit_code_of(status), health_of(status)) == (code, health)


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("Up Less than a second", 0),
        ("Up 1 second (healthy)", 1),
        ("Up 12 seconds", 12),
        ("Up 100 seconds", 60),
        ("Up x seconds", 60),
        ("Up About a minute", 60),
        ("Up 2 minutes", 60),
        ("Exited (3) 2 seconds ago", 60),
        ("", 60),
    ],
)
def test_how_long_a_container_runs(status: str, seconds: int) -> None:
    assert up_seconds_of(status) == seconds


@pytest.mark.parametrize(
    ("state", "code", "health", "failed", "started", "words"),
    [
        ("running", None, "", False, True, "running"),
        ("running", None, "healthy", False, True, "healthy"),
        ("running", None, "starting", False, False, "starting"),
        ("running", None, "unhealthy", True, False, "unhealthy"),
        ("exited", 0, "", False, True, "exited (0)"),
        ("exited", 3, "", True, False, "exited (3)"),
        ("exited", None, "", False, True, "exited"),
        ("dead", 1, "", True, False, "dead (1)"),
        ("restarting", 0, "", True, False, "restarting (0)"),
        ("created", None, "", False, False, "created"),
        ("paused", None, "", False, False, "paused"),
    ],
)
def test_states(
    state: str, code: int | None, health: str, *, failed: bool, started: bool, words: str
) -> None:
    status = ContainerStatus("web", state, code, health)
    assert (status.is_failed, status.is_started, status.words) == (failed, started, words)
    assert status.is_plain is (words in {"running", "healthy"})
    assert status.as_dict() == {"name": "web", "state": state, "health": health, "exit_code": code}


RUNS = ContainerStatus("web", "running", name="p-web-1")
ENDED = ContainerStatus("web", "exited", 3, name="p-web-2")
STARTING = ContainerStatus("db", "running", None, "starting", name="p-db-1")
DONE = ContainerStatus("migrate", "exited", 0, name="p-migrate-1")


def test_a_service_is_as_its_worst_container() -> None:
    assert by_service([RUNS, STARTING, ENDED, DONE]) == (STARTING, DONE, ENDED)
    assert by_service([]) == ()
    healthy = STARTING._replace(health="healthy", name="p-db-0")
    assert by_service([healthy, STARTING]) == (STARTING,)


def test_only_what_failed_or_is_late_has_failed() -> None:
    containers = (RUNS, STARTING, ENDED, DONE)
    assert failed_of(containers) == (ENDED,)
    assert failed_of(containers, ("db", "migrate")) == (STARTING, ENDED)
    assert not_started(containers) == ("db", "web")


PROJECT = Project(
    (
        Service("web", depends_on=("api",)),
        Service("api", depends_on=("db", "cache")),
        Service("db"),
        Service("cache", depends_on=("api",)),
        Service("debug", profiles=("debug",), depends_on=("db",)),
    )
)


@pytest.mark.parametrize(
    ("arguments", "profiles", "services"),
    [
        ((), (), "api cache db web"),
        ((), ("debug",), "api cache db debug web"),
        ((), ("*",), "api cache db debug web"),
        (("--build",), ("other",), "api cache db web"),
        (("db",), (), "db"),
        (("--build", "api"), (), "api cache db"),
        (("debug",), (), "db debug"),
        (("--no-deps", "web"), (), "web"),
    ],
)
def test_which_services_an_up_starts(
    arguments: Sequence[str], profiles: Sequence[str], services: str
) -> None:
    assert sorted(services_of_up(PROJECT, arguments, profiles)) == services.split()


def test_a_dependency_that_the_file_does_not_have_is_kept() -> None:
    project = Project((Service("web", depends_on=("gone",)),))
    assert services_of_up(project, (), ()) == {"web", "gone"}
