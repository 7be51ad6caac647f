"""Host-facing URLs in variables of containers and builds."""

import pytest

from composeports.core.masking import masked
from composeports.core.settings import Settings
from tests.support.planning import plan_of


def ports(*pairs: str) -> list[dict[str, object]]:
    return [
        {"published": pair.split(":")[0], "target": int(pair.split(":")[1]), "protocol": "tcp"}
        for pair in pairs
    ]


# The web service publishes 3000 (as 10005) and 80 (as 10004); kafka 9092 as 10006.
def config(**environment: str) -> dict[str, object]:
    return {
        "services": {
            "web": {"ports": ports("3000:3000", "80:80"), "environment": environment},
            "zk": {"ports": ports("9092:9092")},
        }
    }


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("URL", "http://localhost:3000", "http://localhost:10005"),
        ("DSN", "host=172.17.0.1 port=3000", "host=172.17.0.1 port=10005"),
        ("DSN", "host=localhost port=3000", None),
        ("DSN", "host=web port=3000", None),
        ("URL", "https://localhost:3000/x?y=1", "https://localhost:10005/x?y=1"),
        ("URL", "ws://127.0.0.1:3000", "ws://127.0.0.1:10005"),
        ("URL", "WSS://LOCALHOST:3000", "WSS://LOCALHOST:10005"),
        ("URL", "http://[::1]:3000/", "http://[::1]:10005/"),
        ("URL", "http://u:p@localhost:3000", "http://u:p@localhost:10005"),
        ("URL", "http://localhost", "http://localhost:10004"),
        ("URL", "http://localhost/path", "http://localhost:10004/path"),
        ("URL", "https://localhost", None),
        ("URL", "http://localhost:80", "http://localhost:10004"),
        ("URL", "http://0.0.0.0:9092", "http://0.0.0.0:10006"),
        ("URL", "http://0.0.0.0:3000", None),
        ("URL", "a http://localhost:3000,http://localhost:9092 b",
         "a http://localhost:10005,http://localhost:10006 b"),
        ("URL", '["http://localhost:3000"]', '["http://localhost:10005"]'),
        ("URL", "http://localhost:30000", None),
        ("URL", "http://localhost:4000", None),
        ("URL", "http://localhost.example.com:3000", None),
        ("URL", "http://mylocalhost:3000", None),
        ("URL", "http://shop.localhost:3000/x", "http://shop.localhost:10005/x"),
        ("URL", "http://a.b.localhost", "http://a.b.localhost:10004"),
        ("URL", "http://lvh.me:3000,http://a.localtest.me:9092",
         "http://lvh.me:10005,http://a.localtest.me:10006"),
        ("URL", "http://notlvh.me:3000", None),
        ("URL", "shop.localhost:3000", None),
        ("URL", "http://.localhost:3000", None),
        ("ALLOWED_HOSTS", "*.localhost:3000,shop.localhost:9092",
         "*.localhost:10005,shop.localhost:10006"),
        ("LOCALSTACK_HOST", "localhost.localstack.cloud:9092", "localhost.localstack.cloud:10006"),
        ("URL", "http://web:3000", None),
        ("URL", "http://example.com:3000", None),
        ("URL", "localhost:3000", None),
        ("URL", "postgres://localhost:3000", None),
        ("URL", "3000", None),
        ("URL", "http://host.docker.internal:3000", "http://host.docker.internal:10005"),
        ("URL", "redis://host.docker.internal:9092", "redis://host.docker.internal:10006"),
        ("URL", "host.docker.internal:9092", "host.docker.internal:10006"),
        ("REDIS_ANNOUNCE_ADDR", "127.0.0.1:9092", "127.0.0.1:10006"),
        ("URL", "http://172.17.0.1:3000/x", "http://172.17.0.1:10005/x"),
        ("URL", "redis://host.containers.internal:9092", "redis://host.containers.internal:10006"),
        ("URL", "http://docker.for.mac.host.internal:3000", "http://docker.for.mac.host.internal:10005"),
        ("URL", "http://172.17.0.10:3000", None),
        ("LISTEN_URL", "http://localhost:3000", None),
        ("BIND", "http://localhost:3000", None),
        ("ASPNETCORE_URLS", "http://localhost:3000", None),
        ("KAFKA_LISTENERS", "EXT://0.0.0.0:9092", None),
        ("KAFKA_ADVERTISED_LISTENERS", "INT://zk:29092,EXT://localhost:9092",
         "INT://zk:29092,EXT://localhost:10006"),
        ("KAFKA_ADVERTISED_LISTENERS", "EXT://0.0.0.0:9092", None),
        ("ADVERTISED_ADDR", "127.0.0.1:9092", "127.0.0.1:10006"),
        ("PRICE", "$$http://localhost:3000", "$$http://localhost:10005"),
    ],
)  # fmt: skip
def test_a_value(name: str, text: str, after: str | None) -> None:
    made = plan_of(config(**{name: text}))
    want = {name: after} if after else None
    assert made.override("services", "web", "environment") == want
    assert made.changes("url") == (
        [("web", f"environment.{name}", masked(text), masked(after))] if after else []
    )


