"""What `composeports env` sets in a shell: every tool uses this stack, and never another one."""

import json

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["${WEB_PORT:-8080}:80"]}, "db": {"ports": ["5432:80"]}})
EVAL = 'eval "$(composeports env)"'


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": SHOP})


@pytest.fixture
def one(repository: Repository) -> Session:
    """A worktree with its stack up."""
    session = repository.worktree("one")
    session.ok("up")
    return session


def test_plain_compose_in_an_evaluated_shell_is_on_this_stack(one: Session) -> None:
    ids, base = one.ids(), one.row["db_port"]
    seen = one.shell(f"{EVAL}; docker compose ps --quiet --no-trunc")
    assert set(seen.out.split()) == set(ids.values())
    host = one.shell(f"{EVAL}; docker compose exec -T web hostname").out.strip()
    assert ids["web-1"].startswith(host)
    code = one.shell(f"{EVAL}; docker compose exec -T web sh -c 'exit 7'").code
    assert code == 7
    one.shell(f"{EVAL}; docker compose up --detach")
    assert one.ids() == ids
    document = json.loads(one.shell(f"{EVAL}; docker compose config --format json").out)
    assert document == json.loads(one.ok("config", "--format", "json"))
    assert one.shell(f'{EVAL}; echo "$API_PORT $WEB_PORT"').out.split() == [
        str(base + 3),
        str(one.row["ports"]["web:80/tcp"]),
    ]


def test_plain_compose_works_from_any_folder_in_that_shell(one: Session) -> None:
    seen = one.shell(f"{EVAL}; cd /; docker compose ps --quiet --no-trunc")
    assert set(seen.out.split()) == set(one.ids().values())


def test_our_commands_work_in_that_shell_as_in_a_fresh_one(one: Session) -> None:
    ids, env, planned = one.ids(), one.ok("env"), one.json("plan")
    again = one.shell(f"{EVAL}; composeports up >/dev/null; composeports env")
    assert again.out == env
    assert one.ids() == ids
    assert json.loads(one.shell(f"{EVAL}; composeports plan --json").out) == planned
    assert one.shell(f"{EVAL}; {EVAL}; composeports down -t 0").code == 0
    assert one.resources_of() == []


def test_env_runs_a_command_with_the_variables_and_its_exit_code(one: Session) -> None:
    script = 'echo "$PORT_DB_80 $COMPOSE_PROJECT_NAME"; docker compose ps --services; exit 9'
    done = one.run("env", "--", "sh", "-c", script)
    number = str(one.row["ports"]["db:80/tcp"])
    assert done.code == 9
    assert done.out.split() == [number, one.project, "db", "web"]
    assert one.run("env", "--", "no-such-program").code == 127


def test_the_three_formats_agree(one: Session) -> None:
    document = json.loads(one.ok("env", "--format", "json"))
    lines = one.ok("env").splitlines()
    assert [line.split("=", 1)[0] for line in lines] == [f"export {name}" for name in document]
    one.shell("composeports env --format dotenv >../dotenv")
    for load in ("set -a; . ../dotenv", EVAL):
        loaded = dict(line.split("=", 1) for line in one.shell(f"{load}; env").out.splitlines())
        assert document.items() <= loaded.items()
    assert list(document)[:6] == [
        "AGENT_COORDINATOR_DB_PORT",
        "AGENT_COORDINATOR_REST_PORT",
        "AGENT_COORDINATOR_REALTIME_PORT",
        "API_PORT",
        "COMPOSE_PROJECT_NAME",
        "SUPABASE_URL",
    ]


def test_an_evaluated_environment_does_not_leak_into_another_worktree(
    repository: Repository, one: Session
) -> None:
    two = repository.worktree("two")
    ids = one.ids()
    go = f"{EVAL}; cd {two.directory}"
    planned = json.loads(one.shell(f"{go}; composeports plan --json").out)
    assert planned == two.json("plan")
    done = one.shell(f"{go}; composeports up")
    assert done.code == 0, done.err
    assert two.project != one.project
    assert two.published() == {
        "web-1:80/tcp": two.row["ports"]["web:80/tcp"],
        "db-1:80/tcp": two.row["ports"]["db:80/tcp"],
    }
    assert not set(two.published().values()) & set(one.published().values())
    assert one.ids() == ids
    label = "com.docker.compose.project.config_files"
    files = two.containers()["web-1"]["Config"]["Labels"][label].split(",")
    assert all(file.startswith(f"{two.directory}/") for file in files)

    url = one.shell(f"{go}; composeports url web").out.strip()
    assert two.ids()["web-1"].startswith(page(url).split()[0])
    inside = one.shell(f"{go}; composeports exec -T web hostname").out.strip()
    assert two.ids()["web-1"].startswith(inside)
    again = one.shell(f"{go}; {EVAL}; docker compose ps --quiet --no-trunc").out
    assert set(again.split()) == set(two.ids().values())
    one.shell(f"{go}; composeports down -t 0")
    assert two.resources_of() == []
    assert one.ids() == ids


def test_a_profile_of_an_evaluated_environment_does_not_leak_into_another_worktree(
    make_repository: MakeRepository,
) -> None:
    file = stack({"web": {"ports": ["8080:80"]}, "tool": {"profiles": ["tools"]}})
    repository = make_repository({"compose.yaml": file})
    one, two = repository.worktree("one"), repository.worktree("two")
    one.ok("--profile", "tools", "up")
    done = one.shell(f"{EVAL}; cd {two.directory}; composeports up")
    assert done.code == 0, done.err
    assert set(two.ids()) == {"web-1"}
    assert set(one.ids()) == {"web-1", "tool-1"}


def test_without_a_lease_there_is_no_environment(repository: Repository) -> None:
    fresh = repository.main
    assert fresh.run("env").code == 66
    assert fresh.run("env").out == ""
    done = fresh.run("env", "--", "echo", "run all the same")
    assert (done.code, done.out) == (66, "")
    assert fresh.run("url", "web").code == 66
