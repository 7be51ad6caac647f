"""External networks and volumes: listed, reported, made private, or mapped to a sibling's."""

from collections.abc import Mapping

import pytest

from composeports.core.plan.host_facts import HostFacts, NetworkMember, SiblingProject
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, Planned, plan_of

EDGE = {"edge": {"name": "edge", "external": True}}
TWO = {
    "web": {"networks": {"edge": {"aliases": ["shop"]}, "default": None}},
    "db": {"networks": {"default": None}, "hostname": "pg"},
}


def plan(
    services: Mapping[str, object] = TWO,
    networks: Mapping[str, object] = EDGE,
    settings: Settings | None = None,
    host_facts: HostFacts | None = None,
    **top: object,
) -> Planned:
    config = {"services": services, "networks": networks, **top}
    return plan_of(config, settings=settings, host_facts=host_facts or HostFacts())


def test_an_external_network_is_listed_and_told_with_two_ways_out() -> None:
    made = plan()
    assert made.shared == [("network", "edge")]
    assert made.acknowledged == []
    (text,) = made.warnings
    assert text == (
        "network edge is external: every session has web, shop there; [isolate] "
        'external_networks = ["edge"] makes it the session\'s own, shared = ["network:edge"] in '
        "the settings says that this is meant"
    )


def test_one_that_no_service_is_on_is_listed_alone() -> None:
    made = plan({"web": {}})
    assert (made.shared, made.warnings) == ([("network", "edge")], [])


def test_one_with_the_project_s_name_in_it_is_the_session_s_own() -> None:
    networks = {"edge": {"name": f"{PROJECT}-edge", "external": True}}
    made = plan(networks=networks)
    assert (made.shared, made.warnings) == ([], [])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("db", "other"), "db may lead to shop (/repo/main) as well"),
        (("pg",), "pg may lead to shop (/repo/main) as well"),
        (("shop", "web"), "shop, web may lead to shop (/repo/main) as well"),
        (("other",), "every session has web, shop there"),
    ],
)
def test_names_that_another_stack_has_there_are_told(names: tuple[str, ...], words: str) -> None:
    members = {"edge": (NetworkMember("shop", "/repo/main", frozenset(names)),)}
    (text,) = plan(host_facts=HostFacts(members=members)).warnings
    assert text.startswith(f"network edge is external: {words}; ")


def test_a_container_of_no_project_is_told_too() -> None:
    members = {"edge": (NetworkMember("", "", frozenset({"db"})),)}
    (text,) = plan(host_facts=HostFacts(members=members)).warnings
    assert "db may lead to a container as well" in text


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (Settings(shared=("network:edge",)), "`shared` in the settings names it"),
        (Settings(external_networks=False), "[isolate] external_networks = false"),
        (Settings(isolate_networks=False), "[isolate] networks = false"),
    ],
)
def test_one_that_the_settings_acknowledge_is_listed_alone(settings: Settings, why: str) -> None:
    made = plan(settings=settings)
    assert (made.acknowledged, made.warnings) == ([("network", "edge")], [])
    assert made.plan.shared[0].why == why
    members = {"edge": (NetworkMember("shop", "", frozenset({"db"})),)}
    made = plan(settings=settings, host_facts=HostFacts(members=members))
    assert made.plan.shared[0].why == f"{why}; db may lead to shop as well"


@pytest.mark.parametrize(
    ("chosen", "own"), [(True, True), (("edge",), True), (("key",), True), (("other",), False)]
)
def test_one_that_the_settings_make_the_session_s_own(
    chosen: bool | tuple[str, ...], *, own: bool
) -> None:
    networks = {
        "key": {"name": "edge", "external": True},
        "default": {"name": f"{PROJECT}_default"},
    }
    services = {"web": {"networks": {"key": None}, "container_name": "front"}}
    settings = Settings(external_networks=chosen, isolate_networks=not own)
    made = plan(services, networks, settings)
    name = {"name": f"{PROJECT}_edge", "external": False}
    assert made.override("networks", "key") == (name if own else None)
    assert made.changes("network") == (
        [("", "networks.key.name", "edge", f"{PROJECT}_edge")] if own else []
    )
    assert made.shared == ([] if own else [("network", "edge")])
    alias = made.override("services", "web", "networks", "key", "aliases")
    assert alias == (["front"] if own else None)


def test_one_that_the_settings_name_as_shared_is_not_made_own() -> None:
    made = plan(settings=Settings(external_networks=True, shared=("network:edge",)))
    assert (made.acknowledged, made.changes("network")) == ([("network", "edge")], [])


def test_an_own_one_with_the_project_s_name_in_it_keeps_its_name() -> None:
    networks = {"edge": {"name": f"{PROJECT}-edge", "external": True}}
    made = plan(networks=networks, settings=Settings(external_networks=True))
    assert made.override("networks", "edge") == {"external": False}


def test_a_container_name_is_no_alias_on_a_common_network() -> None:
    services = {"db": {"container_name": "shop-db", "networks": {"edge": None, "default": None}}}
    made = plan(services)
    assert made.override("services", "db", "networks") == {"default": {"aliases": ["shop-db"]}}
    (change,) = [each for each in made.plan.changes if each.kind == "container_name"]
    assert change.why.endswith("on the shared network edge it is called db alone")


SIBLING = SiblingProject("network", "edge", "ac-99999999_default", "/repo/infra")


def test_a_sibling_s_network_leads_to_its_session() -> None:
    services = {"web": {"networks": {"edge": None}, "container_name": "front"}}
    made = plan(services, host_facts=HostFacts(siblings=(SIBLING,)))
    assert (made.shared, made.warnings) == ([], [])
    assert made.override("networks", "edge") == {"name": "ac-99999999_default"}
    assert made.changes("network") == [("", "networks.edge.name", "edge", "ac-99999999_default")]
    assert made.override("services", "web", "networks", "edge") == {"aliases": ["front"]}


