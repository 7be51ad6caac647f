"""A variable with several defaults in one file: Compose reports only one of them."""

import json
from pathlib import Path

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository
from tests.harness.waits import page

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("other", ["1", "-1", "443", "8443"])
def test_a_port_variable_with_a_second_default_is_recognised(
    other: str, make_repository: MakeRepository, tmp_path: Path
) -> None:
    """As in `${SSL_PORT:-443}` for a published port and `${SSL_PORT:--1}` in a URL."""
    web = {
        "ports": ["${WEB_PORT:-8080}:80"],
        "environment": {"SITE": f"http://localhost:${{WEB_PORT:-{other}}}/"},
    }
    one = make_repository({"compose.yaml": stack({"web": web})}).main
    # Each with a state directory of its own, so that none remembers what another has observed.
    places = [str(tmp_path / f"fresh-{number}") for number in range(4)]
    plans = [one.ok("plan", "--json", COMPOSEPORTS_STATE_DIR=place) for place in places]
    assert len(set(plans)) == 1, "the plan is the same each time"
    made = json.loads(plans[0])
    port = made["ports"]["web:80/tcp"]
    assert made["env"]["WEB_PORT"] == str(port)
    one.ok("up")
    assert page(one.ok("url", "web").strip())
    inside = one.containers()["web-1"]["Config"]["Env"]
    assert f"SITE=http://localhost:{port}/" in inside
    one.ok("down", "-t", "0")


def test_a_number_that_is_no_port_stays_as_it_is(make_repository: MakeRepository) -> None:
    """`RETRIES` is suspected, since it is a number, and found to move no port."""
    web = {"ports": ["${WEB_PORT:-8080}:80"], "environment": {"RETRIES": "${RETRIES:-5}"}}
    one = make_repository({"compose.yaml": stack({"web": web})}).main
    made = one.json("up")
    assert "RETRIES" not in made["env"]
    assert "RETRIES=5" in one.containers()["web-1"]["Config"]["Env"]
    one.ok("down", "-t", "0")
