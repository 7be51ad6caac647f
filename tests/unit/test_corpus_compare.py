"""What the corpus checker must find: each case is one possible error of a plan."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest

from corpuskit import addresses, compare, facts, left, published
from corpuskit.standin import externals, stand_in

Json = dict[str, Any]


def port(target: int, number: str = "", protocol: str = "tcp", host_ip: str = "") -> Json:
    entry = {"mode": "ingress", "target": target, "published": number, "protocol": protocol}
    return {**entry, **({"host_ip": host_ip} if host_ip else {})}


def web(*ports: Json, **more: object) -> Json:
    return {"name": "ac-1", "services": {"web": {"ports": list(ports), **more}}}


def changed(result: Json, *path: str | int, value: object) -> Json:
    """Return a copy with another value at a path."""
    copy = deepcopy(result)
    node: Any = copy
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copy


def line(kind: str, before: str, after: str, service: str = "web") -> dict[str, str]:
    return {"kind": kind, "where": "x", "service": service, "from": before, "to": after, "why": ""}


STACK: Json = {
    "name": "ac-1",
    "services": {
        "web": {
            "image": "shop/web:1",
            "build": {"context": ".", "tags": ["shop/web:new"]},
            "container_name": "shop",
            "command": ["serve", "--port", "80"],
            "healthcheck": {"test": ["CMD", "true"]},
            "environment": {"URL": "http://localhost:8080/a", "MODE": "test"},
            "networks": {"back": {"ipv4_address": "172.20.0.5"}},
            "ports": [port(80, "8080")],
        }
    },
    "networks": {
        "back": {
            "name": "ac-1_back",
            "ipam": {"config": [{"subnet": "172.20.0.0/24", "gateway": "172.20.0.1"}]},
        }
    },
    "volumes": {"data": {"name": "shop-data"}},
}
WEB = ("services", "web")
POOL = ("networks", "back", "ipam", "config", 0)


# What two results have in common


def test_each_kind_of_thing_that_two_stacks_claim_is_in_common() -> None:
    found = {kind for kind, _ in facts.in_common({"one": STACK, "two": STACK}, [])}
    assert found == {"port", "container", "image", "volume", "network", "subnet"}


def test_stacks_with_nothing_in_common_are_apart() -> None:
    other = web(port(80, "8081"), build={"context": "."})
    assert not list(facts.in_common({"one": STACK, "two": other}, []))


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        (port(80, "8000-8010"), port(80, "8010"), True),
        (port(80, "8000-8010"), port(80, "8011"), False),
        (port(53, "5300", "tcp"), port(53, "5300", "udp"), False),
        (port(80, "8000", host_ip="127.0.0.1"), port(80, "8000"), True),
        (port(80), port(80), False),
        (port(80, "0"), port(80, "0"), False),
    ],
)
def test_host_ports(first: Json, second: Json, *, common: bool) -> None:
    assert bool(list(facts.in_common({"one": web(first), "two": web(second)}, []))) is common


@pytest.mark.parametrize(
    ("first", "second", "common"),
    [
        ("172.20.0.0/16", "172.20.7.0/24", True),
        ("172.20.0.0/24", "172.20.1.0/24", False),
        ("fd00:1::/64", "fd00:1::/48", True),
        ("fd00:1::/64", "172.20.0.0/16", False),
        ("nonsense", "nonsense", False),
    ],
)
def test_subnets(first: str, second: str, *, common: bool) -> None:
    one, two = ({"networks": {"x": {"name": n, "ipam": {"config": [{"subnet": s}]}}}}
                for n, s in (("a", first), ("b", second)))  # fmt: skip
    assert bool(list(facts.in_common({"one": one, "two": two}, []))) is common


def test_a_built_image_without_a_name_is_the_projects_own() -> None:
    built = facts.facts_of(web(build={"context": "."}))
    assert facts.Fact("image", "docker.io/library/ac-1-web:latest") in built
    assert not facts.facts_of(web(image="redis:7"))


@pytest.mark.parametrize("name", ["shop-data", "data"])
def test_what_the_plan_lists_as_shared_is_not_in_common(name: str) -> None:
    result = {"volumes": STACK["volumes"]}
    shared = [{"kind": "volume", "name": name, "why": "external"}]
    assert not list(facts.in_common({"one": result, "two": result}, shared))
    other = [{"kind": "network", "name": name, "why": "external"}]
    assert list(facts.in_common({"one": result, "two": result}, other))


# Published ports


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([port(80, "8080")], [port(81, "16004")]),
        ([port(80, "8080")], [port(80, "16004", "udp")]),
        ([port(80, "8080", host_ip="127.0.0.1")], [port(80, "16004")]),
        ([port(80, "8080")], []),
        ([port(80, "8080")], [port(80, "16004"), port(80, "8080")]),
        ([port(80)], [port(80, "16004")]),
        ([port(80, "8000-8010")], [port(80, "16000-16010")]),
        ([port(80, "8080")], [{**port(80, "16004"), "mode": "host"}]),
        ([port(53, "53"), port(53, "53", "udp")], [port(53, "1"), port(53, "2", "udp")]),
        ([port(80, "80"), port(81, "81")], [port(80, "16005"), port(81, "16004")]),
    ],
)
def test_ports_that_are_not_the_same_but_for_their_numbers(
    before: list[Json], after: list[Json]
) -> None:
    assert list(published.changed_ports(web(*before), web(*after)))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([port(80, "8080")], [port(80, "16004")]),
        ([port(80, "8000-8010")], [port(80, "16004")]),
        ([port(53, "53"), port(53, "53", "udp")], [port(53, "1"), port(53, "1", "udp")]),
        ([port(80, "80"), port(81, "81")], [port(81, "16005"), port(80, "16004")]),
        ([port(80), port(81, "81")], [port(80), port(81, "16004")]),
    ],
)
def test_ports_that_only_have_other_numbers(before: list[Json], after: list[Json]) -> None:
    assert not list(published.changed_ports(web(*before), web(*after)))


def test_the_plans_ports_are_those_that_compose_publishes() -> None:
    after = web(port(80, "16004"), port(53, "16005", "udp"))
    right = {"ports": {"web:80/tcp": 16004, "web:53/udp": 16005}}
    assert not list(published.unlisted_ports(right, after))
    assert list(published.unlisted_ports({"ports": {"web:80/tcp": 16004}}, after))
    gone = {"ports": {**right["ports"], "db:5432/tcp": 16006}}
    assert list(published.unlisted_ports(gone, after))


def test_two_services_with_one_host_port() -> None:
    entry = {"ports": [port(80, "16004")]}
    assert list(published.doubled_ports({"services": {"web": entry, "api": entry}}))
    assert not list(published.doubled_ports({"services": {"web": entry}}))


def test_a_port_that_moves_when_a_service_comes() -> None:
    assert not list(published.moved_ports({"web:80/tcp": 1}, {"web:80/tcp": 1, "new:80/tcp": 2}))
    assert list(published.moved_ports({"web:80/tcp": 1}, {"web:80/tcp": 2}))
    assert list(published.moved_ports({"web:80/tcp": 1}, {}))


# Nothing is lost


def test_plans_that_are_not_alike() -> None:
    kept, gone = line("port", "80", "1"), line("variable", "shop", "ac-1", "")
    first = {"env": {"A": "1"}, "changes": [gone, kept]}
    assert not list(compare.unlike_plans(first, first))
    assert list(compare.unlike_plans(first, {"env": {"A": "2"}, "changes": [kept]})) == [
        'env: A: "1" became "2"',
        "changes: only first: variable | x | shop | ac-1",
    ]
    assert list(compare.unlike_plans({"warnings": []}, {"warnings": ["so"]})) == [
        "warnings: only then: so"
    ]


@pytest.mark.parametrize("kind", ["services", "networks", "volumes"])
def test_a_key_that_is_gone_or_new(kind: str) -> None:
    without = {**STACK, kind: {}}
    assert list(compare.lost(STACK, without)) == [f"{kind}.{name} is gone" for name in STACK[kind]]
    assert list(compare.lost(without, STACK)) == [f"{kind}.{name} is new" for name in STACK[kind]]
    assert not list(compare.lost(STACK, STACK))


@pytest.mark.parametrize(
    ("path", "value", "change"),
    [
        ((*WEB, "container_name"), "ac-1-shop", line("container_name", "shop", "ac-1-shop")),
        ((*WEB, "image"), "shop/web:1-ac-1", line("image", "shop/web:1", "shop/web:1-ac-1")),
        (
            (*WEB, "environment", "URL"),
            "http://localhost:16004/a",
            line("url", "http://localhost:8080/a", "http://localhost:16004/a"),
        ),
        ((*WEB, "environment", "URL"), "http://localhost:16004/a", line("url", "8080", "16004")),
        (
            ("volumes", "data", "name"),
            "ac-1_shop-data",
            line("volume", "shop-data", "ac-1_shop-data", ""),
        ),
        ((*WEB, "build", "tags", 0), "b", line("image", "shop/web:new", "b")),
    ],
)
def test_a_difference_is_fine_when_the_plan_lists_it(
    path: tuple[str | int, ...], value: str, change: Mapping[str, str]
) -> None:
    after = changed(STACK, *path, value=value)
    assert not list(compare.unexplained(STACK, after, [change]))
    assert list(compare.unexplained(STACK, after, []))
    assert list(compare.unexplained(STACK, after, [{**change, "to": "something else"}]))


def test_a_line_about_another_service_explains_nothing() -> None:
    after = changed(STACK, *WEB, "image", value="other")
    change = line("image", "shop/web:1", "other", "db")
    assert list(compare.unexplained(STACK, after, [change]))


@pytest.mark.parametrize(
    ("path", "value", "before"),
    [
        ((*WEB, "command", 2), "16004", "80"),
        ((*WEB, "healthcheck", "test", 1), "false", "true"),
        ((*WEB, "healthcheck"), None, "x"),
    ],
)
def test_commands_and_healthchecks_stay_whatever_the_plan_says(
    path: tuple[str | int, ...], value: str, before: str
) -> None:
    after = changed(STACK, *path, value=value)
    assert list(compare.unexplained(STACK, after, [line("url", before, str(value))]))


@pytest.mark.parametrize(
    ("aliases", "fine"), [(["shop"], True), (["other"], False), (["shop", "other"], False)]
)
def test_the_only_new_alias_is_the_old_container_name(aliases: list[str], *, fine: bool) -> None:
    after = changed(STACK, *WEB, "networks", "back", "aliases", value=aliases)
    assert (not list(compare.unexplained(STACK, after, []))) is fine


def test_a_renamed_container_keeps_its_name_as_an_alias() -> None:
    renamed = changed(STACK, *WEB, "container_name", value="ac-1-shop")
    assert list(compare.missing_aliases(STACK, renamed))
    named = changed(renamed, *WEB, "networks", "back", "aliases", value=["shop"])
    assert not list(compare.missing_aliases(STACK, named))
    assert not list(compare.missing_aliases(STACK, STACK))


MOVED = [
    line("subnet", "172.20.0.0/24", "10.213.3.0/24", ""),
    line("address", "172.20.0.5", "10.213.3.5"),
    line("address", "172.20.0.5", "10.213.3.6"),
]


@pytest.mark.parametrize(
    ("subnet", "gateway", "address", "fine"),
    [
        ("10.213.3.0/24", "10.213.3.1", "10.213.3.5", True),
        ("10.213.3.0/24", "10.213.3.2", "10.213.3.5", False),
        ("10.213.3.0/24", "172.20.0.1", "10.213.3.5", False),
        ("10.213.3.0/24", "10.213.3.1", "10.213.3.6", False),
        ("10.213.3.0/24", "10.213.3.1", "172.20.0.5", False),
        ("10.213.3.0/25", "10.213.3.1", "10.213.3.5", False),
        ("10.213.4.0/24", "10.213.4.1", "10.213.4.5", False),
    ],
)
def test_addresses_keep_their_place_in_a_subnet_of_the_same_size(
    subnet: str, gateway: str, address: str, *, fine: bool
) -> None:
    after = changed(STACK, *POOL, value={"subnet": subnet, "gateway": gateway})
    after = changed(after, *WEB, "networks", "back", "ipv4_address", value=address)
    found = [*compare.unexplained(STACK, after, MOVED), *addresses.misplaced(after)]
    assert (not found) is fine


def test_an_empty_mapping_and_nothing_are_one() -> None:
    assert not list(compare.differences({"a": None}, {"a": {}}))
    assert list(compare.differences({"a": ""}, {"a": "x"}))
    assert list(compare.differences({"a": 0}, {"a": None}))


@pytest.mark.parametrize(
    ("path", "value", "fine"),
    [
        ((*WEB, "ports", 0, "published"), "16004", True),
        ((*WEB, "environment", "URL"), "http://localhost:16004/a", True),
        ((*WEB, "environment", "URL"), "http://web:16004/a", False),
        ((*WEB, "environment", "MODE"), "16004", False),
        ((*WEB, "ports", 0, "target"), 16004, False),
        ((*WEB, "command", 2), "16004", False),
        ((*WEB, "image"), "shop/web:16004", False),
    ],
)
def test_a_variable_moves_host_ports_and_their_urls_alone(
    path: tuple[str | int, ...], value: object, *, fine: bool
) -> None:
    after = changed(STACK, *path, value=value)
    found = list(compare.moved_by_variables(STACK, after, {"WEB_PORT": "16004"}))
    assert (not found) is fine


def test_a_line_of_the_plan_that_did_not_happen() -> None:
    assert list(compare.undone(STACK, [line("volume", "shop-data", "ac-1_shop-data")]))
    assert not list(compare.undone(STACK, [line("volume", "x", "shop-data")]))
    assert not list(compare.undone(STACK, [line("variable", "x", "nowhere")]))


def test_a_service_on_the_hosts_network_has_to_be_named() -> None:
    result = web(network_mode="host")
    assert list(compare.unnamed_hosts(result, ["service webapp uses the host's network"]))
    assert not list(compare.unnamed_hosts(result, ["service web uses the host's network"]))


# Stand-ins


def test_a_stand_in_answers_on_every_target_and_expects_every_host_port() -> None:
    made = stand_in(web(port(80, "16004"), port(53, "16005", "udp", "127.0.0.1"), port(81)))
    assert [(each.host, each.number, each.protocol) for each in made.expected] == [
        ("127.0.0.1", 16004, "tcp"),
        ("127.0.0.1", 16005, "udp"),
    ]
    assert {each.words for each in made.expected} == {"ac-1 web"}
    for listening in ("tcp:80", "tcp:81", "udp:53"):
        assert listening in made.document
    assert '"ac-1 web", "80", "81"]' in stand_in(web(port(80, "16004"), port(81))).document


def test_a_stand_in_needs_neither_image_nor_host() -> None:
    result = web(build={}, command=None, user="x", env_file=[], depends_on={}, labels={"a": "b"})
    result["services"]["web"]["volumes"] = [
        {"type": "bind", "source": "/etc", "target": "/etc"},
        {"type": "volume", "source": "data", "target": "/data"},
    ]
    document = stand_in({**result, "volumes": {"data": {"name": "x"}}}).document
    for field in ("build", "command", "user", "env_file", "depends_on"):
        assert f"    {field}: !reset null" in document
    assert "labels" not in document
    assert "/etc" not in document
    assert '"source": "data"' in document


@pytest.mark.parametrize(
    "service",
    [
        {"network_mode": "host"},
        {"network_mode": "container:db"},
        {"ports": [port(80, "16004", host_ip="192.0.2.1")]},
        {"ports": [port(80, "16004", "sctp")]},
    ],
)
def test_what_cannot_run_here_is_left_out(service: Json) -> None:
    beside = {"ports": [port(80, "16005")]}
    made = stand_in({"name": "ac-1", "services": {"web": service, "api": beside}})
    assert list(made.left_out) == ["web"]
    assert '  "web": !reset null' in made.document
    assert [each.number for each in made.expected] == [16005]


def test_of_two_services_with_one_container_name_only_the_first_can_run() -> None:
    both = {"one": {"container_name": "shop"}, "two": {"container_name": "shop"}}
    assert list(stand_in({"services": both}).left_out) == ["two"]


def test_udp_is_left_out_where_no_image_speaks_it() -> None:
    made = stand_in(web(port(53, "16004", "udp")), spoken=("tcp",))
    assert list(made.left_out) == ["web"]


def test_a_service_in_the_network_of_one_that_is_left_out_is_left_out_too() -> None:
    services = {"web": {"network_mode": "host"}, "log": {"network_mode": "service:web"}}
    assert list(stand_in({"services": services}).left_out) == ["web", "log"]


def test_externals() -> None:
    result = {
        "networks": {"out": {"name": "proxy", "external": True}, "in": {"name": "x"}},
        "volumes": {"data": {"name": "old", "external": True}},
    }
    assert list(externals(result)) == [("network", "proxy"), ("volume", "old")]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("shop", "docker.io/library/shop:latest"),
        ("docker.io/shop:1", "docker.io/library/shop:1"),
        ("index.docker.io/a/shop", "docker.io/a/shop:latest"),
        ("a/shop@sha256:0", "docker.io/a/shop:latest@sha256:0"),
        ("localhost/shop", "localhost/shop:latest"),
        ("reg:5000/shop", "reg:5000/shop:latest"),
    ],
)
def test_an_image_has_one_normal_name(image: str, name: str) -> None:
    assert facts.normal_name(image) == name


def test_a_place_that_names_a_built_image_as_before_is_noticed() -> None:
    raw = {"name": "ac-1", "services": {"app": {"image": "shop", "build": {"context": "."}}}}
    built = facts.built_images(raw)
    assert built == ["shop"]
    build = {"cache_from": ["docker.io/library/shop"], "additional_contexts": {"b": "./x"}}
    merged: Json = {
        "services": {"app": {"image": "shop:latest-ac-1"}, "job": {"image": "shop:latest"}}
    }
    assert len(list(facts.stale_images(merged, built))) == 1
    merged = {"services": {"app": {"image": "shop:latest-ac-1", "build": build}}}
    assert len(list(facts.stale_images(merged, built))) == 1


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"environment": {"PORT": "3000"}}, "environment.PORT"),
        ({"labels": {"href": "http://localhost:3000"}}, "labels.href"),
        ({"build": {"args": {"PORT": "3000"}}}, "build.args.PORT"),
        ({"command": ["--port", "3000"]}, "command.1"),
    ],
)
def test_a_moved_port_s_number_has_to_be_listed_as_left(spec: Json, where: str) -> None:
    merged = {"services": {"web": spec}}
    plan: Json = {"changes": [line("port", "3000", "10004")], "left": []}
    assert len(list(left.untold(plan, merged))) == 1
    plan["left"] = [{"kind": "value", "service": "web", "where": where}]
    assert list(left.untold(plan, merged)) == []
    plan = {"changes": [line("port", "3000", "3000")]}
    assert list(left.untold(plan, merged)) == []


def test_a_variable_that_keeps_its_value_is_known_by_its_kind() -> None:
    kept = [{"kind": "variable", "where": "API_PORT"}, {"kind": "value", "where": "X"}]
    assert left.kept_variables({"left": kept}) == {"API_PORT"}


@pytest.mark.parametrize("field", ["network_mode", "ipc", "pid", "uts"])
def test_a_namespace_of_the_host_has_to_be_named(field: str) -> None:
    result = web(**{field: "host"})
    assert list(compare.unnamed_hosts(result, []))
    assert not list(compare.unnamed_hosts(web(**{field: "service:db"}), []))


@pytest.mark.parametrize(
    ("address", "is_stale"),
    [
        ("localhost:8080", True),
        ("http://host.docker.internal:8080/loki", True),
        ("localhost:80800", False),
        ("logs.example:8080", False),
        ("localhost:9000", False),
    ],
)
def test_logs_have_to_follow_a_port(address: str, *, is_stale: bool) -> None:
    logging = {"driver": "x", "options": {"x-address": address}}
    before, after = (web(port(80, number), logging=logging) for number in ("8080", "10004"))
    assert bool(list(compare.stale_logs(before, after))) is is_stale
