"""A file that Compose or the plan refuses: 78, with Compose's message, and nothing is left."""

import pytest

from tests.acceptance.failures.conftest import WEB, assert_untouched
from tests.harness.repository import stack, write
from tests.harness.session import Session

pytestmark = pytest.mark.e2e

BROKEN = {
    "broken YAML": ("services:\n  web:\n    image: [\n", "yaml: line 3: did not find expected"),
    "unknown key": (
        "services:\n  web:\n    image: x\n    prots: []\n",
        "prots",  # the sentence around it differs between versions of Compose
    ),
    "missing variable": (
        "services:\n  web:\n    image: ${NO_SUCH_VARIABLE:?say which image}\n",
        "required variable NO_SUCH_VARIABLE is missing a value: say which image",
    ),
    "unknown service": (
        "services:\n  web:\n    image: x\n    depends_on: [db]\n",
        'service "web" depends on undefined service "db"',
    ),
    "no services": ("{}\n", "empty compose file"),
}


def refused(session: Session, *words: str) -> dict[str, object]:
    """Return the error of a command that ends with 78 in both its forms."""
    done = session.run(*words, "--json")
    assert done.code == 78, f"{done.out}{done.err}"
    document = done.document
    assert document["ok"] is False
    error: dict[str, object] = document["error"]
    told = session.run(*words)
    assert (told.code, told.out) == (78, "")
    assert f"error: {error['message']}" in told.err
    assert f"hint: {error['hint']}" in told.err
    return error


@pytest.mark.parametrize("case", BROKEN)
def test_what_compose_refuses_is_told_in_its_words(case: str, web: Session) -> None:
    text, words = BROKEN[case]
    write(web.directory, {"compose.yaml": text})
    own = web.shell("docker compose config")
    error = refused(web, "up")
    assert error["code"] == "compose_file"
    assert words in own.err
    assert words in str(error["message"])
    write(web.directory, {"compose.yaml": WEB})
    assert_untouched(web)


def test_a_running_stack_survives_a_file_that_is_broken_meanwhile(web: Session) -> None:
    web.ok("up")
    ids, held = web.ids(), web.leases()
    write(web.directory, {"compose.yaml": BROKEN["broken YAML"][0]})
    refused(web, "up")
    assert web.ids() == ids
    assert web.leases()[0]["allocated_at"] == held[0]["allocated_at"]
    web.ok("down", "-t", "0")
    assert web.resources_of() == []
    assert web.leases() == []


def test_a_missing_compose_file_is_named(web: Session) -> None:
    error = refused(web, "-f", "none.yaml", "up")
    assert error["code"] == "compose_file"
    assert "none.yaml: no such file" in str(error["message"])
    assert_untouched(web)


def test_a_folder_without_a_compose_file(web: Session) -> None:
    (web.directory / "compose.yaml").unlink()
    error = refused(web, "up")
    assert "no configuration file provided" in str(error["message"])
    assert "`composeports -f FILE up`" in str(error["hint"])
    write(web.directory, {"compose.yaml": WEB})
    assert_untouched(web)


def test_a_missing_env_file_is_named(web: Session) -> None:
    error = refused(web, "--env-file", "none.env", "up")
    assert error["code"] == "compose_file"
    assert "none.env" in str(error["message"])
    assert_untouched(web)


def test_too_many_ports_for_a_block_say_the_range_that_would_do(web: Session) -> None:
    write(web.directory, {"compose.yaml": stack({"web": {"ports": ["8000-8029:8000-8029"]}})})
    error = refused(web, "up")
    assert error["code"] == "block_too_small"
    assert "PORT_ALLOC_RANGE=34" in str(error["hint"])
    assert web.leases() == []
    assert not (web.directory / ".composeports").exists()
    assert web.run("up", PORT_ALLOC_RANGE="33").code == 78
    ports = web.json("up", PORT_ALLOC_RANGE="34")["ports"]
    assert len(set(ports.values())) == 30


def test_a_file_that_outgrows_its_block_loses_nothing(web: Session) -> None:
    ports = web.json("up")["ports"]
    ids = web.ids()
    write(web.directory, {"compose.yaml": stack({"web": {"ports": ["8000-8029:8000-8029"]}})})
    assert refused(web, "up")["code"] == "block_too_small"
    assert web.ids() == ids
    assert web.leases()[0]["ports"] == ports
