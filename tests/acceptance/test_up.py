"""`up` and `plan`: `up` does what `plan` shows, passes options to Compose, and is idempotent."""

import json
from pathlib import Path

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

SHOP = stack({"web": {"ports": ["${WEB_PORT:-8080}:80"]}, "db": {"ports": ["5432:80"]}})


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


def written(session: Session) -> dict[str, tuple[int, bytes]]:
    """Return the time and the content of each file of composeports."""
    folder = session.directory / ".composeports"
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_up_again_changes_nothing(one: Session) -> None:
    table = one.ok("up")
    containers, files, networks = one.containers(), written(one), one.resources_of("network")
    assert one.ok("up") == table
    again = one.containers()
    assert {name: each["State"]["StartedAt"] for name, each in again.items()} == {
        name: each["State"]["StartedAt"] for name, each in containers.items()
    }
    assert one.ids() == {name: each["Id"] for name, each in containers.items()}
    assert one.resources_of("network") == networks
    assert written(one) == files


def test_up_prints_the_table_alone_on_stdout(one: Session) -> None:
    done = one.run("up")
    ports = one.published()
    assert done.code == 0
    assert [line.split() for line in done.out.splitlines()] == [
        ["Session", f"{one.directory.name},", "project", one.project],
        ["Service", "Port", "URL", "State"],
        ["db", "80/tcp", f"http://localhost:{ports['db-1:80/tcp']}", "running"],
        ["web", "80/tcp", f"http://localhost:{ports['web-1:80/tcp']}", "running"],
    ]
    assert "Started" in done.err


def test_plan_writes_and_leases_nothing(one: Session) -> None:
    assert one.json("plan")["ports"]
    one.ok("plan")
    assert not (one.directory / ".composeports").exists()
    assert one.json("status") == []
    assert one.resources_of() == []


def test_up_does_what_plan_said(one: Session) -> None:
    planned = one.json("plan")
    started = one.json("up")
    services = [
        {"name": name, "state": "running", "health": "", "exit_code": None}
        for name in ("db", "web")
    ]
    nothing = {"seeded": [], "failed_services": [], "after": [], "note": ""}
    assert started == {"ok": True, **planned, "services": services, **nothing}
    assert one.published() == {
        "web-1:80/tcp": planned["ports"]["web:80/tcp"],
        "db-1:80/tcp": planned["ports"]["db:80/tcp"],
    }
    assert one.own_env == planned["env"]
    assert one.project == planned["compose_project_name"]
    assert one.row["ports"] == planned["ports"]
    assert one.json("plan") == planned


def test_plan_gives_each_change_with_its_reason(one: Session) -> None:
    planned = one.json("plan")
    ports = planned["ports"]
    assert [change for change in planned["changes"] if change["kind"] == "port"] == [
        {
            "kind": "port",
            "where": "db:80/tcp",
            "service": "db",
            "from": "5432",
            "to": str(ports["db:80/tcp"]),
            "why": "host port 5432 is written in the Compose file",
        },
        {
            "kind": "port",
            "where": "web:80/tcp",
            "service": "web",
            "from": "8080",
            "to": str(ports["web:80/tcp"]),
            "why": "WEB_PORT sets it",
        },
    ]
    assert planned["env"]["WEB_PORT"] == str(ports["web:80/tcp"])
    shown = one.ok("plan")
    assert all(change["why"] in shown for change in planned["changes"])


def test_up_of_one_service_starts_it_alone(one: Session) -> None:
    one.ok("up", "web")
    assert set(one.published()) == {"web-1:80/tcp"}
    assert set(one.row["ports"]) == {"web:80/tcp", "db:80/tcp"}


def test_force_recreate_makes_new_containers_on_the_same_ports(one: Session) -> None:
    one.ok("up")
    ids, ports = one.ids(), one.published()
    one.ok("up", "--force-recreate", "-t", "0")
    assert not set(one.ids().values()) & set(ids.values())
    assert one.published() == ports


