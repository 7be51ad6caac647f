"""Published ports in every form, and the variables that move them."""

from collections.abc import Mapping

import pytest

from tests.support.planning import plan_of


def port(published: str, target: int, protocol: str = "tcp", **more: str) -> dict[str, object]:
    return {"mode": "ingress", "target": target, "published": published, "protocol": protocol,
            **more}  # fmt: skip


def moved(entry: dict[str, object], number: int) -> dict[str, object]:
    return {**entry, "published": str(number)}


@pytest.mark.parametrize(
    ("entries", "numbers"),
    [
        pytest.param([port("8080", 80)], [10004], id="literal"),
        pytest.param([port("8080", 80, host_ip="127.0.0.1")], [10004], id="host address"),
        pytest.param(
            [port("8080", 80, name="web", app_protocol="http")], [10004], id="name and protocol"
        ),
        pytest.param([port("53", 53), port("53", 53, "udp")], [10004, 10004], id="tcp and udp"),
        pytest.param(
            [port("8001", 81), port("8000", 80), port("8002", 82)],
            [10005, 10004, 10006],
            id="a range, in the order of its targets",
        ),
        pytest.param([port("8000-8010", 80)], [10004], id="a range for one target"),
        pytest.param([port("80", 80), port("81", 80)], [10004, 10005], id="one target twice"),
        pytest.param(
            [port("80", 80, host_ip="127.0.0.1"), port("80", 80, host_ip="::1")],
            [10004, 10004],
            id="one number on two addresses",
        ),
    ],
)
def test_published_ports(entries: list[dict[str, object]], numbers: list[int]) -> None:
    made = plan_of({"services": {"web": {"ports": entries}}})
    assert made.override("services", "web", "ports") == [
        moved(entry, number) for entry, number in zip(entries, numbers, strict=True)
    ]


def test_an_entry_without_a_host_port_stays_as_it_is() -> None:
    free = {"mode": "ingress", "target": 9000, "protocol": "tcp"}
    made = plan_of({"services": {"web": {"ports": [port("80", 80), free]}}})
    assert made.override("services", "web", "ports") == [moved(port("80", 80), 10004), free]
    assert plan_of({"services": {"web": {"ports": [free]}}}).plan.override == {}


def test_the_same_number_in_two_services_becomes_two() -> None:
    services = {name: {"ports": [port("80", 80)], "profiles": [name]} for name in ("a", "b")}
    made = plan_of({"services": services})
    assert made.plan.ports == {"a:80/tcp": 10004, "b:80/tcp": 10005}


def test_the_host_s_network_publishes_nothing() -> None:
    made = plan_of({"services": {"a": {"network_mode": "host", "ports": [port("80", 80)]}}})
    assert made.plan.ports == {}
    assert made.plan.override == {}


def test_a_remembered_offset_beats_the_order() -> None:
    services = {name: {"ports": [port("80", 80)]} for name in ("a", "b")}
    made = plan_of({"services": services}, offsets={"b:80/tcp": 4})
    assert made.plan.ports == {"a:80/tcp": 10005, "b:80/tcp": 10004}


def test_a_pinned_port_has_its_number() -> None:
    web = {"ports": [port("8080", 80), port("9090", 90), {"target": 70}]}
    made = plan_of({"services": {"web": web}}, pins={"web:80/tcp": 3000, "web:70/tcp": 7000})
    assert made.plan.ports == {"web:80/tcp": 3000, "web:90/tcp": 10004, "web:70/tcp": 7000}
    assert ("web", "web:80/tcp", "8080", "3000") in made.changes("port")
    whys = {change.where: change.why for change in made.plan.changes}
    assert whys["web:80/tcp"] == "pinned to this number"


# Variables


def with_variable(spec: Mapping[str, object], number: str) -> dict[str, object]:
    """Replace ${PORT} in the file by a number."""

    def fill(node: object) -> object:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return [fill(value) for value in node]
        if node == "int:${PORT}":
            return int(number)
        return node.replace("${PORT}", number) if isinstance(node, str) else node

    filled = fill({"services": spec})
    assert isinstance(filled, dict)
    return filled


