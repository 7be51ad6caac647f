"""With `naming = "worktree"`, projects have readable names; a switch of it loses no data."""

import re

import pytest

from tests.harness.engine import docker, engine
from tests.harness.program import finish_all
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

WEB = {
    "command": ["httpd", "-f", "-p", "80", "-h", "/srv"],
    "ports": ["8080:80"],
    "volumes": ["data:/srv"],
}
SHOP = {
    "compose.yaml": stack({"web": WEB}, volumes={"data": {}}),
    ".env": "COMPOSE_PROJECT_NAME=shop\n",
}
WORKTREE = 'naming = "worktree"\n'
NAMINGS = [("", WORKTREE), (WORKTREE, "")]


def configure(session: Session, text: str) -> None:
    write(session.directory, {"composeports.toml": text})


def keep(session: Session, text: str) -> None:
    session.ok("exec", "-T", "web", "sh", "-c", f"printf '{text}' >/srv/index.html")


def shown(session: Session) -> str:
    return page(session.ok("url", "web").strip())


def test_worktrees_run_at_once_under_readable_names(make_repository: MakeRepository) -> None:
    repository = make_repository({**SHOP, "composeports.toml": WORKTREE})
    sessions = login, search = repository.worktree("Login_Form"), repository.worktree("search")
    planned = [session.json("plan")["compose_project_name"] for session in sessions]
    done = finish_all([session.start("up", "--json") for session in sessions])
    assert [each.code for each in done] == [0, 0], done
    names = [each.document["compose_project_name"] for each in done]
    assert names == planned == [session.row["compose_project_name"] for session in sessions]
    for session, name, readable in zip(sessions, names, ("login-form", "search"), strict=True):
        assert re.fullmatch(f"ac-{readable}-[0-9a-f]{{8}}", name)
        assert session.own_env["COMPOSE_PROJECT_NAME"] == name
        keep(session, readable)
        assert shown(session) == readable
        own_host = session.ok("url", "web", "--own-host").strip()
        assert own_host.startswith(f"http://{name}.localhost:")
    containers = docker("ps", "--format", "{{.Names}}").split()
    assert {f"{name}-web-1" for name in names} <= set(containers)
    assert [session.resources_of() for session in sessions] == [
        [f"container {name}-web-1", f"network {name}_default", f"volume {name}_data"]
        for name in names
    ]

    main = repository.main
    assert main.json("status", names[0])["compose_project_name"] == names[0]
    search.ok("down", "-v", "-t", "0")
    assert search.resources_of() == []
    search.ok("up", "--seed-from", names[0])
    assert search.row["compose_project_name"] == names[1]
    assert shown(search) == "login-form"

    repository.git("worktree", "remove", "--force", str(search.directory))
    (cleaned,) = main.json("gc", "--volumes")
    assert cleaned["compose_project_name"] == names[1]
    assert engine().resources(names[1]) == []
    assert shown(login) == "login-form"
    main.ok("down", "-v", "-t", "0", names[0])
    assert engine().resources(names[0]) == []
    assert main.json("status") == []


@pytest.mark.parametrize(("before", "after"), NAMINGS, ids=["to worktree", "to hash"])
def test_a_switch_keeps_project_and_volumes_until_nothing_is_left(
    make_repository: MakeRepository, before: str, after: str
) -> None:
    one = make_repository(SHOP).worktree("one")
    configure(one, before)
    first = one.json("up")["compose_project_name"]
    keep(one, "kept")
    configure(one, after)
    assert one.json("up")["compose_project_name"] == first
    assert shown(one) == "kept"
    one.ok("down", "-t", "0")
    assert engine().resources(first) == [f"volume {first}_data"]
    assert one.json("plan")["compose_project_name"] == first
    assert one.json("up")["compose_project_name"] == first
    assert shown(one) == "kept"

    one.ok("down", "-v", "-t", "0")
    assert engine().resources(first) == []
    assert not (one.directory / ".composeports").exists()
    second = one.json("plan")["compose_project_name"]
    assert one.json("up")["compose_project_name"] == second
    assert {first, second} == {f"ac-{first[-8:]}", f"ac-one-{first[-8:]}"}
    assert [row["compose_project_name"] for row in one.leases()] == [second]
    assert engine().resources(second, "container volume") == [
        f"container {second}-web-1",
        f"volume {second}_data",
    ]
    one.known_project = second
    one.ok("down", "-v", "-t", "0")
    assert engine().resources(first) == engine().resources(second) == []
    locks = [path.name for path in one.state.rglob("*") if first[-8:] in path.name]
    assert locks == []