def test_build_arguments_too() -> None:
    web = {"ports": ports("3000:3000"), "build": {"args": {"API": "http://localhost:3000"}}}
    made = plan_of({"services": {"web": web}})
    assert made.override("services", "web", "build") == {"args": {"API": "http://localhost:10004"}}


def test_health_checks_and_commands_stay() -> None:
    web = {
        "ports": ports("3000:3000"),
        "command": ["--url", "http://localhost:3000"],
        "healthcheck": {"test": ["CMD", "curl", "http://localhost:3000"]},
    }
    made = plan_of({"services": {"web": web}}).override("services", "web")
    assert isinstance(made, dict)
    assert set(made) == {"ports"}


@pytest.mark.parametrize("keep", ["URL", "web.URL", "http://localhost:3000"])
def test_what_is_to_be_kept_stays(keep: str) -> None:
    made = plan_of(config(URL="http://localhost:3000"), settings=Settings(keep_urls=(keep,)))
    assert made.changes("url") == []


@pytest.mark.parametrize("keep", ["zk.URL", "URLS", "http://localhost:300"])
def test_what_only_looks_alike_is_not_kept(keep: str) -> None:
    made = plan_of(config(URL="http://localhost:3000"), settings=Settings(keep_urls=(keep,)))
    assert len(made.changes("url")) == 1


def test_one_number_of_two_services_means_the_own_one_first_then_that_which_runs_too() -> None:
    url = {"URL": "http://localhost:80"}
    services = {
        "a": {"ports": ports("80:80"), "profiles": ["one"]},
        "b": {"ports": ports("80:80"), "profiles": ["two"], "environment": url},
        "c": {"profiles": ["two"], "environment": url},
        "d": {"profiles": ["one"], "environment": url},
    }
    made = plan_of({"services": services})
    assert {service: after for service, _, _, after in made.changes("url")} == {
        "b": "http://localhost:10005",
        "c": "http://localhost:10005",
        "d": "http://localhost:10004",
    }


def test_the_file_s_own_ports_leave_its_urls_alone() -> None:
    pins = {"web:3000/tcp": 3000, "web:80/tcp": 80, "zk:9092/tcp": 9092}
    made = plan_of(config(URL="http://localhost:3000"), pins=pins)
    assert made.plan.override == {}
    assert made.changes("url", "port") == []


# The same file on the engine of the host "box", or of fd00::1.
@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("URL", "http://localhost:3000", "http://box:10005"),
        ("URL", "https://127.0.0.1:3000/x", "https://box:10005/x"),
        ("URL", "http://[::1]:3000", "http://box:10005"),
        ("URL", "ws://u:p@0.0.0.0:9092", "ws://u:p@box:10006"),
        ("URL", "http://localhost", "http://box:10004"),
        ("URL", "http://localhost:3000,http://localhost:9092",
         "http://box:10005,http://box:10006"),
        ("URL", "http://host.docker.internal:3000", "http://host.docker.internal:10005"),
        ("URL", "http://HOST.docker.internal:3000", "http://HOST.docker.internal:10005"),
        ("URL", "http://localhost:4000", None),
        ("URL", "http://0.0.0.0:3000", None),
        ("URL", "localhost:3000", None),
        ("URL", "postgres://localhost:3000", None),
        ("LISTEN_URL", "http://localhost:3000", None),
        ("KAFKA_ADVERTISED_LISTENERS", "INT://zk:29092,EXT://localhost:9092",
         "INT://zk:29092,EXT://box:10006"),
        ("KAFKA_ADVERTISED_LISTENERS", "EXT://0.0.0.0:9092", None),
        ("DOMAIN", "localhost", None),
    ],
)  # fmt: skip
def test_a_value_leads_to_the_remote_engines_host(name: str, text: str, after: str | None) -> None:
    made = plan_of(config(**{name: text}), host="box")
    want = {name: after} if after else None
    assert made.override("services", "web", "environment") == want
    assert made.changes("url") == (
        [("web", f"environment.{name}", masked(text), masked(after))] if after else []
    )


