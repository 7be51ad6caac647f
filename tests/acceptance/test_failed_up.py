"""A failed `up` says all that is needed: each service that failed, its state, its log, what next.

The same details are in the text, in `--json`, over HTTP and over MCP.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from tests.harness.engine import docker
from tests.harness.program import Done
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import HANG, wait_until
from tests.support.documents import blocks
from tests.support.machine import Shell
from tests.support.mcp_client import over_stdio, refused, told
from tests.support.serving import Server, serving

pytestmark = pytest.mark.e2e

BAD_END = {"command": ["sh", "-c", "echo one; sleep 0.1; echo two >&2; exit 3"]}
AT_ONCE = {"command": ["sh", "-c", "echo one; echo two >&2; exit 3"]}
SAYS_NO: dict[str, Any] = {
    "ports": ["8080:80"],
    "healthcheck": {
        "test": ["CMD", "sh", "-c", "echo no such table; exit 1"],
        "interval": "0.1s",
        "retries": 2,
    },
}
# Healthy after the other services had time to end.
LATER: dict[str, Any] = {
    "healthcheck": {"test": ["CMD", "true"], "interval": "1.5s"},
}
AFTER_LATER = {"depends_on": {"later": {"condition": "service_healthy"}}}
FILE_OF_TESTS = {
    "healthcheck": {
        "test": ["CMD", "test", "-e", "/ready"],
        "interval": "0.2s",
        "retries": 10000,
    }
}
DETAILS = {
    *("service", "container", "state", "exit_code", "health", "health_exit_code"),
    *("health_output", "error", "restarts", "out_of_memory", "log", "next"),
}


def made(make_repository: MakeRepository, services: dict[str, Any], **files: str) -> Session:
    return make_repository({"compose.yaml": stack(services), **files}).main


def failed(done: Done) -> list[dict[str, Any]]:
    """Return the services in the error document of a failed `up --json`."""
    assert done.code == 1, done.err
    error = json.loads(done.out)["error"]
    assert error["code"] == "compose_failed"
    services: list[dict[str, Any]] = error["details"]["services"]
    assert all(set(service) == DETAILS for service in services)
    return services


def test_a_bad_end_is_told_with_its_log(make_repository: MakeRepository) -> None:
    session = made(make_repository, {"db": BAD_END, "web": {"ports": ["8080:80"]}, "later": LATER})
    done = session.run("up", "--wait")
    assert (done.code, done.out) == (1, "")
    expected = [
        "failed: db exited with code 3",
        "  the end of its log:",
        "    one",
        "    two",
        "  next: composeports logs db",
    ]
    lines = done.err.splitlines()
    first = lines.index(expected[0])
    assert lines[first : first + len(expected)] == expected
    assert "the lease is kept" in lines[-2]
    assert lines[-1] == "more: composeports explain compose_failed"
    assert "web" not in "".join(line for line in lines if line.startswith("failed"))
    assert "two" in session.shell(expected[-1].removeprefix("  next: ")).out


def test_a_failed_health_check_is_told_with_its_output(make_repository: MakeRepository) -> None:
    session = made(make_repository, {"web": SAYS_NO})
    (web,) = failed(session.run("up", "--wait", "--json"))
    assert (web["service"], web["state"], web["health"]) == ("web", "running", "unhealthy")
    assert (web["exit_code"], web["health_exit_code"]) == (None, 1)
    assert web["health_output"] == ["no such table"]
    done = session.run("up", "--wait")
    assert "failed: web is unhealthy: its last health check ended with code 1\n" in done.err
    assert "  the last health check printed:\n    no such table\n" in done.err
    assert "  next: composeports logs web\n" in done.err


@pytest.mark.parametrize("options", [(), ("--wait",)], ids=["up", "up --wait"])
def test_a_migration_that_fails_is_told_and_what_depends_on_it_is_not(
    make_repository: MakeRepository, options: tuple[str, ...]
) -> None:
    services = {
        "migrate": BAD_END,
        "web": {"depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
    }
    (migrate,) = failed(made(make_repository, services).run("up", *options, "--json"))
    assert (migrate["service"], migrate["state"], migrate["exit_code"]) == ("migrate", "exited", 3)
    assert migrate["log"] == ["one", "two"]


def test_the_guide_shows_a_failed_up(make_repository: MakeRepository) -> None:
    (block,) = blocks("docs/guide.md", "text")
    said = block.text.split("  the end of its log:\n")[1].split("  next:")[0].splitlines()
    script = "; ".join(f"echo '{line.strip()}'" for line in said)
    services = {
        "migrate": {"command": ["sh", "-c", f"{script}; exit 3"]},
        "web": {"depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
    }
    session = made(make_repository, services)
    done = session.run("up")
    shown = re.sub(r"ac-[0-9a-f]{8}", session.project, block.text)
    assert done.err.endswith(shown), done.err


def test_a_dependency_that_is_unhealthy_is_told(make_repository: MakeRepository) -> None:
    services = {
        "db": SAYS_NO,
        "web": {"depends_on": {"db": {"condition": "service_healthy"}}},
    }
    (database,) = failed(made(make_repository, services).run("up", "--json"))
    assert (database["service"], database["health"]) == ("db", "unhealthy")


def test_a_container_that_cannot_start_is_told_in_the_engine_s_words(
    make_repository: MakeRepository,
) -> None:
    services = {"web": {"entrypoint": ["no-such-command"]}, "db": {}}
    (web,) = failed(made(make_repository, services).run("up", "--json"))
    assert "no-such-command" in web["error"]
    assert web["next"] == "composeports config web"


def test_what_is_not_healthy_in_time_is_told(make_repository: MakeRepository) -> None:
    session = made(make_repository, {"web": FILE_OF_TESTS, "db": {}})
    (web,) = failed(session.run("up", "--wait", "--wait-timeout", "3", "--json"))
    assert (web["service"], web["health"]) == ("web", "starting")
    assert web["health_exit_code"] == 1


def test_a_one_shot_service_that_ends_with_0_is_no_failure(
    make_repository: MakeRepository,
) -> None:
    session = made(make_repository, {"migrate": {"command": ["true"]}, "web": {"ports": ["80"]}})
    document = session.json("up", "--wait")
    assert document["failed_services"] == []
    assert document["services"] == [
        {"name": "migrate", "state": "exited", "health": "", "exit_code": 0},
        {"name": "web", "state": "running", "health": "", "exit_code": None},
    ]


def test_a_crash_loop_ends_the_wait(make_repository: MakeRepository) -> None:
    services = {"app": {**BAD_END, "restart": "always"}, "db": {}}
    session = made(make_repository, services)
    (app,) = failed(session.run("up", "--wait", "--json"))
    assert app["service"] == "app"
    assert app["state"] == "restarting"
    assert app["restarts"] >= 5
    assert app["exit_code"] == 3
    assert set(app["log"]) == {"one", "two"}
    assert len(app["log"]) <= 20
    # It waits some seconds for its next restart by now, so the next look finds it so, too.
    document = session.json("up")
    assert [each["service"] for each in document["failed_services"]] == ["app"]
    assert "note: app is restarting, last exit code 3, restarted" in session.run("up").err


def test_an_up_that_succeeds_tells_what_has_ended_already(make_repository: MakeRepository) -> None:
    services = {"db": BAD_END, "later": LATER, "web": {"ports": ["8080:80"], **AFTER_LATER}}
    session = made(make_repository, services)
    done = session.run("up")
    assert done.code == 0
    assert "note: db exited with code 3\n  the end of its log:\n    one\n    two\n" in done.err
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[1] == ["Service", "Port", "URL", "State"]
    assert ["db", "-", "-", "exited", "(3)"] in rows
    assert [row[-1] for row in rows if row[0] == "web"] == ["running"]
    assert ["later", "-", "-", "running"] in rows or ["later", "-", "-", "healthy"] in rows
    session.ok("down", "-t", "0")
    document = session.json("up")
    assert document["ok"] is True
    (database,) = document["failed_services"]
    assert set(database) == DETAILS
    assert (database["service"], database["exit_code"]) == ("db", 3)
    assert {each["name"]: each["health"] for each in document["services"]}["later"] == "healthy"


def test_only_what_this_up_starts_can_fail_it(make_repository: MakeRepository) -> None:
    """Neither an earlier end of another service, nor `run`, nor a profile that is not active."""
    services = {
        "db": BAD_END,
        "tool": {**BAD_END, "profiles": ["tools"]},
        "web": {"ports": ["8080:80"]},
    }
    session = made(make_repository, services)
    session.run("--profile", "tools", "up")
    names = {"db-1", "tool-1"}
    wait_until(lambda: names <= session.containers("exited").keys(), "both have ended")
    session.run("run", "web", "sh", "-c", "exit 5")
    document = session.json("up", "web")
    assert document["failed_services"] == []
    assert {each["name"]: each["exit_code"] for each in document["services"]}["db"] == 3
    assert session.json("up", "--wait", "web")["failed_services"] == []


def test_a_log_is_shown_and_not_obeyed(make_repository: MakeRepository) -> None:
    script = (
        r"printf '\033]0;title\007\033[31mred\033[0m\r\n\ttab\n\233\377\n';"
        " i=0; while [ $$i -lt 30 ]; do echo line $$i; i=$$((i+1)); done;"
        r" head -c 200000 /dev/zero | tr '\0' x; echo; exit 3"
    )
    services = {
        "many": {"command": ["sh", "-c", script]},
        "few": {"command": ["sh", "-c", script.split(" i=0", maxsplit=1)[0] + "exit 3"]},
        "later": LATER,
    }
    session = made(make_repository, services)
    done = session.run("up", "--wait", "--json")
    few, many = failed(done)
    assert few["log"] == ["\\x1b]0;title\\x07\\x1b[31mred\\x1b[0m", "    tab", "\ufffd\ufffd"]
    assert many["log"]
    assert len(many["log"]) <= 20
    assert all(len(line) <= 500 for line in many["log"])
    assert many["log"][-1].startswith("xxx")
    assert len(done.out) < 30_000
    err = session.run("up", "--wait").err
    assert all(line.isprintable() for line in err.split("\n"))


def test_without_a_readable_log_the_rest_is_told(make_repository: MakeRepository) -> None:
    services = {"db": {**BAD_END, "logging": {"driver": "none"}}, "later": LATER}
    (database,) = failed(made(make_repository, services).run("up", "--wait", "--json"))
    assert (database["exit_code"], database["log"]) == (3, [])


def test_a_service_with_many_containers_is_told_once(make_repository: MakeRepository) -> None:
    session = made(make_repository, {"db": BAD_END, "later": LATER})
    (database,) = failed(session.run("up", "--wait", "--scale", "db=3", "--json"))
    assert database["container"] == f"{session.project}-db-1"


def test_a_good_up_asks_the_engine_nothing_more(make_repository: MakeRepository) -> None:
    session = made(make_repository, {"web": SAYS_NO | {"healthcheck": LATER["healthcheck"]}})
    said = session.run("--verbose", "up").err
    assert "docker" in said
    assert "json .State" not in said
    assert "container logs" not in said


def test_an_attached_up_repeats_no_log(make_repository: MakeRepository) -> None:
    services = {"db": BAD_END, "web": {"ports": ["8080:80"]}}
    session = made(make_repository, services)
    done = session.run("up", "--attach", "--exit-code-from", "db")
    assert done.code == 3
    assert "failed: db exited with code 3\n  next: composeports logs db\n" in done.err
    assert "failed: web" not in done.err


def over_mcp(session: Session, **arguments: object) -> dict[str, Any]:
    """Return what `compose_up` answers."""

    async def talk(client: Client) -> dict[str, Any]:
        given = {"worktree": str(session.directory), **arguments}
        result = await client.call_tool("compose_up", given)
        return refused(result) if result.is_error else told(result)

    return over_stdio(session.environ, talk)


def over_http(session: Session, server: Server, **arguments: object) -> tuple[int, dict[str, Any]]:
    """Return status and answer of `POST /stacks/up`."""
    with server.client() as client:
        request = {"session_id": session.row["session_id"], **arguments}
        answer = client.post("/stacks/up", json=request, timeout=HANG)
    document: dict[str, Any] = answer.json()
    return answer.status_code, document


@pytest.fixture
def environ_of_server(tmp_path: Path, environ: dict[str, str]) -> Shell:
    return Shell(tmp_path, Path(environ["COMPOSEPORTS_STATE_DIR"]), environ)


def test_every_interface_has_the_same_details(
    make_repository: MakeRepository, environ_of_server: Shell
) -> None:
    session = made(make_repository, {"db": AT_ONCE, "web": SAYS_NO})
    session.ok("up")

    def are_failed() -> bool:
        by_name = session.containers()
        health = by_name["web-1"]["State"]["Health"]["Status"]
        return bool(by_name["db-1"]["State"]["Status"] == "exited" and health == "unhealthy")

    wait_until(are_failed, "both services have failed")
    told_by_json = failed(session.run("up", "--wait", "--json"))
    with serving(environ_of_server) as server:
        status, by_http = over_http(session, server, wait=True)
    by_mcp = over_mcp(session, wait=True)
    assert status == 503
    assert by_http["error"] == by_mcp["error"] == "compose_failed"
    text = session.run("up", "--wait").err

    def stable(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out what becomes more with each `up`: the log has the lines of all of them."""
        return [{**each, "log": sorted(set(each["log"]))} for each in services]

    services = stable(told_by_json)
    assert [each["service"] for each in services] == ["db", "web"]
    assert services[0]["log"] == ["one", "two"]
    assert stable(by_http["details"]["services"]) == services
    assert stable(by_mcp["details"]["services"]) == services
    for each in services:
        assert f"failed: {each['service']} " in text
        assert f"  next: {each['next']}\n" in text
        assert all(f"    {line}\n" in text for line in (*each["log"], *each["health_output"]))