@pytest.mark.parametrize(
    ("spec", "is_set", "why"),
    [
        pytest.param(
            {"web": {"ports": [port("${PORT}", 80)]}}, True, "PORT sets it", id="published only"
        ),
        pytest.param(
            {"web": {"ports": [port("${PORT}", 80)],
                     "environment": {"URL": "http://localhost:${PORT}"}}},
            True, "PORT sets it", id="published, and the URL to it",
        ),
        pytest.param(
            {"web": {"ports": [{"published": "${PORT}", "target": "int:${PORT}"}]}},
            False, "PORT also moves other things, so only the host port is changed",
            id="the container port too",
        ),
        pytest.param(
            {"db": {"ports": [port("${PORT}", 80)]},
             "web": {"environment": {"DB": "postgres://db:${PORT}"}}},
            False, "PORT also moves other things, so only the host port is changed",
            id="an internal URL too",
        ),
        pytest.param(
            {"web": {"ports": [port("${PORT}", 80)], "command": ["--port", "${PORT}"]}},
            False, "PORT also moves other things, so only the host port is changed",
            id="a command too",
        ),
        pytest.param(
            {"web": {"ports": [port("${PORT}", 80)],
                     "environment": {"URL": "http://localhost:${PORT} http://web:${PORT}"}}},
            False, "PORT also moves other things, so only the host port is changed",
            id="one value with both kinds of URL",
        ),
    ],
)  # fmt: skip
def test_a_variable_is_set_where_it_moves_published_ports_only(
    spec: dict[str, object], is_set: bool, why: str
) -> None:
    made = plan_of(
        with_variable(spec, "8080"),
        marked=with_variable(spec, "65000"),
        marks={"PORT": "65000"},
        values={"PORT": "8080"},
    )
    assert dict(made.plan.environment).get("PORT") == ("10004" if is_set else None)
    assert made.changes("variable") == ([("", "PORT", "8080", "10004")] if is_set else [])
    assert [change.why for change in made.plan.changes if change.kind == "port"] == [why]


def test_a_contract_variable_that_moves_more_keeps_its_value_inside() -> None:
    spec = {"api": {"ports": [{"published": "${PORT}", "target": "int:${PORT}"}]}}
    made = plan_of(
        with_variable(spec, "8081"),
        marked=with_variable(spec, "65000"),
        marks={"API_PORT": "65000"},
        values={"API_PORT": "8081"},
    )
    assert made.override("services", "api", "ports") == [
        {"target": 8081, "published": "10003", "protocol": "tcp"}
    ]
    assert made.changes("variable") == []
    assert made.left[0] == ("", "API_PORT", "8081")
    assert dict(made.plan.environment)["API_PORT"] == "10003"
    whys = [change.why for change in made.plan.changes if change.kind == "port"]
    assert whys == ["API_PORT also moves other things, so only the host port is changed"]


def test_a_container_port_of_a_contract_variable_stays_without_a_host_port() -> None:
    spec = {"api": {"ports": [{"published": "9000", "target": "int:${PORT}"}]}}
    made = plan_of(
        with_variable(spec, "8081"),
        marked=with_variable(spec, "65000"),
        marks={"API_PORT": "65000"},
        pins={"api:8081/tcp": 9000},
    )
    assert made.override("services", "api", "ports") == [
        {"target": 8081, "published": "9000", "protocol": "tcp"}
    ]


def test_a_contract_variable_that_the_file_demands_is_set_whatever_it_moves() -> None:
    spec = {"api": {"ports": [{"published": "${PORT}", "target": "int:${PORT}"}]}}
    made = plan_of(
        with_variable(spec, "8081"),
        marked=with_variable(spec, "65000"),
        marks={"API_PORT": "65000"},
        values={"API_PORT": "8081"},
        required=["API_PORT"],
    )
    assert made.override("services", "api", "ports") == [
        {"target": 10003, "published": "10003", "protocol": "tcp"}
    ]
    assert made.changes("variable") == [("", "API_PORT", "8081", "10003")]


def test_a_pinned_contract_variable_says_the_pinned_number() -> None:
    spec = {"rest": {"ports": [port("${PORT}", 3000)]}}
    made = plan_of(
        with_variable(spec, "3000"),
        marked=with_variable(spec, "65000"),
        marks={"AGENT_COORDINATOR_REST_PORT": "65000"},
        values={"AGENT_COORDINATOR_REST_PORT": "3000"},
        pins={"rest:3000/tcp": 3000},
    )
    environment = dict(made.plan.environment)
    assert environment["AGENT_COORDINATOR_REST_PORT"] == "3000"
    assert environment["SUPABASE_URL"] == "http://localhost:3000"
    assert list(environment)[:2] == ["AGENT_COORDINATOR_DB_PORT", "AGENT_COORDINATOR_REST_PORT"]
    assert made.plan.override == {}
    assert made.plan.urls == {"rest:3000/tcp": "http://localhost:3000"}


def test_another_pinned_contract_variable_leaves_the_rest_url_alone() -> None:
    spec = {"api": {"ports": [port("${PORT}", 8081)]}}
    made = plan_of(
        with_variable(spec, "8081"),
        marked=with_variable(spec, "65000"),
        marks={"API_PORT": "65000"},
        values={"API_PORT": "8081"},
        pins={"api:8081/tcp": 8081},
    )
    environment = dict(made.plan.environment)
    assert environment["API_PORT"] == "8081"
    assert environment["SUPABASE_URL"] == "http://localhost:10001"


