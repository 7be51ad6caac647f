"""Labels and variables for a reverse proxy that are the same in every session."""

import pytest

from composeports.core.settings import Settings
from tests.support.planning import PROJECT, plan_of

EDGE = {"edge": {"name": "edge", "external": True}}
SHARED = Settings(shared=("network:edge",))
RULE = "traefik.http.routers.shop.rule"
CONSTRAINT = "--providers.docker.constraints=Label(`com.docker.compose.project`)=="
SOCKET = {"type": "bind", "source": "/var/run/docker.sock", "target": "/s", "read_only": True}


def told(
    service: dict[str, object],
    settings: Settings = SHARED,
    others: dict[str, object] | None = None,
) -> list[str]:
    config = {"services": {"web": service, **(others or {})}, "networks": EDGE}
    return [text for text in plan_of(config, settings=settings).warnings if "reverse proxy" in text]


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({RULE: "Host(`a`)"}, "http.routers.shop, Host(`a`)"),
        ({RULE: f"Host(`{PROJECT}.a`)"}, "http.routers.shop"),
        ({f"traefik.http.routers.{PROJECT}.rule": "Host(`a`)"}, "Host(`a`)"),
        ({f"traefik.http.routers.{PROJECT}.rule": f"Host(`{PROJECT}`)"}, ""),
        ({"traefik.tcp.services.db.loadbalancer.server.port": "1"}, "tcp.services.db"),
        ({"traefik.http.middlewares.gz.compress": "true", "traefik.enable": "true"}, ""),
        ({"traefik.frontend.rule": "Host:a"}, "Host:a"),
        ({"traefik.admin.frontend.rule": "Host:a"}, "Host:a"),
        ({"caddy": "a.localhost"}, "caddy: a.localhost"),
        ({"caddy_1": "a.localhost", "caddy_1.reverse_proxy": "{{upstreams 80}}"}, "caddy_1: a"),
        ({"caddy": "(snippet)"}, ""),
        ({"caddy": f"{PROJECT}.localhost"}, ""),
        ({"org.example.caddy": "a"}, ""),
    ],
)
def test_labels(labels: dict[str, str], words: str) -> None:
    found = told({"labels": labels, "networks": {"edge": None}})
    assert len(found) == bool(words)
    assert all(f"for one: {words}" in text for text in found)


@pytest.mark.parametrize("name", ["VIRTUAL_HOST", "VIRTUAL_HOST_MULTIPORTS", "LETSENCRYPT_HOST"])
def test_variables(name: str) -> None:
    at = {"networks": {"edge": None}}
    (text,) = told({"environment": {name: "a.localhost"}, **at})
    assert f"{name}=a.localhost" in text
    assert f'"variable:{name}"' in text
    assert "${COMPOSE_PROJECT_NAME}" in text
    assert told({"environment": {name: f"{PROJECT}.localhost"}, **at}) == []


@pytest.mark.parametrize(
    ("where", "others", "seen"),
    [
        ({"networks": {"edge": None}}, {}, True),
        ({"networks": {"default": None}}, {}, False),
        ({"networks": {"default": None}}, {"proxy": {"volumes": [SOCKET]}}, True),
        ({}, {"proxy": {"volumes": [SOCKET], "command": [CONSTRAINT + PROJECT]}}, False),
        ({}, {"proxy": {"volumes": [SOCKET], "command": [CONSTRAINT]}}, True),
        ({}, {"proxy": {"volumes": [SOCKET], "environment": {"C": CONSTRAINT + PROJECT}}}, False),
        (
            {"networks": {"edge": None}},
            {"proxy": {"volumes": [SOCKET], "command": [CONSTRAINT + PROJECT]}},
            True,
        ),
        ({"network_mode": "host"}, {}, True),
        ({"network_mode": "lan"}, {}, True),
        ({"network_mode": "none"}, {}, False),
    ],
)
def test_they_matter_where_a_proxy_of_all_sessions_sees_them(
    where: dict[str, object], others: dict[str, object], *, seen: bool
) -> None:
    assert bool(told({"labels": {"caddy": "a"}, **where}, others=others)) == seen


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        (("label:traefik", "variable:VIRTUAL_HOST"), 0),
        (("label:traefik.http.routers.shop", "variable:VIRTUAL_HOST"), 0),
        (("label:traefik.http.routers.sho", "variable:VIRTUAL_HOST"), 1),
        (("label:traefik",), 1),
    ],
)
def test_the_settings_name_them(entries: tuple[str, ...], left: int) -> None:
    service: dict[str, object] = {
        "labels": {RULE: "Host(`a`)"},
        "environment": {"VIRTUAL_HOST": "a"},
        "networks": {"edge": None},
    }
    assert len(told(service, Settings(shared=("network:edge", *entries)))) == left


def test_the_way_out_has_few_entries() -> None:
    labels = {RULE: "Host(`a`)", "traefik.http.services.shop.x": "1", "caddy": "a"}
    (text,) = told({"labels": labels, "networks": {"edge": None}})
    assert 'shared = ["label:caddy", "label:traefik"]' in text


def test_a_variable_in_a_key_is_told_with_the_form_that_works() -> None:
    labels = {"traefik.http.routers.$${COMPOSE_PROJECT_NAME}.rule": f"Host(`{PROJECT}`)"}
    at = {"networks": {"edge": None}}
    (text,) = told({"labels": labels, **at})
    assert "in the list form of `labels`" in text
    (text,) = told({"labels": {RULE: f"Host(`{PROJECT}`)"}, **at})
    assert "list form" not in text
