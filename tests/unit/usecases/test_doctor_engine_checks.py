"""doctor's findings for Podman, rootless engines, and engines that docker does not find."""

from dataclasses import replace

import pytest

from composeports.usecases.doctor.checks.engine import check_compose, check_engine
from composeports.usecases.doctor.checks.network import check_networks
from composeports.usecases.doctor.checks.other_engines import engine_findings, engine_name, way_in
from composeports.usecases.doctor.facts import ComposeFacts, EngineFacts, Facts, Problem

PODMAN = EngineFacts("4.3.1", product="Podman", network="netavark", dns=True)
ROOTLESS = replace(PODMAN, rootless=True, lingers=True)
BUILDS = ComposeFacts("2.26.1", builds=True)
AWAY = EngineFacts(trouble=Problem("no answer", "start it"))


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        (EngineFacts("28.5.2"), "Docker 28.5.2"),
        (EngineFacts("28.5.2", rootless=True), "Docker 28.5.2, rootless"),
        (PODMAN, "Podman 4.3.1"),
        (ROOTLESS, "Podman 4.3.1, rootless"),
    ],
)
def test_the_line_says_which_engine_it_is(engine: EngineFacts, name: str) -> None:
    assert engine_name(engine) == name
    assert check_engine(Facts(engine=engine)).said == name


@pytest.mark.parametrize(
    ("engine", "compose", "found"),
    [
        (EngineFacts("28.5.2"), BUILDS, []),
        (PODMAN, ComposeFacts("2.26.1"), []),
        (ROOTLESS, ComposeFacts("2.26.1"), []),
        (replace(PODMAN, network="", dns=None), ComposeFacts(), []),
        (replace(PODMAN, version="3.4.7"), ComposeFacts(), ["Podman 3.4.7 is older than 4.0"]),
        (replace(PODMAN, version="5.4.0-rc1"), ComposeFacts(), []),
        (replace(PODMAN, network="cni"), ComposeFacts(), ["Podman's networks are made by cni"]),
        (replace(PODMAN, dns=False), ComposeFacts(), ["aardvark-dns is not installed"]),
        (PODMAN, BUILDS, ["Podman has no BuildKit, and the Compose file here builds images"]),
        (PODMAN, replace(BUILDS, classic=True), []),
        (
            replace(ROOTLESS, lingers=False),
            ComposeFacts(),
            ["the engine's user does not linger"],
        ),
        (replace(ROOTLESS, lingers=None), ComposeFacts(), []),
        (replace(PODMAN, lingers=False), ComposeFacts(), []),
        (
            replace(ROOTLESS, first_port=1024),
            ComposeFacts(),
            ["a rootless engine publishes ports from 1024 on"],
        ),
        (replace(ROOTLESS, first_port=0), ComposeFacts(), []),
    ],
)
def test_what_an_engine_lacks(engine: EngineFacts, compose: ComposeFacts, found: list[str]) -> None:
    assert [each.what for each in engine_findings(engine, compose)] == found


@pytest.mark.parametrize(
    ("engine", "hint"),
    [
        (AWAY, ""),
        (
            replace(AWAY, sockets=("/run/user/1000/podman/podman.sock",), podman_command=True),
            (
                "another engine's socket is there: "
                "export DOCKER_HOST=unix:///run/user/1000/podman/podman.sock"
            ),
        ),
        (
            replace(AWAY, podman_command=True),
            (
                "for Podman: systemctl --user enable --now podman.socket, "
                "then export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman/podman.sock"
            ),
        ),
        (
            replace(AWAY, podman_command=True, as_root=True),
            (
                "for Podman: systemctl enable --now podman.socket, "
                "then export DOCKER_HOST=unix:///run/podman/podman.sock"
            ),
        ),
    ],
)
def test_the_next_step_leads_to_an_engine_that_is_there(engine: EngineFacts, hint: str) -> None:
    assert way_in(engine) == hint
    assert check_engine(Facts(engine=engine)).findings[0].next_step == (hint or "start it")


def test_podman_needs_no_buildx() -> None:
    lacking = replace(BUILDS, buildx=False)
    assert check_compose(Facts(engine=PODMAN, compose=lacking)).findings == ()
    assert check_compose(Facts(compose=lacking)).findings


def test_podmans_subnets_are_not_counted() -> None:
    used = tuple(f"172.{each}.0.0/16" for each in range(17, 32))
    assert check_networks(Facts(engine=PODMAN, subnets=used)).findings == ()
