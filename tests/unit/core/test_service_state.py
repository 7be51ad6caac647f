"""The planned state of containers, and which running ones differ from it."""

import pytest

from composeports.core.compose_reader import read_project
from composeports.core.service_state import (
    ObservedService,
    ServiceState,
    displaced,
    off_networks,
    standings,
)

PROJECT = read_project(
    {
        "name": "shop",
        "services": {
            "web": {"networks": {"default": None, "edge": None, "common": None}},
            "db": {"container_name": "shop-db", "networks": {"back": None, "gone": None}},
            "agent": {"network_mode": "host"},
        },
        "networks": {
            "default": {"name": "shop_default"},
            "back": {"name": "backend"},
            "edge": {"name": "edge", "external": True},
            "common": {"name": "common"},
        },
    }
)
OVERRIDE = {
    "services": {"db": {"container_name": "ac-1-shop-db"}, "web": {"labels": {}}},
    "networks": {"back": {"name": "ac-1-backend"}, "default": {"labels": {}}},
}
PLANNED = {"web": ServiceState("", ("ac-1_default",)), "db": ServiceState("ac-1-db")}


def test_names_are_those_of_the_override_then_of_the_file_then_of_compose() -> None:
    assert standings(PROJECT, OVERRIDE, "ac-1") == {
        "web": ServiceState("", ("ac-1_default", "common", "edge")),
        "db": ServiceState("ac-1-shop-db", ("ac-1-backend",)),
        "agent": ServiceState(),
    }


def test_without_an_override_the_file_s_own_names_stay() -> None:
    assert standings(PROJECT, {}, "ac-1")["db"] == ServiceState("shop-db", ("backend",))


@pytest.mark.parametrize(
    ("seen", "sentences"),
    [
        (ObservedService("web", "ac-1-web-1", ("ac-1_default",)), []),
        (ObservedService("web", "ac-1_web_1", ("ac-1_default", "bridge")), []),
        (ObservedService("web", "ac-1-web-run-0123", ()), []),
        (ObservedService("other", "other", ()), []),
        (ObservedService("db", "ac-1-db"), []),
        (ObservedService("db", "ac-1-db-run-0123"), []),
        (ObservedService("db", "db"), ["the container of db is called db, not ac-1-db"]),
        (
            ObservedService("web", "web", ("ac-1_default",)),
            ["the container of web is called web, not ac-1-..."],
        ),
        (
            ObservedService("web", "ac-1-web-1", ("edge",)),
            ["ac-1-web-1 is not on the network ac-1_default"],
        ),
    ],
)
def test_a_running_container_that_stands_otherwise_is_told(
    seen: ObservedService, sentences: list[str]
) -> None:
    assert list(displaced("ac-1", PLANNED, [seen])) == sentences


def test_who_is_off_which_network() -> None:
    web, single = (
        ObservedService("web", "ac-1-web-1", ("edge",)),
        ObservedService("web", "ac-1-web-run-0123"),
    )
    running = (web, single, ObservedService("db", "ac-1-db"), ObservedService("other", "other"))
    assert list(off_networks("ac-1", PLANNED, running)) == [(web, "ac-1_default")]
