"""`up` fails in Compose: the exit code is Compose's, and the lease is kept as the message says."""

import pytest

from tests.acceptance.failures.conftest import WEB, assert_untouched
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

NO_IMAGE = stack({"web": {"image": "composeports-dev/no-such-image:1", "ports": ["80"]}})
NO_COMMAND = stack({"web": {"entrypoint": ["no-such-command"], "ports": ["8080:80"]}})
UNHEALTHY = stack(
    {
        "web": {
            "ports": ["8080:80"],
            "healthcheck": {"test": ["CMD", "false"], "interval": "0.1s", "retries": 1},
        }
    }
)


def failed(session: Session, *words: str, code: int = 1) -> dict[str, str]:
    """Return the error document of an `up` that Compose ended with `code`."""
    done = session.run(*words, "--json")
    assert done.code == code, done.err
    document = done.document
    assert document["ok"] is False
    assert document["error"]["code"] == "compose_failed"
    assert document["error"]["details"]["exit_code"] == code
    error: dict[str, str] = document["error"]
    return error


def test_an_image_that_does_not_exist_leaves_nothing(web: Session) -> None:
    write(web.directory, {"compose.yaml": NO_IMAGE})
    own = web.shell("docker compose up --detach")
    assert own.code
    done = web.run("up")
    assert (done.code, done.out) == (own.code, "")
    assert "web Error" in done.err
    assert "nothing of" in done.err
    assert "the lease is released" in done.err
    assert_untouched(web)
    error = failed(web, "up", code=own.code)
    assert "the lease is released" in error["hint"]
    assert_untouched(web)


@pytest.mark.parametrize(
    ("text", "options"), [(NO_COMMAND, []), (UNHEALTHY, ["--wait"])], ids=["command", "health"]
)
def test_a_stack_that_came_up_in_part_keeps_its_lease(
    text: str, options: list[str], web: Session
) -> None:
    write(web.directory, {"compose.yaml": text})
    done = web.run("up", *options)
    assert (done.code, done.out) == (1, "")
    assert "1 container, 1 network of" in done.err
    assert "the lease is kept" in done.err
    held = web.leases()
    assert [row["current"] for row in held] == [True]
    assert (web.directory / ".composeports/.env").is_file()
    error = failed(web, "up", *options)
    assert "the lease is kept" in error["hint"]
    assert web.leases()[0]["ports"] == held[0]["ports"]
    web.ok("down", "-t", "0")
    assert_untouched(web)


def test_the_next_up_repairs_a_stack_that_came_up_in_part(web: Session) -> None:
    write(web.directory, {"compose.yaml": NO_COMMAND})
    assert web.run("up").code == 1
    ports = web.leases()[0]["ports"]
    write(web.directory, {"compose.yaml": WEB})
    assert web.json("up")["ports"] == ports
    assert page(web.ok("url", "web").strip())


def test_a_failing_up_of_a_running_stack_releases_nothing(
    make_repository: MakeRepository,
) -> None:
    web = make_repository({"compose.yaml": WEB}).main
    ports = web.json("up")["ports"]
    ids = web.ids()
    unpullable = '{"image": "composeports-dev/no-such-image:1", "pull_policy": "never"}'
    web.change('"services": {', f'"services": {{"new": {unpullable},')
    assert failed(web, "up")
    assert web.ids() == ids
    assert web.leases()[0]["ports"] == ports
    assert page(web.ok("url", "web").strip())


def test_an_unknown_option_is_composes_own_business(web: Session) -> None:
    done = web.run("up", "--no-such-option")
    own = web.shell("docker compose up --no-such-option")
    assert done.code == own.code != 0
    assert "unknown flag: --no-such-option" in done.err
    assert_untouched(web)
