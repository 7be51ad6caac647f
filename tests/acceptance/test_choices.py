"""What the user may choose: strict mode, the file's own ports, pins, shared resources."""

import pytest

from tests.harness.engine import engine
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

WHOSE = {"GREETING": "${COMPOSE_PROJECT_NAME}"}
WEB = {"environment": WHOSE, "ports": ["${WEB_PORT:-17080}:80", "17081:81"]}


def shop(make_repository: MakeRepository, settings: str = "") -> Repository:
    files = {"compose.yaml": stack({"web": WEB})}
    return make_repository({**files, "composeports.toml": settings})


def test_the_main_checkout_keeps_the_file_s_own_ports(make_repository: MakeRepository) -> None:
    repository = shop(make_repository, 'main = "defaults"\n')
    tree = repository.worktree("tree")
    assert repository.main.json("up")["ports"] == {"web:80/tcp": 17080, "web:81/tcp": 17081}
    assert repository.main.published() == {"web-1:80/tcp": 17080, "web-1:81/tcp": 17081}
    tree.ok("up")
    assert repository.main.project in page("http://localhost:17080")
    assert tree.project in page(tree.ok("url", "web", "80").strip())
    assert repository.main.ok("url", "web", "80").strip() == "http://localhost:17080"
    assert repository.main.row["ports"] == {"web:80/tcp": 17080, "web:81/tcp": 17081}


def test_one_session_at_a_time_has_the_file_s_own_ports(make_repository: MakeRepository) -> None:
    repository = shop(make_repository)
    one, two = repository.worktree("one"), repository.worktree("two")
    one.ok("up", "--default-ports")
    refused = two.run("up", "--default-ports", "--json")
    error = refused.error
    assert (refused.code, error["code"]) == (75, "port_held")
    assert "17080" in error["message"]
    assert str(one.directory) in error["message"]
    assert two.row == {}
    assert two.resources_of() == []
    one.ok("down")
    two.ok("up", "--default-ports")
    assert two.published() == {"web-1:80/tcp": 17080, "web-1:81/tcp": 17081}


def test_up_without_the_choice_goes_back_to_the_block(make_repository: MakeRepository) -> None:
    one = shop(make_repository).worktree("one")
    one.ok("up", "--default-ports")
    one.ok("up")
    assert 17080 not in one.published().values()
    two = one.json("plan", "--default-ports")
    assert two["ports"] == {"web:80/tcp": 17080, "web:81/tcp": 17081}


def test_a_pin_is_held_by_one_session(make_repository: MakeRepository) -> None:
    repository = shop(make_repository, 'pin = {"web:80" = 17090}\n')
    one, two = repository.worktree("one"), repository.worktree("two")
    one.ok("up")
    assert one.published()["web-1:80/tcp"] == 17090
    assert one.published()["web-1:81/tcp"] != 17081
    refused = two.run("up")
    assert refused.code == 75
    assert "17090" in refused.err
    assert str(one.directory) in refused.err


def test_a_pin_of_no_port_names_the_closest(make_repository: MakeRepository) -> None:
    one = shop(make_repository, 'pin = {"wep:80" = 17090}\n').worktree("one")
    refused = one.run("up")
    assert refused.code == 78
    assert "did you mean 'web:80/tcp'?" in refused.err
    assert one.row == {}


@pytest.mark.parametrize("settings", ["", "strict = true\n"])
def test_strictness_refuses_what_cannot_be_isolated(
    make_repository: MakeRepository, settings: str
) -> None:
    file = stack({"web": WEB, "agent": {"network_mode": "host", "command": ["sleep", "600"]}})
    repository = make_repository({"compose.yaml": file, "composeports.toml": settings})
    one = repository.worktree("one")
    words = () if settings else ("--strict",)
    for command in ("plan", "up"):
        refused = one.run(command, *words, "--json")
        error = refused.error
        assert (refused.code, error["code"]) == (78, "not_isolated")
        assert "service agent uses the host's network (in compose.yaml)" in error["message"]
    assert one.row == {}
    assert list(engine().started_below(one.directory)) == []


def test_without_strictness_it_is_a_warning(make_repository: MakeRepository) -> None:
    file = stack({"agent": {"network_mode": "host", "command": ["sleep", "600"]}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    done = one.must_run("up")
    assert "warning: service agent uses the host's network" in done.err


def test_variables_derived_from_ports_reach_shell_and_containers(
    make_repository: MakeRepository,
) -> None:
    file = stack({"web": {**WEB, "environment": {"SITE": "${SITE:-unset}"}}})
    settings = '[env]\nSITE = "http://{host}:{web:80}/{project}"\n'
    one = make_repository({"compose.yaml": file, "composeports.toml": settings}).worktree("one")
    one.ok("up")
    want = f"{one.ok('url', 'web', '80').strip()}/{one.project}"
    assert one.ok("env", "--", "sh", "-c", "printf %s $SITE") == want
    assert one.ok("exec", "-T", "web", "sh", "-c", "printf %s $SITE") == want


def test_what_is_not_to_be_isolated_is_shared(make_repository: MakeRepository) -> None:
    name = f"shared-{id(make_repository)}"
    file = stack({"db": {"volumes": ["data:/data"]}}, volumes={"data": {"name": name}})
    settings = "[isolate]\nvolumes = false\n"
    repository = make_repository({"compose.yaml": file, "composeports.toml": settings})
    one, two = repository.worktree("one"), repository.worktree("two")
    assert [each["name"] for each in one.json("up")["shared"]] == [name]
    one.ok("exec", "-T", "db", "sh", "-c", "echo one > /data/row")
    two.ok("up")
    assert two.ok("exec", "-T", "db", "cat", "/data/row").strip() == "one"
    two.ok("down")
    one.ok("down", "-v")
