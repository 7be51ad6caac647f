"""`compose-up` and `compose-down` are `composeports up` and `composeports down`."""

import json

import pytest

from tests.acceptance.conftest import MakeRepository, stack

pytestmark = pytest.mark.e2e


def test_compose_up_and_compose_down_do_the_same(make_repository: MakeRepository) -> None:
    file = stack({"web": {"ports": ["8080:80"]}, "tool": {"ports": ["80:80"], "profiles": ["t"]}})
    one = make_repository({"deploy.yaml": file}).worktree("one")
    planned = one.json("-f", "deploy.yaml", "plan")
    started = one.shell("compose-up -f deploy.yaml --profile t --wait --json")
    assert json.loads(started.out) == {"ok": True, **planned, "seeded": []}
    one.known_project = planned["compose_project_name"]
    assert set(one.ids()) == {"web-1", "tool-1"}
    stopped = one.shell("compose-down -v -t 0")
    assert stopped.code == 0
    assert one.belongings() == []
    assert one.json("status") == []


def test_their_help_is_that_of_the_command(make_repository: MakeRepository) -> None:
    here = make_repository({"compose.yaml": stack({"web": {}})}).main
    assert here.shell("compose-up --help").out == here.ok("up", "--help")
    assert here.shell("compose-down --help").out == here.ok("down", "--help")