def test_up_wait_returns_when_the_stack_is_healthy(make_repository: MakeRepository) -> None:
    test = {"test": ["CMD", "test", "-e", "/tmp/ready"], "interval": "200ms", "retries": 50}
    web = {"ports": ["8080:80"], "command": ["sh", "-c", "sleep 1; touch /tmp/ready; exec serve"]}
    file = stack({"web": {**web, "healthcheck": test}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    one.ok("up", "--wait")
    assert one.containers()["web-1"]["State"]["Health"]["Status"] == "healthy"


def test_up_build_builds_what_changed(make_repository: MakeRepository) -> None:
    dockerfile = "FROM composeports-dev/tiny:1\nENV GREETING=first\n"
    spec = {"web": {"build": ".", "ports": ["8080:80"]}}
    one = make_repository({"compose.yaml": stack(spec), "Dockerfile": dockerfile}).worktree("one")
    try:
        one.ok("up")
        assert page(one.ok("url", "web").strip()).endswith("first")
        one.change("first", "second", "Dockerfile")
        one.ok("up", "--build")
        assert page(one.ok("url", "web").strip()).endswith("second")
    finally:
        one.ok("down", "--rmi", "local", "-t", "0")
    assert docker("image", "ls", "--quiet", f"{one.project}-web") == ""


def test_up_that_makes_nothing_leaves_no_lease_and_says_so(
    make_repository: MakeRepository,
) -> None:
    build = {"dockerfile_inline": "FROM scratch\nCOPY absent /\n"}
    file = stack({"web": {"build": build, "ports": ["8080:80"]}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    project = one.project
    done = one.run("up", "--json")
    error = done.error
    assert done.code not in {0, 2, 66, 69, 70, 75, 78}
    assert error["code"] == "compose_failed"
    told = {
        "exit_code": done.code,
        "compose_project_name": project,
        "warnings": [],
        "services": [],
    }
    assert error["details"] == told
    assert "the lease is released" in error["hint"]
    assert one.resources_of() == []
    assert one.json("status") == []
    assert not (one.directory / ".composeports").exists()


def test_up_that_fails_half_way_keeps_the_lease_until_down(
    make_repository: MakeRepository,
) -> None:
    file = stack({"web": {"ports": ["8080:80"]}, "bad": {"entrypoint": ["/no/such/program"]}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    done = one.run("up")
    assert done.code == 1
    assert "bad-1" in one.ids()
    assert one.row != {}
    assert "so the lease is kept" in done.err
    one.ok("down", "-t", "0")
    assert one.resources_of() == []
    assert one.json("status") == []


def test_a_file_that_compose_refuses_is_told_in_its_words_and_leaves_nothing(
    make_repository: MakeRepository,
) -> None:
    one = make_repository({"compose.yaml": "services:\n  web:\n    imagine: tiny\n"}).worktree(
        "one"
    )
    done = one.run("up")
    assert done.code == 78
    assert "imagine" in done.err
    assert one.json("status") == []
    assert not (one.directory / ".composeports").exists()


def test_attach_shows_the_logs_until_the_stack_ends(make_repository: MakeRepository) -> None:
    job = {"command": ["sh", "-c", "echo done here; exit 3"], "ports": ["8080:80"]}
    one = make_repository({"compose.yaml": stack({"job": job})}).worktree("one")
    done = one.run("up", "--exit-code-from", "job")
    assert done.code == 3
    assert "done here" in done.out


def test_a_folder_outside_git_is_a_session(tmp_path: Path, environ: dict[str, str]) -> None:
    plain = Session(tmp_path / "plain folder", environ)
    plain.directory.mkdir()
    (plain.directory / "compose.yaml").write_text(SHOP)
    plain.ok("up")
    assert plain.row["session_id"] == str(plain.directory)
    assert page(plain.ok("url", "web").strip())


DB: dict[str, object] = {"healthcheck": {"test": ["CMD", "true"], "interval": "0.2s"}}
AFTER_DB: dict[str, object] = {"depends_on": {"db": {"condition": "service_healthy"}}}
# Three failures, Docker's default, may be over before it is ready: then Compose gives up.
SLOW: dict[str, object] = {
    "healthcheck": {"test": ["CMD-SHELL", "test -e /ready"], "interval": "0.2s", "retries": 1000}
}
SLOW_START = ["sh", "-c", "sleep 3; touch /ready; exec sleep 3600"]


def test_waiting_takes_a_good_end_for_a_good_end(make_repository: MakeRepository) -> None:
    """A migration that is through is as well as a container that is healthy."""
    services: dict[str, dict[str, object]] = {
        "db": DB,
        "migrate": {"command": ["true"], **AFTER_DB},
        "seed": {"command": ["sh", "-c", "sleep 1"], **AFTER_DB},
        "web": {"command": SLOW_START, **SLOW},
    }
    session = make_repository({"compose.yaml": stack(services)}).main
    session.ok("up", "--wait", "--wait-timeout", "60")
    states = {name: each["State"] for name, each in session.containers().items()}
    assert {name for name, each in states.items() if each["Status"] == "exited"} == {
        "migrate-1",
        "seed-1",
    }
    assert states["web-1"]["Health"]["Status"] == "healthy"
    ids = session.ids()
    assert json.loads(session.ok("up", "--wait", "--json"))["ok"] is True
    assert session.ids() == ids


@pytest.mark.parametrize(
    ("service", "arguments"),
    [
        ({"command": ["sh", "-c", "exit 3"]}, ()),
        ({"healthcheck": {"test": ["CMD", "false"], "interval": "0.2s", "retries": 2}}, ()),
        ({"command": ["sleep", "3600"], **SLOW}, ("--wait-timeout", "4")),
    ],
    ids=["a bad end", "unhealthy", "too late"],
)
def test_waiting_fails_where_something_is_wrong(
    make_repository: MakeRepository, service: dict[str, object], arguments: tuple[str, ...]
) -> None:
    file = stack({"migrate": {"command": ["true"]}, "web": service})
    session = make_repository({"compose.yaml": file}).main
    done = session.run("up", "--wait", *arguments)
    assert done.code != 0, done.err
    session.ok("down", "-t", "0")


def test_a_stopped_stack_whose_network_is_gone_comes_up_with_its_data(
    make_repository: MakeRepository,
) -> None:
    """As `docker network prune` leaves one, which removes what no container runs on."""
    services: dict[str, dict[str, object]] = {
        "web": {"ports": ["8080:80"], "volumes": ["named:/named", "/nameless"]},
        "db": {"networks": ["back"]},
    }
    file = stack(services, volumes={"named": {}}, networks={"back": {}})
    session = make_repository({"compose.yaml": file}).main
    session.ok("up")
    session.ok("exec", "-T", "web", "sh", "-c", "echo 1 > /named/x; echo 2 > /nameless/x")
    db = session.ids()["db-1"]
    session.ok("stop", "web")
    docker("network", "rm", f"{session.project}_default")
    done = session.must_run("up")
    assert "a network of web is gone" in done.err
    assert session.ok("exec", "-T", "web", "cat", "/named/x", "/nameless/x") == "1\n2\n"
    assert page(session.ok("url", "web").strip())
    assert session.ids()["db-1"] == db
    assert "is gone" not in session.run("up").err
    session.ok("down", "-v", "-t", "0")


def test_a_running_container_off_its_network_is_made_anew(make_repository: MakeRepository) -> None:
    services: dict[str, dict[str, object]] = {
        "web": {"ports": ["8080:80"], "volumes": ["named:/named", "/nameless"]},
        "db": {},
    }
    session = make_repository({"compose.yaml": stack(services, volumes={"named": {}})}).main
    session.ok("up")
    session.ok("exec", "-T", "web", "sh", "-c", "echo 1 > /named/x; echo 2 > /nameless/x")
    ids = session.ids()
    docker("network", "disconnect", f"{session.project}_default", ids["web-1"])
    assert session.row["state"] == "drifted"
    done = session.must_run("up", "db")
    assert "web is off one of its networks" in done.err
    assert session.row["state"] == "running"
    assert page(session.ok("url", "web").strip())
    assert session.ok("exec", "-T", "web", "cat", "/named/x", "/nameless/x") == "1\n2\n"
    assert session.ids()["db-1"] == ids["db-1"]
    assert "is off" not in session.run("up").err
    session.ok("down", "-v", "-t", "0")


def test_a_network_is_gone_of_a_service_that_is_gone_too(make_repository: MakeRepository) -> None:
    services: dict[str, dict[str, object]] = {"web": {"ports": ["8080:80"]}, "old": {}}
    session = make_repository({"compose.yaml": stack(services)}).main
    session.ok("up")
    session.ok("stop")
    docker("network", "rm", f"{session.project}_default")
    write(session.directory, {"compose.yaml": stack({"web": {"ports": ["8080:80"]}})})
    session.ok("up")
    assert page(session.ok("url", "web").strip())
    session.ok("down", "-t", "0")


def test_paused_containers_go_on_with_a_line(one: Session) -> None:
    one.ok("up")
    ids = one.ids()
    docker("pause", ids["web-1"])
    done = one.must_run("up")
    assert "paused until now, and going on:" in done.err
    assert page(one.ok("url", "web").strip())
    assert one.ids() == ids
    assert "paused" not in one.run("up").err
