"""The plan as a whole: deterministic, disjoint for disjoint leases, stable, and final."""

import json
import re
from collections.abc import Iterator, Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from composeports.core.compose_project import Json
from composeports.core.compose_reader import read_project
from composeports.core.lease import Lease
from composeports.core.plan.host_facts import HostFacts
from composeports.core.plan.override import Override, render
from composeports.core.plan.plan import ObservedConfig, Plan, make_plan
from composeports.core.plan.rules.registry import RULES
from composeports.core.ports import PortBlock
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, plan_of

NAMES = st.sampled_from(["web", "db", "api", "a", "zz"])
NUMBERS = st.integers(1, 65535)
PROTOCOLS = st.sampled_from(["tcp", "udp"])
ONE, TWO = "ac-00000001", "ac-00000002"


@st.composite
def _ports(draw: st.DrawFn) -> list[dict[str, object]]:
    pairs = draw(st.lists(st.tuples(NUMBERS, NUMBERS, PROTOCOLS), max_size=4, unique=True))
    return [
        {"published": str(published), "target": target, "protocol": protocol}
        for published, target, protocol in pairs
    ]


@st.composite
def _services(draw: st.DrawFn) -> dict[str, object]:
    name = st.sampled_from(["", "fixed", "fixed-2", "with-ac-00000001"])
    return {
        "ports": draw(_ports()),
        "container_name": draw(name),
        "image": draw(st.sampled_from(["shop:1", "shop", "nginx"])),
        "build": draw(st.sampled_from([None, {"context": "."}])),
        "environment": {"URL": f"http://localhost:{draw(NUMBERS)}", "PEER": "172.30.0.9"},
        "networks": {draw(st.sampled_from(["default", "back"])): None},
    }


configs = st.builds(
    lambda services, name: {
        "services": services,
        "volumes": {"data": {"name": name}},
        "networks": {
            "default": {"name": "x_default"},
            "back": {"name": name, "ipam": {"config": [{"subnet": "172.30.0.0/24"}]}},
        },
    },
    st.dictionaries(NAMES, _services(), max_size=4),
    st.sampled_from(["shop-data", "data"]),
)


def planned(config: Json, project: str, start: int, subnet: str, **more: object) -> Plan:
    lease = Lease("s", PortBlock(start, 100), project, 0, 60, subnets={"back#0": subnet})
    observed = ObservedConfig(read_project({"name": project, **config}))
    return make_plan(observed, lease._replace(**more))  # type: ignore[arg-type]


def merged(base: object, over: object) -> object:
    """Merge as Compose does, as far as a plan needs it: mappings by key, the rest replaced."""
    if isinstance(over, Override):
        return over.value
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {key: merged(base.get(key), over.get(key, base.get(key))) for key in [*base, *over]}
    return over


