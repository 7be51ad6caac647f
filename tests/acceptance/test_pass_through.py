"""Compose's own commands, passed through on the session's stack with their output and exit code."""

import json
from collections.abc import Iterator

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Projects, Session, fresh_environ, new_repository
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

FILE = stack(
    {
        "web": {"ports": ["8080:80"], "command": ["sh", "-c", "echo web is here; exec serve"]},
        "db": {"ports": ["5432:80"]},
        "built": {
            "build": {"dockerfile_inline": "FROM composeports-dev/tiny:1\nENV GREETING=built\n"},
            "profiles": ["build"],
        },
    }
)


@pytest.fixture(scope="module")
def both(
    tmp_path_factory: pytest.TempPathFactory, projects: Projects
) -> Iterator[tuple[Session, Session]]:
    """Run two stacks of one repository, so that a command could reach the wrong one."""
    place = tmp_path_factory.mktemp("passed")
    repository = new_repository(place, fresh_environ(place), {"compose.yaml": FILE})
    one, two = repository.worktree("one"), repository.worktree("two")
    for session in (one, two):
        session.ok("up")
    yield one, two
    projects.take_down(place)


@pytest.fixture
def one(both: tuple[Session, Session]) -> Session:
    """One of the two."""
    return both[0]


def state(session: Session, name: str) -> str:
    return str(session.containers()[name]["State"]["Status"])


def started(session: Session) -> dict[str, str]:
    return {name: each["State"]["StartedAt"] for name, each in session.containers().items()}


def test_ps_shows_this_sessions_containers(one: Session) -> None:
    assert set(one.ok("ps", "--quiet", "--no-trunc").split()) == set(one.ids().values())


def test_exec_runs_in_this_sessions_container(both: tuple[Session, Session]) -> None:
    for session in both:
        host = session.ok("exec", "-T", "web", "hostname").strip()
        assert session.ids()["web-1"].startswith(host)


@pytest.mark.parametrize("code", [0, 3, 42])
def test_the_exit_code_of_exec_is_ours(one: Session, code: int) -> None:
    assert one.run("exec", "-T", "web", "sh", "-c", f"exit {code}").code == code


def test_words_reach_exec_as_they_are(one: Session) -> None:
    words = ["--help", "-f", "two  words", "$HOME", "'\"", "--", "*", "ü"]
    done = one.run("exec", "-T", "web", "printf", "%s\\n", *words)
    assert done.out.splitlines() == words


def test_stdin_reaches_exec(one: Session) -> None:
    done = one.shell("printf 'to be read' | composeports exec -T web cat")
    assert (done.code, done.out) == (0, "to be read")


def test_logs_shows_what_the_service_said(one: Session) -> None:
    shown = wait_until(lambda: one.ok("logs", "--no-log-prefix", "web"), "a line in the log")
    assert shown.endswith("web is here\n")


def test_port_agrees_with_url(one: Session) -> None:
    assert one.ok("port", "web", "80").rpartition(":")[2] == one.ok("url", "web").rpartition(":")[2]


def test_top_shows_processes(one: Session) -> None:
    assert "serve" in one.ok("top", "db")


def test_run_makes_a_container_on_this_stack_and_passes_its_exit_code(one: Session) -> None:
    done = one.run("run", "--rm", "-T", "web", "sh", "-c", "wget -q -O - http://db/; exit 5")
    assert done.code == 5
    assert one.ids()["db-1"].startswith(done.out.split()[0])
    assert set(one.ids()) == {"web-1", "db-1"}


def test_run_with_service_ports_needs_the_planned_ones(one: Session) -> None:
    one.ok("stop", "-t", "0", "web")
    one.ok("run", "--rm", "-d", "--service-ports", "--name", f"{one.project}-x", "web")
    assert one.published()["x:80/tcp"] == one.row["ports"]["web:80/tcp"]
    docker("rm", "--force", f"{one.project}-x")
    one.ok("start", "web")
    assert state(one, "web-1") == "running"


