"""A build that joins a network by name follows the session's network, or is told."""

import pytest

from composeports.core.plan.host_facts import HostFacts, SiblingProject
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, Planned, plan_of


def plan(
    network: str,
    *,
    settings: Settings | None = None,
    host_facts: HostFacts | None = None,
    **top: object,
) -> Planned:
    build = {"context": ".", "network": network}
    services = {"web": {"build": build}, "job": {"build": build}, "db": {"container_name": "db-1"}}
    config = {"services": services, **top}
    return plan_of(config, settings=settings, host_facts=host_facts or HostFacts())


@pytest.mark.parametrize("network", ["", "default", "none", "host", f"{PROJECT}_x", "service:db"])
def test_a_network_of_the_session_or_of_the_engine_is_not_told(network: str) -> None:
    made = plan(network)
    assert (made.warnings, made.override("services", "web")) == ([], None)


@pytest.mark.parametrize(
    ("network", "told"),
    [
        (
            "edge",
            (
                "network edge is of another project, and every session builds in it (the build of "
                'web, the build of job); shared = ["network:edge"] in the settings says that this '
                "is meant"
            ),
        ),
        (
            "container:x",
            (
                "container x is of another project, and every session builds in its network (the "
                'build of web, the build of job); shared = ["container:x"] in the settings says '
                "that this is meant"
            ),
        ),
    ],
)
def test_what_belongs_to_others_is_told(network: str, told: str) -> None:
    assert plan(network).warnings == [told]


@pytest.mark.parametrize(
    ("network", "entry", "listed"),
    [
        ("edge", "network:edge", ("network", "edge")),
        ("container:x", "container:x", ("container", "x")),
    ],
)
def test_the_settings_say_that_it_is_meant(
    network: str, entry: str, listed: tuple[str, str]
) -> None:
    made = plan(network, settings=Settings(shared=(entry,)))
    assert (made.acknowledged, made.warnings) == ([listed], [])


def test_a_network_that_the_file_makes_is_the_session_s() -> None:
    made = plan("edge", networks={"n": {"name": "edge"}})
    assert made.warnings == []
    assert made.override("services", "web", "build", "network") == f"{PROJECT}_edge"
    assert made.changes("network")[1:] == [
        ("web", "build.network", "edge", f"{PROJECT}_edge"),
        ("job", "build.network", "edge", f"{PROJECT}_edge"),
    ]


def test_a_network_that_the_settings_keep_shared_stays() -> None:
    made = plan("edge", networks={"n": {"name": "edge"}}, settings=Settings(isolate_networks=False))
    assert (made.warnings, made.acknowledged) == ([], [("network", "edge")])
    assert made.override("services", "web") is None


def test_an_external_network_is_told_although_no_service_is_on_it() -> None:
    networks = {
        "own": {"name": f"{PROJECT}_own"},
        "other": {"name": "other", "external": True},
        "n": {"name": "edge", "external": True},
    }
    (warning,) = plan("edge", networks=networks).warnings
    assert warning.startswith("network edge is of another project")
    made = plan("edge", networks=networks, settings=Settings(shared=("network:n",)))
    assert (made.acknowledged, made.warnings) == ([("network", "edge")], [])


def test_a_sibling_s_network_is_that_of_its_session() -> None:
    sibling = SiblingProject("network", "infra_default", "ac-1_default", "infra")
    made = plan("infra_default", host_facts=HostFacts(siblings=(sibling,)))
    assert made.warnings == []
    assert made.override("services", "job", "build", "network") == "ac-1_default"


def test_a_container_of_the_file_has_the_session_s_name() -> None:
    made = plan("container:db-1")
    assert made.warnings == []
    assert made.override("services", "web", "build", "network") == f"container:{PROJECT}-db-1"
