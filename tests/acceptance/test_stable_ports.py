"""The same session keeps its ports, whatever happens to its stack, branch or folder."""

import socket
from dataclasses import replace

import pytest

from tests.harness.repository import stack
from tests.harness.session import RANGE, MakeRepository
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["8080:80"]}, "db": {"ports": ["5432:80"]}})
STORE = stack(
    {"db": {"ports": ["5432:80"], "volumes": ["data:/data"]}},
    volumes={"data": {}},
)


def test_ports_are_the_same_after_down_and_up_though_others_came_in_between(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one, two = repository.worktree("one"), repository.worktree("two")
    one.ok("up")
    before = one.published()
    one.ok("down", "-t", "0")
    two.ok("up")
    one.ok("up")
    assert one.published() == before
    assert not set(before.values()) & set(two.published().values())


def test_ports_are_the_same_though_lower_ones_became_free(
    make_repository: MakeRepository, environ: dict[str, str]
) -> None:
    one = make_repository({"compose.yaml": SHOP}).worktree("one")
    lowest = int(environ["PORT_ALLOC_BASE"])
    with socket.create_server(("127.0.0.1", lowest)):
        one.ok("up", "web")
    before = one.published()
    assert one.row["db_port"] == lowest + RANGE
    one.ok("down", "-t", "0")
    one.ok("up", "web")
    assert one.published() == before


def test_a_branch_switch_moves_nothing(make_repository: MakeRepository) -> None:
    one = make_repository({"compose.yaml": SHOP}).worktree("one")
    one.ok("up")
    ids, ports = one.ids(), one.published()
    one.shell("git switch --quiet --create other")
    one.ok("up")
    assert one.ids() == ids
    assert one.published() == ports
    assert one.row["branch"] == "other"
    assert len(one.json("status")) == 1


def test_a_moved_worktree_keeps_its_running_stack_and_can_take_it_down(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one = repository.worktree("one")
    one.ok("up")
    ids, ports, url = one.ids(), one.published(), one.ok("url", "web")
    there = replace(one, directory=one.directory.parent / "elsewhere" / "one")
    there.directory.parent.mkdir()
    repository.git("worktree", "move", str(one.directory), str(there.directory))

    assert there.ok("url", "web") == url
    assert ids["web-1"].startswith(page(url.strip()).split()[0])
    plain = there.shell('eval "$(composeports env)"; docker compose ps --quiet; env')
    assert set(ids.values()) <= set(plain.out.splitlines())
    assert f"COMPOSE_FILE={there.directory}/compose.yaml:" in plain.out
    there.ok("exec", "-T", "web", "true")
    there.ok("up")
    assert there.published() == ports
    assert there.row["worktree"] == str(there.directory)

    there.ok("down", "-t", "0")
    assert there.resources_of() == []
    assert there.json("status") == []
    assert there.shell("git status --porcelain").out == ""


def test_a_worktree_moved_while_down_gets_its_ports_again(make_repository: MakeRepository) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one = repository.worktree("one")
    one.ok("up")
    ports = one.published()
    one.ok("down", "-t", "0")
    there = replace(one, directory=one.directory.parent / "there")
    repository.git("worktree", "move", str(one.directory), str(there.directory))
    there.ok("up")
    assert there.published() == ports


def test_an_added_service_moves_nobody_and_a_removed_ones_port_is_kept_for_it(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": SHOP})
    one = repository.worktree("one")
    one.ok("up")
    ids, ports = one.ids(), one.published()
    file = one.directory / "compose.yaml"
    file.write_text(stack({name: {"ports": ["8080:80"]} for name in ("a", "cache", "web", "z")}))
    one.ok("up", "--remove-orphans")
    now = one.published()
    assert now["web-1:80/tcp"] == ports["web-1:80/tcp"]
    assert one.ids()["web-1"] == ids["web-1"]
    assert not {now[f"{name}-1:80/tcp"] for name in ("a", "cache", "z")} & set(ports.values())
    file.write_text(SHOP)
    one.ok("up", "--remove-orphans")
    assert one.published() == ports


def test_a_named_volume_survives_down_and_goes_with_v(make_repository: MakeRepository) -> None:
    one = make_repository({"compose.yaml": STORE}).worktree("one")
    one.ok("up")
    one.ok("exec", "-T", "db", "sh", "-c", "echo kept >/data/note")
    one.ok("down", "-t", "0")
    assert one.resources_of() == [f"volume {one.project}_data"]
    one.ok("up")
    assert one.ok("exec", "-T", "db", "cat", "/data/note") == "kept\n"
    one.ok("down", "-v", "-t", "0")
    assert one.resources_of() == []
    one.ok("up")
    assert one.run("exec", "-T", "db", "cat", "/data/note").code == 1


def test_two_worktrees_do_not_share_a_named_volume(make_repository: MakeRepository) -> None:
    repository = make_repository({"compose.yaml": STORE})
    one, two = repository.worktree("one"), repository.worktree("two")
    for session in (one, two):
        session.ok("up")
    one.ok("exec", "-T", "db", "sh", "-c", "echo mine >/data/note")
    assert two.run("exec", "-T", "db", "cat", "/data/note").code == 1


def test_a_changed_number_in_the_file_moves_no_port(make_repository: MakeRepository) -> None:
    one = make_repository({"compose.yaml": SHOP}).worktree("one")
    one.ok("up")
    ids = one.ids()
    one.change("8080:80", "9090:80")
    one.ok("up")
    assert one.ids() == ids