def test_the_label_of_traefik_follows_a_sibling_s_network() -> None:
    labels = {"traefik.docker.network": "edge"}
    services = {"web": {"networks": {"edge": None}, "labels": labels}}
    made = plan(services, host_facts=HostFacts(siblings=(SIBLING,)))
    assert made.override("services", "web", "labels") == {
        "traefik.docker.network": "ac-99999999_default"
    }


@pytest.mark.parametrize("own_name", ["ac-99999999_default", "edge"])
@pytest.mark.parametrize("by_mode", [False, True])
def test_a_sibling_that_is_not_up_is_told(own_name: str, *, by_mode: bool) -> None:
    sibling = SiblingProject("network", "edge", own_name, "/repo/infra", is_up=False)
    services = {"web": {"network_mode": "edge"} if by_mode else {"networks": {"edge": None}}}
    networks = {} if by_mode else EDGE
    made = plan(services, networks, host_facts=HostFacts(siblings=(sibling,)))
    (text,) = made.warnings
    assert text.startswith(
        "network edge is of the stack in /repo/infra, which is not up in this worktree: run "
        "`composeports up` there first; "
    )
    moved = own_name != "edge"
    assert bool(made.changes("network")) == moved
    if by_mode and moved:
        assert made.override("services", "web", "network_mode") == own_name


def test_a_sibling_that_the_settings_share_is_not_led_to() -> None:
    settings = Settings(shared=("network:edge",))
    made = plan(settings=settings, host_facts=HostFacts(siblings=(SIBLING,)))
    assert (made.acknowledged, made.changes("network")) == ([("network", "edge")], [])


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("edge", True),
        ("bridge", False),
        ("none", False),
        ("service:db", False),
        (f"{PROJECT}_default", False),
        ("made", False),
    ],
)
def test_a_network_by_network_mode(mode: str, *, told: bool) -> None:
    networks = {"made": {"name": "made"}}
    made = plan({"web": {"network_mode": mode}, "db": {}}, networks)
    assert [text.partition(":")[0] for text in made.warnings] == (
        ["network edge is external"] if told else []
    )
    assert made.shared == ([("network", "edge")] if told else [])


MADE = {"made": {"name": "made"}, "default": {"name": f"{PROJECT}_default"}}
OWN_EDGE = Settings(external_networks=True)


@pytest.mark.parametrize(
    ("mode", "settings", "after"),
    [
        ("made", None, f"{PROJECT}_made"),
        ("shop_default", None, f"{PROJECT}_default"),
        ("edge", OWN_EDGE, f"{PROJECT}_edge"),
        ("made", Settings(isolate_networks=False), None),
        (f"{PROJECT}_default", None, None),
        ("other_default", OWN_EDGE, None),
    ],
)
def test_network_mode_follows_a_network_of_the_stack(
    mode: str, settings: Settings | None, after: str | None
) -> None:
    """Else the service joins the network of plain Compose's stack, with the data of that one."""
    services = {"web": {"network_mode": mode}, "db": {"networks": {"made": None, "edge": None}}}
    facts = HostFacts(plain_projects=("shop",))
    made = plan(services, {**MADE, **EDGE}, settings=settings, host_facts=facts)
    assert made.override("services", "web", "network_mode") == after
    by_mode = [each for each in made.changes("network") if each[1] == "network_mode"]
    assert by_mode == ([("web", "network_mode", mode, after)] if after else [])
    about = [text.split()[1] for text in made.warnings if "network other_default" in text]
    assert bool(about) == (mode == "other_default")


MODELS = {"models": {"name": "models", "external": True}}
USED = {"db": {"volumes": [{"type": "volume", "source": "models", "target": "/m"}]}}


def test_an_external_volume_is_listed_and_told() -> None:
    made = plan(USED, {}, volumes=MODELS)
    assert made.shared == [("volume", "models")]
    (text,) = made.warnings
    assert text == (
        "volume models is external: every session uses the same data (db); "
        'shared = ["volume:models"] in the settings says that this is meant'
    )


def test_an_external_volume_that_nobody_uses_is_listed_alone() -> None:
    made = plan({"db": {}}, {}, volumes=MODELS)
    assert (made.shared, made.warnings) == ([("volume", "models")], [])


def test_an_external_volume_with_the_project_s_name_is_the_session_s_own() -> None:
    volumes = {"models": {"name": f"{PROJECT}_models", "external": True}}
    made = plan(USED, {}, volumes=volumes)
    assert (made.shared, made.warnings) == ([], [])


@pytest.mark.parametrize(
    "settings", [Settings(shared=("volume:models",)), Settings(isolate_volumes=False)]
)
def test_an_external_volume_that_the_settings_acknowledge(settings: Settings) -> None:
    made = plan(USED, {}, settings, volumes=MODELS)
    assert (made.acknowledged, made.warnings) == ([("volume", "models")], [])


def test_a_sibling_s_volume_leads_to_its_session() -> None:
    sibling = SiblingProject("volume", "models", "ac-99999999_models", "/repo/infra")
    made = plan(USED, {}, host_facts=HostFacts(siblings=(sibling,)), volumes=MODELS)
    assert made.override("volumes", "models") == {"name": "ac-99999999_models"}
    assert (made.shared, made.warnings) == ([], [])


def test_long_lists_are_cut() -> None:
    services = {f"s{number}": {"networks": {"edge": None}} for number in range(9)}
    (text,) = plan(services).warnings
    assert "has s0, s1, s2, s3, s4, s5 and 3 more there" in text
