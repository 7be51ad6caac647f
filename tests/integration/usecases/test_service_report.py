"""What `up` reads of containers that failed, and what it does without an answer."""

import json

import pytest

from composeports.core.failed_service import FailedService
from composeports.usecases.options import Options
from composeports.usecases.service_report import command_of
from tests.harness.program import Done
from tests.support.machine import UNREACHABLE, FakeDocker, Shell

pytestmark = pytest.mark.integration

STATE = {"Status": "exited", "ExitCode": 3, "Error": "", "OOMKilled": False}


@pytest.fixture
def shell_with_web(shell: Shell, docker: FakeDocker) -> Shell:
    docker.publish(web=8080)
    return shell.using(docker)


def end(docker: FakeDocker, shell: Shell, *rows: tuple[str, str], code: int = 1) -> Done:
    """Let Compose end with `code`, and the engine list containers of web: (state, status)."""
    project = shell.run("plan", "--json").document["compose_project_name"]
    docker.answer("compose", code=code)
    folder = str(shell.cwd)
    lines = (
        "\t".join(
            (
                f"c{number}",
                state,
                project,
                "web",
                "",
                f"web-{number}",
                folder,
                "",
                "",
                "",
                "",
                status,
            )
        )
        for number, (state, status) in enumerate(rows, 1)
    )
    docker.answer("ps", "".join(f"{line}\n" for line in lines))
    return shell.run("up", "--json")


def services_of(done: Done) -> list[dict[str, object]]:
    services: list[dict[str, object]] = done.error["details"]["services"]
    assert all(set(service) == set(FailedService._fields) for service in services)
    return services


EXITED = ("exited", "Exited (3) 1 second ago")


def test_state_and_log_are_read(shell_with_web: Shell, docker: FakeDocker) -> None:
    docker.answer("inspect", f"c1\t2\t{json.dumps(STATE | {'OOMKilled': True})}\n")
    docker.answer("logs", "2026-01-01T00:00:01Z one\n", err="2026-01-01T00:00:02Z two\n")
    (web,) = services_of(end(docker, shell_with_web, EXITED))
    assert (web["exit_code"], web["restarts"], web["out_of_memory"]) == (3, 2, True)
    assert web["log"] == ["one", "two"]
    assert any("container logs --timestamps --tail 20 c1" in call for call in docker.calls)


@pytest.mark.parametrize(
    "inspected", ["", "c1\n", "c1\tx\tnull\n", "c1\t0\t{\n", "c1\t\t[]\n", 'c1\t0\t{"Health": 1}\n']
)
def test_an_inspection_that_nobody_expects_takes_nothing_else_away(
    shell_with_web: Shell, docker: FakeDocker, inspected: str
) -> None:
    docker.answer("inspect", inspected)
    docker.answer("logs", "2026-01-01T00:00:01Z one\n")
    (web,) = services_of(end(docker, shell_with_web, EXITED))
    assert (web["service"], web["exit_code"], web["log"]) == ("web", 3, ["one"])


def test_an_engine_without_an_answer_takes_nothing_else_away(
    shell_with_web: Shell, docker: FakeDocker
) -> None:
    for question in ("inspect", "logs"):
        docker.answer(question, err=UNREACHABLE, code=1)
    (web,) = services_of(end(docker, shell_with_web, EXITED))
    assert (web["exit_code"], web["log"]) == (3, [])


def test_where_nothing_failed_nothing_is_asked(shell_with_web: Shell, docker: FakeDocker) -> None:
    done = end(docker, shell_with_web, ("running", "Up 2 seconds"), code=0)
    assert done.document["failed_services"] == []
    assert done.document["services"] == [
        {"name": "web", "state": "running", "health": "", "exit_code": None}
    ]
    assert not [call for call in docker.calls if "json .State" in call or " logs " in call]


def test_a_container_that_waits_for_another_has_not_failed(
    shell_with_web: Shell, docker: FakeDocker
) -> None:
    docker.answer("inspect", f"c1\t0\t{json.dumps(STATE | {'Status': 'created'})}\n")
    assert services_of(end(docker, shell_with_web, ("created", "Created"))) == []


def test_after_ctrl_c_no_service_is_said_to_have_failed(
    shell_with_web: Shell, docker: FakeDocker
) -> None:
    done = end(docker, shell_with_web, ("exited", "Exited (137) 1 second ago"), code=130)
    assert done.code == 130
    assert services_of(done) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(), ()),
        (Options(session="a b"), ("--session", "a b")),
        (
            Options(files=("a.yaml", "b.yaml"), project_directory="deploy", profiles=("dev",)),
            ("-f", "a.yaml", "-f", "b.yaml", "--project-directory", "deploy"),
        ),
    ],
)
def test_the_next_command_is_about_the_same_session(
    options: Options, words: tuple[str, ...]
) -> None:
    assert command_of(options) == ("composeports", *words)