def test_config_shows_what_up_uses(one: Session) -> None:
    document = json.loads(one.ok("config", "--format", "json"))
    assert document["name"] == one.project
    ports = document["services"]["web"]["ports"]
    assert [port["published"] for port in ports] == [str(one.row["ports"]["web:80/tcp"])]


def test_build_builds_for_this_session(one: Session) -> None:
    one.ok("build", "built")
    try:
        tag = f"{one.project}-built"
        shown = docker("image", "inspect", "--format", "{{.Config.Env}}", tag)
        assert "GREETING=built" in shown
    finally:
        docker("image", "rm", "--force", f"{one.project}-built")


def test_restart_stop_and_start_act_on_this_session_alone(both: tuple[Session, Session]) -> None:
    one, two = both
    others, before = started(two), started(one)
    one.ok("restart", "-t", "0", "web")
    assert started(one)["web-1"] != before["web-1"]
    assert started(one)["db-1"] == before["db-1"]
    one.ok("stop", "-t", "0")
    assert (state(one, "web-1"), state(one, "db-1")) == ("exited", "exited")
    assert one.row["state"] == "stopped"
    one.ok("start")
    assert (state(one, "web-1"), state(one, "db-1")) == ("running", "running")
    assert one.row["state"] == "running"
    assert started(two) == others


def test_options_before_the_command_reach_compose(one: Session) -> None:
    done = one.must_run("--ansi", "never", "--progress", "plain", "ps", "--quiet")
    assert len(done.out.split()) == 2


def test_compose_usage_errors_are_its_own(one: Session) -> None:
    done = one.run("logs", "--no-such-option")
    assert done.code not in {0, 70}
    assert "no-such-option" in done.err


def test_help_of_a_passed_command_is_composes(one: Session) -> None:
    assert "docker compose logs" in one.ok("logs", "--help")


def test_an_unknown_command_is_refused_and_the_closest_is_named(one: Session) -> None:
    done = one.run("lgos")
    assert (done.code, done.out) == (2, "")
    assert "'logs'" in done.err
    assert one.run("no-such-thing").code == 2


def test_a_project_name_is_not_for_others_to_choose(one: Session) -> None:
    assert one.run("-p", "mine", "ps").code == 2


@pytest.mark.parametrize("words", [("ps",), ("exec", "web", "true"), ("stop",), ("logs",)])
def test_without_a_lease_nothing_is_passed_through(
    make_repository: MakeRepository, words: tuple[str, ...]
) -> None:
    fresh = make_repository({"compose.yaml": FILE}).main
    done = fresh.run(*words)
    assert (done.code, done.out) == (66, "")
    assert "composeports up" in done.err


def test_before_the_first_up_config_and_images_need_no_lease(
    make_repository: MakeRepository,
) -> None:
    fresh = make_repository({"compose.yaml": FILE}).main
    done = fresh.run("config", "--format", "json")
    assert done.code == 0
    ports = json.loads(done.out)["services"]["web"]["ports"]
    assert [port["published"] for port in ports] == ["8080"]
    assert "`composeports plan`" in done.err
    assert fresh.ok("images", "--quiet") == ""
    assert fresh.leases() == []


def test_before_the_first_up_run_and_build_take_the_lease_and_keep_its_ports(
    make_repository: MakeRepository,
) -> None:
    fresh = make_repository({"compose.yaml": FILE}).main
    assert fresh.ok("run", "--rm", "--no-deps", "web", "echo", "hello") == "hello\n"
    lease = fresh.row
    fresh.ok("--profile", "build", "build", "built")
    assert fresh.ok("images", "--quiet") == ""
    image = f"{lease['compose_project_name']}-built"
    assert docker("image", "inspect", "--format", "{{.Config.Env}}", image).count("GREETING=built")
    fresh.ok("up", "web")
    assert fresh.row["db_port"] == lease["db_port"]


def test_an_option_that_belongs_before_the_command_is_answered_with_the_line(one: Session) -> None:
    done = one.run("logs", "web", "--profile", "build")
    assert (done.code, done.out) == (2, "")
    assert "composeports --profile build logs web" in done.err
