"""Which published ports have a pinned number."""

import pytest

from composeports.core.compose_reader import read_project
from composeports.core.lease import Lease
from composeports.core.plan.port_pins import pins_of
from composeports.core.plan.variable_effects import NO_EFFECTS
from composeports.core.ports import PortBlock
from composeports.core.settings import Settings
from composeports.core.snapshot import LeaseSummary, StoreSnapshot
from composeports.errors import ConfigError

FILE = read_project(
    {
        "services": {
            "web": {
                "ports": [
                    {"published": "8080", "target": 80},
                    {"target": 9000},
                    {"published": "8000-8010", "target": 81},
                    {"published": "53", "target": 53, "protocol": "udp"},
                ]
            },
            "host": {"network_mode": "host", "ports": [{"published": "1", "target": 1}]},
        }
    }
)


@pytest.mark.parametrize(
    ("pins", "default_ports", "wanted"),
    [
        pytest.param({}, False, {}, id="nothing wanted"),
        pytest.param({"web:80/tcp": 3000}, False, {"web:80/tcp": 3000}, id="a pin"),
        pytest.param({"web:9000/tcp": 9000}, False, {"web:9000/tcp": 9000}, id="of a free port"),
        pytest.param(
            {}, True, {"web:80/tcp": 8080, "web:53/udp": 53}, id="the file's own, but for ranges"
        ),
        pytest.param(
            {"web:80/tcp": 3000},
            True,
            {"web:80/tcp": 3000, "web:53/udp": 53},
            id="a pin overrides the file",
        ),
    ],
)
def test_pins(pins: dict[str, int], default_ports: bool, wanted: dict[str, int]) -> None:
    settings = Settings(pins=pins)
    assert pins_of(FILE, NO_EFFECTS, settings, default_ports=default_ports) == wanted


def test_a_pin_of_an_unknown_port_names_the_closest() -> None:
    with pytest.raises(ConfigError) as told:
        pins_of(FILE, NO_EFFECTS, Settings(pins={"wep:80/tcp": 3000}))
    assert "'wep:80/tcp'" in told.value.message
    assert "did you mean 'web:80/tcp'?" in told.value.hint


def test_a_pin_in_a_file_without_ports() -> None:
    with pytest.raises(ConfigError) as told:
        pins_of(read_project({}), NO_EFFECTS, Settings(pins={"web:80/tcp": 3000}))
    assert "lists no ports" in told.value.hint


def test_others_are_seen_with_what_they_hold_and_remember() -> None:
    leases = [
        Lease(name, PortBlock(10000, 10), f"ac-{name}", 0, 60, held=held, subnets={"n#0": subnet})
        for name, held, subnet in (("a", True, "10.213.0.0/24"), ("b", False, "10.213.1.0/24"))
    ]
    snapshot = StoreSnapshot(others=tuple(map(LeaseSummary.of, leases)))
    assert snapshot.held_subnets == ("10.213.0.0/24",)
    assert snapshot.remembered_subnets == ("10.213.1.0/24",)