def test_an_ipv6_host_gets_brackets() -> None:
    made = plan_of(config(URL="http://localhost:3000"), host="fd00::1")
    assert made.override("services", "web", "environment", "URL") == "http://[fd00::1]:10005"


def test_the_host_of_a_port_that_keeps_its_number_changes_too() -> None:
    pins = {"web:3000/tcp": 3000, "web:80/tcp": 80, "zk:9092/tcp": 9092}
    made = plan_of(config(A="http://localhost:3000", B="http://localhost/x"), pins=pins, host="box")
    assert made.override("services", "web", "environment") == {
        "A": "http://box:3000",
        "B": "http://box/x",
    }


def test_what_is_to_be_kept_keeps_its_host() -> None:
    made = plan_of(
        config(URL="http://localhost:3000"), settings=Settings(keep_urls=("URL",)), host="box"
    )
    assert made.changes("url") == []


def test_no_change_shows_a_password_which_the_stack_keeps() -> None:
    url = "postgres://me:secret@host.docker.internal:5432/x"
    web = {"environment": {"URL": url}}
    database = {"ports": [{"target": 5432, "published": "5432", "protocol": "tcp"}]}
    made = plan_of({"services": {"db": database, "web": web}})
    (change,) = [each for each in made.plan.changes if each.kind == "url"]
    assert change.before == "postgres://me:***@host.docker.internal:5432/x"
    assert change.after == "postgres://me:***@host.docker.internal:10004/x"
    assert "secret" not in str(made.plan.as_dict()["changes"])
    assert made.override("services", "web", "environment", "URL") == (
        "postgres://me:secret@host.docker.internal:10004/x"
    )


@pytest.mark.parametrize(
    ("entry", "text", "after"),
    [
        ("outer=host-gateway", "redis://outer:9092/0", "redis://outer:10006/0"),
        ("Outer:172.17.0.1", "http://outer:3000,outer:9092", "http://outer:10005,outer:10006"),
        ("shop.test=host-gateway", "http://shop.test", "http://shop.test:10004"),
        ("outer=10.0.0.9", "redis://outer:9092", None),
        ("outer=host-gateway", "redis://outer2:9092", None),
        ("outer", "redis://outer:9092", None),
        ("=host-gateway", "redis://:9092", None),
        ("host.docker.internal=10.0.0.9", "redis://host.docker.internal:9092", None),
        (
            "host.docker.internal=host-gateway",
            "redis://host.docker.internal:9092",
            "redis://host.docker.internal:10006",
        ),
    ],
)
def test_a_name_that_extra_hosts_gives_the_engine_s_machine(
    entry: str, text: str, after: str | None
) -> None:
    document = config(URL=text)
    document["services"]["web"]["extra_hosts"] = [entry]  # type: ignore[index]
    made = plan_of(document)
    want = {"URL": after} if after else None
    assert made.override("services", "web", "environment") == want


def test_a_name_below_localhost_that_leads_to_a_container_stays() -> None:
    environment = {
        "API": "http://api.localhost:3000",
        "IDP": "http://idp.localhost:3000",
        "OTHER": "http://other.localhost:3000",
    }
    hosts = ["idp.localhost=10.0.0.9"]
    services = {
        "web": {"environment": environment, "extra_hosts": hosts, "ports": ports("3000:3000")},
        "api": {"networks": {"default": {"aliases": ["API.localhost"]}}},
    }
    made = plan_of({"services": services})
    assert made.override("services", "web", "environment") == {
        "OTHER": "http://other.localhost:10004"
    }


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("postgres://u:p@host.docker.internal/x", "postgres://u:p@host.docker.internal:10004/x"),
        ("jdbc:postgresql://172.17.0.1/x", "jdbc:postgresql://172.17.0.1:10004/x"),
        ("redis://host.docker.internal", None),
        ("postgres://localhost/x", None),
    ],
)
def test_a_database_s_url_without_a_port_has_its_default(text: str, after: str | None) -> None:
    services = {
        "app": {"environment": {"DATABASE": text}},
        "db": {"ports": [{"published": "5432", "target": 5432}]},
    }
    made = plan_of({"services": services})
    assert made.override("services", "app", "environment") == (
        {"DATABASE": after} if after else None
    )