def test_a_pin_inside_the_block_is_nobody_else_s_number() -> None:
    services = {"a": {"ports": [port("80", 80)]}, "b": {"ports": [port("81", 81)]}}
    made = plan_of({"services": services}, pins={"b:81/tcp": 10004}, offsets={"a:80/tcp": 4})
    assert made.plan.ports == {"a:80/tcp": 10005, "b:81/tcp": 10004}


def test_every_published_port_has_a_variable() -> None:
    services = {
        "dns.1": {"ports": [port("53", 53), port("53", 53, "udp")]},
        "web": {"ports": [port("80", 80)]},
    }
    made = plan_of({"services": services}, values={"PORT_WEB_80": "mine"})
    ports = {name: value for name, value in made.plan.variables if name.startswith("PORT_")}
    assert ports == {"PORT_DNS_1_53": "10004", "PORT_DNS_1_53_UDP": "10004"}


def test_every_container_has_a_variable() -> None:
    services = {"dns.1": {}, "db": {"container_name": "shop-db"}, "web": {}}
    made = plan_of({"services": services}, values={"CONTAINER_WEB": "mine"})
    assert dict(made.plan.variables) == {
        "CONTAINER_DNS_1": "ac-0123abcd-dns.1-1",
        "CONTAINER_DB": "ac-0123abcd-shop-db",
    }


def test_a_demanded_contract_variable_says_what_else_it_sets() -> None:
    spec = {"api": {"ports": [port("3000", 3000)], "environment": {"PORT": "${PORT}"}}}
    made = plan_of(
        with_variable(spec, "3000"),
        marked=with_variable(spec, "65000"),
        marks={"API_PORT": "65000"},
        values={"API_PORT": "3000"},
        required=["API_PORT"],
    )
    (why,) = [change.why for change in made.plan.changes if change.kind == "variable"]
    assert why == "the Compose file demands it; it also sets services.api.environment.PORT"


def test_a_variable_s_number_before_is_the_one_that_is_published() -> None:
    """Compose names any one of several defaults."""
    spec = {"web": {"ports": [port("${PORT}", 80)]}}
    made = plan_of(
        with_variable(spec, "443"),
        marked=with_variable(spec, "65000"),
        marks={"SSL_PORT": "65000"},
        values={"SSL_PORT": "-1"},
    )
    assert made.changes("variable") == [("", "SSL_PORT", "443", "10004")]


def test_the_project_s_name_is_told_once() -> None:
    made = plan_of({"services": {}}, values={"COMPOSE_PROJECT_NAME": "shop", "SUPABASE_URL": "x"})
    assert made.changes("project") == [("", "project name", "", "ac-0123abcd")]
    assert made.changes("variable") == [("", "SUPABASE_URL", "x", "http://localhost:10001")]


def test_a_variable_that_programs_obey_is_left_alone() -> None:
    """No marker is put into it; its value says that it gives the number."""
    spec = {"web": {"ports": [port("8080", 80), port("8081", 81)]}}
    made = plan_of({"services": spec}, values={"DOCKER_CONFIG": "8080", "NOTHING": "x"})
    assert made.plan.ports == {"web:80/tcp": 10004, "web:81/tcp": 10005}
    assert "DOCKER_CONFIG" not in dict(made.plan.environment)
    assert made.changes("variable") == []
    assert [change.why for change in made.plan.changes if change.kind == "port"] == [
        "DOCKER_CONFIG is a name that programs obey, so only the host port is changed",
        "host port 8081 is written in the Compose file",
    ]


def test_another_variable_with_the_same_value_is_told_instead() -> None:
    made = plan_of(
        with_variable({"web": {"ports": [port("${PORT}", 80)]}}, "8080"),
        marked=with_variable({"web": {"ports": [port("${PORT}", 80)]}}, "65000"),
        marks={"WEB_PORT": "65000"},
        values={"WEB_PORT": "8080", "NODE_PORT": "8080"},
    )
    assert [change.why for change in made.plan.changes if change.kind == "port"] == [
        "WEB_PORT sets it"
    ]


def test_what_an_earlier_version_remembered_of_such_a_variable_is_told_as_that() -> None:
    spec = {"web": {"ports": [port("${PORT}", 80)]}}
    made = plan_of(
        with_variable(spec, "8080"),
        marked=with_variable(spec, "65000"),
        marks={"NODE_PORT": "65000"},
        values={"NODE_PORT": "8080"},
    )
    assert "NODE_PORT" not in dict(made.plan.environment)
    assert [change.why for change in made.plan.changes if change.kind == "port"] == [
        "NODE_PORT is a name that programs obey, so only the host port is changed"
    ]