def test_the_setting_makes_every_interface_wait(
    make_repository: MakeRepository, environ_of_server: Shell
) -> None:
    services = {"web": SAYS_NO}
    session = made(make_repository, services, **{"composeports.toml": "wait = true\n"})
    (web,) = failed(session.run("up", "--json"))
    assert web["health"] == "unhealthy"
    with serving(environ_of_server) as server:
        status, by_http = over_http(session, server)
        assert (status, by_http["details"]["services"][0]["health"]) == (503, "unhealthy")
        status, by_http = over_http(session, server, wait=False)
        assert (status, by_http["success"]) == (200, True)
    by_mcp = over_mcp(session)
    assert by_mcp["details"]["services"][0]["health"] == "unhealthy"
    assert over_mcp(session, wait=False)["success"] is True
    assert session.run("up", "--no-wait").code == 0
    assert session.run("up", "--wait=false").code == 0
    contradiction = session.run("up", "--no-wait", "--wait")
    assert contradiction.code == 2
    assert "contradict" in contradiction.err
    session.ok("down", "-t", "0")
    session.change('"CMD",', '"CMD", "true",')
    assert session.run("up").code == 0


def test_an_attached_up_ignores_the_setting(make_repository: MakeRepository) -> None:
    services = {"web": {"command": ["sh", "-c", "echo hello"], **FILE_OF_TESTS}}
    session = made(make_repository, services, **{"composeports.toml": "wait = true\n"})
    done = session.run("up", "--attach")
    assert done.code == 0, done.err
    assert "hello" in done.out
    assert "still starting" not in done.err


