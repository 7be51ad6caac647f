"""Services with profiles: planned from the start, started on request, always taken down."""

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

FILE = stack(
    {"web": {"ports": ["8080:80"]}, "adminer": {"ports": ["9000:80"], "profiles": ["tools"]}}
)


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": FILE}).worktree("one")


def test_a_service_behind_a_profile_has_its_port_before_it_runs(one: Session) -> None:
    planned = one.json("plan")["ports"]
    one.ok("up")
    assert set(one.ids()) == {"web-1"}
    assert set(planned) == {"web:80/tcp", "adminer:80/tcp"}
    assert one.row["ports"] == planned
    assert one.own_env["PORT_ADMINER_80"] == str(planned["adminer:80/tcp"])


def test_a_service_without_a_container_has_no_url(one: Session) -> None:
    one.ok("up")
    assert one.row["without_container"] == ["adminer:80/tcp"]
    assert set(one.row["urls"]) == {"web:80/tcp"}
    refused = one.run("url", "adminer")
    assert (refused.code, refused.out) == (2, "")
    assert "service adminer has no container" in refused.err
    assert "`composeports up adminer` starts it" in refused.err
    one.ok("up", "adminer")
    assert one.row["without_container"] == []
    assert page(one.ok("url", "adminer").strip())


def test_switching_a_profile_on_starts_the_service_and_moves_nobody(one: Session) -> None:
    one.ok("up")
    ids, planned = one.ids(), one.row["ports"]
    one.ok("--profile", "tools", "up")
    assert one.published() == {f"{key.replace(':', '-1:')}": planned[key] for key in planned}
    assert one.ids()["web-1"] == ids["web-1"]
    assert page(one.ok("url", "adminer").strip())


def test_compose_profiles_in_the_shell_switches_it_on_too(one: Session) -> None:
    one.ok("up", COMPOSE_PROFILES="tools")
    assert set(one.published()) == {"web-1:80/tcp", "adminer-1:80/tcp"}
    assert one.published()["adminer-1:80/tcp"] == one.row["ports"]["adminer:80/tcp"]


def test_down_without_the_profile_removes_its_service_too(one: Session) -> None:
    one.ok("--profile", "tools", "up")
    one.ok("down", "-t", "0")
    assert one.resources_of() == []
    assert one.row == {}


def test_later_commands_know_the_profile_that_up_was_given(one: Session) -> None:
    one.ok("--profile", "tools", "up")
    assert one.ok("ps", "--services").split() == ["adminer", "web"]
    seen = one.shell('eval "$(composeports env)"; docker compose ps --services')
    assert seen.out.split() == ["adminer", "web"]
    one.ok("exec", "-T", "adminer", "true")
