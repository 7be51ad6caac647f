"""`[after]`: commands that run in the session's environment once its stack is healthy."""

import json
import os
import signal

import pytest
from mcp import Client
from mcp.types import CallToolResult

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import wait_until
from tests.support.documents import blocks
from tests.support.mcp_client import over_stdio, refused, told

pytestmark = pytest.mark.e2e

HEALTH = {"test": ["CMD", "test", "-e", "/tmp/ready"], "interval": "200ms", "retries": 100}
DATABASE = {
    "command": ["sh", "-c", "sleep 1; touch /tmp/ready; sleep 3600"],
    "healthcheck": HEALTH,
    "volumes": ["data:/data"],
    "ports": ["5432:5432"],
}
FILES = {"compose.yaml": stack({"db": DATABASE, "web": {}}, volumes={"data": {}})}
# Inside of the container, only once it is healthy, and by the session's own variables.
FIXTURES = """
docker exec "$CONTAINER_DB" sh -c 'test -e /tmp/ready && echo fixture >>/data/rows'
echo "$COMPOSE_PROJECT_NAME $PORT_DB_5432 $(pwd)$COMPOSEPORTS_API_KEYS" >first.log
"""


@pytest.fixture
def shop(make_repository: MakeRepository) -> Session:
    return make_repository(FILES).main


def settings(session: Session, **after: str) -> None:
    """Write the settings with these commands, and allow them."""
    lines = [f"{name.replace('_', '-')} = {json.dumps(line)}\n" for name, line in after.items()]
    (session.directory / "composeports.toml").write_text("[after]\n" + "".join(lines))
    session.ok("allow")


def rows(session: Session) -> list[str]:
    return session.ok("exec", "-T", "db", "cat", "/data/rows").split()


def test_the_first_up_of_new_data_and_every_up(shop: Session) -> None:
    settings(shop, first_up=FIXTURES, up="composeports url db >>each.log; echo done")
    done = shop.run("up", "--json", COMPOSEPORTS_API_KEYS="k" * 20)
    assert (done.code, json.loads(done.out)["after"]) == (0, ["first-up", "up"])
    assert "running first-up: docker exec" in done.err
    assert done.err.endswith("running up: composeports url db >>each.log; echo done\ndone\n")
    assert rows(shop) == ["fixture"]
    log = (shop.directory / "first.log").read_text()
    assert log == f"{shop.project} {shop.own_env['PORT_DB_5432']} {shop.directory}\n"
    assert (shop.directory / "each.log").read_text() == shop.ok("url", "db")
    # Neither a part of the stack, nor one that nobody waited for, gets the commands.
    for arguments, why in (("web",), "starts only web"), (("--no-wait",), "does not wait"):
        done = shop.must_run("up", *arguments)
        assert f"in [after] of the settings are not run: `up` {why}" in done.err
    assert len((shop.directory / "each.log").read_text().split()) == 1
    assert json.loads(shop.ok("up", "--json"))["after"] == ["up"]
    shop.ok("down", "-t", "0")
    assert json.loads(shop.ok("up", "--json"))["after"] == ["up"]
    shop.ok("down", "-v", "-t", "0")
    assert json.loads(shop.ok("up", "--json", "--no-after"))["after"] == []
    assert json.loads(shop.ok("up", "--json"))["after"] == ["first-up", "up"]
    assert rows(shop) == ["fixture"]


def test_the_guide_shows_commands_that_run(make_repository: MakeRepository) -> None:
    npm = "#!/bin/sh\necho $* >>/tmp/ran\n"
    files = {"compose.yaml": stack({"api": {"volumes": ["./npm:/bin/npm:ro"]}}), "npm": npm}
    [example] = [
        each for each in blocks("docs/guide.md", "toml") if each.text.startswith("[after]")
    ]
    session = make_repository({**files, "composeports.toml": example.text}).main
    (session.directory / "npm").chmod(0o755)
    session.ok("allow")
    session.ok("up")
    assert session.ok("exec", "-T", "api", "cat", "/tmp/ran") == "run fixtures\nrun migrate\n"


def test_a_command_that_fails_runs_again(shop: Session) -> None:
    settings(shop, first_up="echo broken >&2; exit 7", up="touch each")
    done = shop.run("up", "--json")
    error = json.loads(done.out)["error"]
    assert (done.code, error["code"]) == (1, "after_failed")
    assert error["details"] == {"command": "first-up", "command_exit_code": 7}
    assert "\nbroken\n" in done.err
    assert set(shop.containers("running")) == {"db-1", "web-1"}
    assert not (shop.directory / "each").exists()
    shop.ok("down", "-t", "0")
    settings(shop, first_up=FIXTURES, up="touch each")
    assert json.loads(shop.ok("up", "--json"))["after"] == ["first-up", "up"]
    assert rows(shop) == ["fixture"]


def test_a_killed_first_up_runs_again_and_two_never_at_once(shop: Session) -> None:
    slow = f"touch started; while [ ! -e go ]; do sleep 0.1; done; {FIXTURES}"
    settings(shop, first_up=slow)
    started = shop.directory / "started"
    killed = shop.start("up", process_group=0)
    wait_until(started.exists, "the command")
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    started.unlink()
    one = shop.start("up")
    wait_until(started.exists, "the command")
    two = shop.start("up")
    started.unlink()
    (shop.directory / "go").touch()
    assert (one.wait(), two.wait()) == (0, 0)
    one.communicate(), two.communicate()
    assert not started.exists()
    assert rows(shop) == ["fixture"]


def test_mcp_runs_what_this_user_has_allowed(shop: Session) -> None:
    settings(shop, up="touch each; echo of the command")
    shop.ok("allow", "--revoke")

    def start(**arguments: bool) -> CallToolResult:
        async def talk(client: Client) -> CallToolResult:
            words = {"worktree": str(shop.directory), **arguments}
            return await client.call_tool("compose_up", words)

        return over_stdio(shop.environ, talk)

    assert refused(start())["error"] == "not_allowed"
    assert shop.row == {}
    assert told(start(after=False))["after"] == []
    shop.ok("allow")
    assert told(start())["after"] == ["up"]
    assert (shop.directory / "each").exists()