def test_a_log_of_the_wait_has_one_line_for_each_change(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    session = made(make_repository, {"api": FILE_OF_TESTS, "db": FILE_OF_TESTS, "web": {}})
    write(tmp_path, {"log": ""})
    log = tmp_path / "log"
    project = session.project

    def says(text: str) -> None:
        wait_until(lambda: f"{text}\n" in log.read_text(), f"{text!r} in the log")

    ready = f"docker exec {project}-$1-1 touch /ready"
    script = f"""
        ready() {{ {ready}; }}
        until_said() {{ until grep -q "^still starting: $1$" "$LOG"; do sleep 0.1; done; }}
        composeports up --wait 2> "$LOG" &
        until_said "api, db"; sleep 2; ready api
        until_said "db"; sleep 2; ready db
        wait $!
    """
    done = session.shell(script, LOG=str(log))
    assert done.code == 0, done.err + log.read_text()
    says("still starting: db")
    lines = [line for line in log.read_text().splitlines() if line.startswith("still starting")]
    assert lines == ["still starting: api, db", "still starting: db"]
    assert docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={project}")


def test_http_starts_only_what_was_started_here(
    make_repository: MakeRepository, environ_of_server: Shell
) -> None:
    session = made(make_repository, {"web": {"ports": ["8080:80"]}})
    with serving(environ_of_server) as server:
        assert server.post("/stacks/up", "nobody").status_code == 404
        server.allocate("no folder")
        assert server.post("/stacks/up", "no folder").status_code == 404
        ports = session.json("up")["ports"]
        session_id = session.row["session_id"]
        session.ok("down", "-t", "0")
        with server.client() as client:
            request = {"session_id": session_id, "services": ["--build"]}
            assert client.post("/stacks/up", json=request).status_code == 400
        answer = server.post("/stacks/up", session_id)
        assert answer.status_code == 200, answer.text
        assert answer.json()["ports"] == ports
        assert session.published() == {"web-1:80/tcp": ports["web:80/tcp"]}