def texts(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for value in node.values():
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    else:
        yield str(node)


def unique_names(config: object, plan: Plan) -> set[str]:
    """Return all that may exist once on an engine: ports, containers, volumes, networks, tags."""
    document = merged(config, plan.override)
    assert isinstance(document, dict)
    built = {s["image"] for s in document["services"].values() if s.get("build")}
    return {
        *map(str, plan.ports.values()),
        *(s["container_name"] for s in document["services"].values() if s["container_name"]),
        *(each["name"] for each in document["volumes"].values()),
        *(each["name"] for key, each in document["networks"].items() if key != "default"),
        *(each["subnet"] for each in document["networks"]["back"]["ipam"]["config"]),
        *built,
    }


@given(configs)
def test_the_same_file_and_lease_give_the_same_plan(config: dict[str, object]) -> None:
    first, second = (planned(config, ONE, 10000, "10.213.0.0/24") for _ in range(2))
    assert first == second
    assert render(first.override) == render(second.override)


@given(configs)
def test_plans_of_disjoint_leases_have_nothing_in_common(config: dict[str, object]) -> None:
    one = unique_names(config, planned(config, ONE, 10000, "10.213.0.0/24"))
    two = unique_names(config, planned(config, TWO, 10100, "10.213.1.0/24"))
    assert one & two <= {"with-ac-00000001"}  # a name with the first project in it


@given(configs, _services())
def test_an_added_service_moves_no_port_of_the_others(
    config: dict[str, object], added: dict[str, object]
) -> None:
    before = planned(config, ONE, 10000, "10.213.0.0/24")
    services = config["services"]
    assert isinstance(services, dict)
    more = {**config, "services": {"b-new": added, **services}}
    after = planned(more, ONE, 10000, "10.213.0.0/24", offsets=before.offsets)
    assert before.ports.items() <= after.ports.items()


@given(configs)
def test_a_reordered_file_has_the_same_ports(config: dict[str, object]) -> None:
    services = config["services"]
    assert isinstance(services, dict)
    turned = {**config, "services": dict(reversed(services.items()))}
    plans = (planned(each, ONE, 10000, "10.213.0.0/24") for each in (config, turned))
    first, second = plans
    assert first.ports == second.ports


@given(configs)
@settings(max_examples=200)
def test_planning_what_was_planned_changes_nothing_more(config: dict[str, object]) -> None:
    first = planned(config, ONE, 10000, "10.213.0.0/24")
    again = merged(config, first.override)
    assert isinstance(again, dict)
    pins = dict(first.ports)
    lease = Lease("s", PortBlock(10000, 100), ONE, 0, 60, pins=pins)
    second = make_plan(ObservedConfig(read_project({"name": ONE, **again})), lease)
    assert [change for change in second.changes if change.kind != "project"] == []
    assert second.override == {}


@given(configs)
def test_every_reason_says_something(config: dict[str, object]) -> None:
    plan = planned(config, ONE, 10000, "10.213.0.0/24")
    for change in plan.changes:
        assert change.why
        assert change.before != change.after
        assert change.after


def test_parts_of_several_rules_meet_in_one_service() -> None:
    made = plan_of(
        {
            "services": {
                "web": {
                    "image": "shop",
                    "build": {"args": {"URL": "http://localhost:80"}, "tags": ["shop:2"]},
                    "container_name": "shop",
                    "ports": [{"published": "80", "target": 80, "protocol": "tcp"}],
                    "networks": {"back": {"ipv4_address": "172.30.0.9"}},
                }
            },
            "networks": {"back": {"ipam": {"config": [{"subnet": "172.30.0.0/24"}]}}},
        },
        subnets={"back#0": "10.213.0.0/24"},
    )
    assert made.override("services", "web", "networks", "back") == {
        "aliases": ["shop"],
        "ipv4_address": "10.213.0.9",
    }
    assert made.override("services", "web", "build", "args") == {"URL": "http://localhost:10004"}
    assert made.override("services", "web", "build", "tags") == ["shop:2-ac-0123abcd"]


def test_a_change_is_a_plain_document_in_json() -> None:
    made = plan_of({"services": {"web": {"container_name": "shop"}}})
    document = json.loads(json.dumps([change.as_dict() for change in made.plan.changes]))
    assert [set(each) for each in document] == [
        {"kind", "where", "service", "from", "to", "why"}
    ] * 2


def test_a_plan_is_a_plain_document_in_json() -> None:
    made = plan_of({"services": {"web": {"ports": [{"published": "8080", "target": 80}]}}}).plan
    document = json.loads(json.dumps(made.as_dict()))
    assert document["session_id"] == made.session_id
    assert document["compose_project_name"] == made.project
    assert document["env"] == dict(made.environment)
    assert document["ports"] == made.ports
    assert document["urls"] == made.urls
    assert document["changes"] == [change.as_dict() for change in made.changes]
    assert (document["shared"], document["warnings"]) == ([], [])


def test_every_rule_says_in_one_line_what_it_does() -> None:
    for rule in RULES:
        assert re.fullmatch(r"[A-Z][^\n]+\.", (rule.__doc__ or "").splitlines()[0])


def test_settings_derive_variables_from_the_ports() -> None:
    env = {"DATABASE_URL": "postgresql://{host}:{db}/app", "SITE": "http://{host}:{web:80}"}
    web = {"ports": [{"published": "80", "target": 80, "protocol": "tcp"}]}
    db = {"ports": [{"published": "5432", "target": 5432, "protocol": "tcp"}]}
    made = plan_of({"services": {"web": web, "db": db}}, settings=Settings(env=env))
    assert dict(made.plan.environment).items() >= {
        ("DATABASE_URL", "postgresql://localhost:10004/app"),
        ("SITE", "http://localhost:10005"),
    }


def test_a_remote_engines_host_is_where_everything_is_reached() -> None:
    ports = [{"published": "3000", "target": 80}, {"published": "53", "target": 53}]
    config = {"services": {"web": {"ports": ports}}}
    wanted = Settings(env={"AT": "postgresql://{host}:{web:53}"})
    made = plan_of(config, host="fd00::1", settings=wanted).plan
    environment = dict(made.environment)
    assert made.urls == {
        "web:80/tcp": "http://[fd00::1]:10005",
        "web:53/tcp": "[fd00::1]:10004",
    }
    assert environment["SUPABASE_URL"] == "http://[fd00::1]:10001"
    assert environment["AT"] == "postgresql://[fd00::1]:10004"


def test_the_names_that_differ_in_the_session_are_known() -> None:
    services = {"db": {"container_name": "shop-db"}, "web": {}, "a": {"container_name": "a"}}
    fixed = {"a": f"{PROJECT}-a", "shop-db": f"{PROJECT}-shop-db"}
    names = plan_of({"services": services}).plan.session_names
    assert names == {"container": fixed, "image": {}, "network": {}, "volume": {}, "project": {}}
    facts = HostFacts(plain_projects=("shop",))
    names = plan_of({"services": services}, host_facts=facts).plan.session_names
    default = {"shop-web-1": f"{PROJECT}-web-1", "shop_web_1": f"{PROJECT}-web-1"}
    assert names["container"] == {**default, **fixed}
    assert names["project"] == {"shop": PROJECT}
