"""Names, pairs and addresses in a variable, a config or a command."""

from collections.abc import Mapping

import pytest

from composeports.core.plan.host_facts import HostFacts
from composeports.core.settings import Settings
from tests.support.planning import Planned, plan_of

TAG = "ac-0123abcd"


def port(number: int, target: int = 0) -> dict[str, object]:
    return {"published": str(number), "target": target or number, "protocol": "tcp"}


def stack(app: Mapping[str, object], **top: object) -> Planned:
    """Plan a service app, which listens on 3000 (10004), beside a database on 5432 (10005)."""
    services = {
        "app": {"ports": [port(3000)], **app},
        "db": {
            "ports": [port(5432)],
            "container_name": "shop-db",
            "image": "shop/db",
            "build": {"context": "."},
        },
        "job": {"image": "worker", "container_name": "postgres", "build": {"context": "."}},
    }
    names = {
        "networks": {"net": {"name": "shop_net"}, "plain": {"name": "edge"}},
        "volumes": {"data": {"name": "shop_data"}},
    }
    return plan_of({"services": services, **names, **top})


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        # images
        ("RUN_IMAGE", "shop/db", f"shop/db:latest-{TAG}"),
        ("RUN_IMAGE", "docker.io/shop/db:latest", f"shop/db:latest-{TAG}"),
        ("IMAGES", "shop/db,nginx worker", f"shop/db:latest-{TAG},nginx worker:latest-{TAG}"),
        ("RUNS", "shop/db:latest", f"shop/db:latest-{TAG}"),
        ("RUN_IMG", "worker", f"worker:latest-{TAG}"),
        ("RUNS", "worker", None),
        ("SERVICE_NAME", "shop/db", None),
        # networks and volumes
        ("RUN_NETWORK", "shop_net", f"{TAG}_shop_net"),
        ("TRAEFIK_NET", "edge", f"{TAG}_edge"),
        ("RUN_ON", "shop_net", f"{TAG}_shop_net"),
        ("RUN_ON", "edge", None),
        ("BACKUP_VOLUME", "shop_data", f"{TAG}_shop_data"),
        ("POSTGRES_DB", "shop_data", None),
        ("RUN_IMAGE", "shop_net", None),
        # containers
        ("DB_CONTAINER", "shop-db", f"{TAG}-shop-db"),
        ("WATCH", "shop-db", f"{TAG}-shop-db"),
        ("DB_HOST", "shop-db", None),
        ("POSTGRES_USER", "postgres", None),
        ("POSTGRES_CONTAINER", "postgres", f"{TAG}-postgres"),
        ("DB_CONTAINER", "", None),
    ],
)
def test_a_name(name: str, text: str, after: str | None) -> None:
    made = stack({"environment": {name: text}})
    assert made.override("services", "app", "environment") == ({name: after} if after else None)
    kinds = ("image", "network", "volume", "container_name")
    changes = [change for change in made.changes(*kinds) if change[0] == "app"]
    assert changes == ([("app", f"environment.{name}", text, after)] if after else [])


def test_a_name_that_stays_is_told_where_it_may_be_the_thing() -> None:
    made = stack({"environment": {"POSTGRES_DB": "shop_data", "POSTGRES_USER": "postgres"}})
    assert made.left == [("app", "environment.POSTGRES_DB", "shop_data")]
    assert "volume of that name" in made.plan.left[0].why


def test_a_build_argument_may_be_any_image() -> None:
    build = {"args": {"UPSTREAM": "worker", "APP_NAME": "worker", "N": "1"}}
    made = stack({"build": build})
    assert made.override("services", "app", "build", "args") == {"UPSTREAM": f"worker:latest-{TAG}"}


@pytest.mark.parametrize(
    ("values", "after"),
    [
        ({"DB_HOST": "host.docker.internal", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"HOST": "host.docker.internal", "PORT": "5432"}, {"PORT": "10005"}),
        ({"PGHOST": "host.docker.internal", "PGPORT": "5432"}, {"PGPORT": "10005"}),
        ({"db_host": "host.docker.internal", "db_port": "5432"}, {"db_port": "10005"}),
        (
            {"DB_HOST": "host.docker.internal", "DB_PORT_NUMBER": "5432"},
            {"DB_PORT_NUMBER": "10005"},
        ),
        ({"DB_HOST": "host.docker.internal", "DB_TCP_PORT": "5432"}, {"DB_TCP_PORT": "10005"}),
        ({"DB_SERVER": "gateway", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"DB_URL": "host.docker.internal", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"DB_ENDPOINT": "http://gateway/", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"DB": "gateway", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"db.base_url": "x", "DB": "gateway", "DB_PORT": "5432"}, {"DB_PORT": "10005"}),
        ({"DB_URL": "http://gateway:80/", "DB_PORT": "5432"}, {}),
        ({"DB_URL": "http://localhost", "DB_PORT": "5432"}, {}),
        ({"DB_URL": "http://db", "DB_PORT": "5432"}, {}),
        ({"API_HOST": "localhost", "API_PORT_X": "5432"}, {}),
        ({"API_HOST": "localhost", "API_PORT": "5432"}, {"API_PORT": "10005"}),
        ({"API_INTERNAL_HOST": "localhost", "API_INTERNAL_PORT": "5432"}, {}),
        ({"LISTEN_HOST": "localhost", "LISTEN_PORT": "5432"}, {}),
        ({"APP_HOST": "localhost", "APP_PORT": "3000"}, {}),
        ({"PUBLIC_HOST": "localhost", "PUBLIC_PORT": "3000"}, {"PUBLIC_PORT": "10004"}),
        ({"HMR_CLIENT_HOST": "[::1]", "HMR_CLIENT_PORT": "3000"}, {"HMR_CLIENT_PORT": "10004"}),
        ({"HOST": "localhost", "PORT": "5432"}, {}),
        ({"DB_HOST": "0.0.0.0", "DB_PORT": "5432"}, {}),
        ({"DB_HOST": "db", "DB_PORT": "5432"}, {}),
        ({"DB_HOST": "example.com", "DB_PORT": "5432"}, {}),
        ({"DB_HOST": "host.docker.internal", "DB_PORT": "6000"}, {}),
        ({"DB_HOST": "host.docker.internal", "DB_PORT": "x"}, {}),
        ({"DB_HOST": "host.docker.internal", "CACHE_PORT": "5432"}, {}),
    ],
)
def test_a_host_and_a_port(values: Mapping[str, str], after: Mapping[str, str]) -> None:
    hosts = ["gateway=host-gateway", "other:10.0.0.1"]
    made = stack({"environment": values, "extra_hosts": hosts})
    assert made.override("services", "app", "environment") == (after or None)
    assert len(made.changes("url")) == len(after)


def test_in_the_host_s_network_localhost_is_the_host() -> None:
    values = {"APP_HOST": "localhost", "APP_PORT": "5432"}
    made = stack({"environment": values, "network_mode": "host", "ports": []})
    assert made.override("services", "app", "environment") == {"APP_PORT": "10004"}


@pytest.mark.parametrize("by_service", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("DATABASE", "postgres://localhost:5432/x", "postgres://localhost:10004/x"),
        ("BACKEND", "127.0.0.1:5432", "127.0.0.1:10004"),
        ("INTERNAL_URL", "http://[::1]:5432", "http://[::1]:10004"),
        ("DSN", "host=localhost port=5432", "host=localhost port=10004"),
        ("LISTEN_ADDRESS", "localhost:5432", None),
        ("BACKEND", "db:5432", None),
    ],
)
def test_in_the_host_s_network_every_address_of_localhost_is_of_the_host(
    name: str, text: str, after: str | None, *, by_service: bool
) -> None:
    values: dict[str, object] = {"environment": {name: text}, "ports": []}
    if by_service:
        services: dict[str, object] = {"app": {**values, "network_mode": "service:host"}}
        services |= {"host": {"network_mode": "host"}, "db": {"ports": [port(5432)]}}
        made = plan_of({"services": services})
    else:
        made = stack({**values, "network_mode": "host"})
    expected = {name: after} if after else None
    assert made.override("services", "app", "environment") == expected


def test_in_the_host_s_network_a_command_that_asks_localhost_is_told() -> None:
    command = ["psql", "-h", "localhost", "-p", "5432"]
    settings = Settings(shared=("network:host",))
    app = {"network_mode": "host", "command": command}
    made = plan_of({"services": {"app": app, "db": {"ports": [port(5432)]}}}, settings=settings)
    (text,) = made.warnings
    assert text.startswith("the command of service app has a name of the host and the port 5432")


def test_a_service_in_another_one_s_network_means_that_one() -> None:
    values = {"DB_HOST": "localhost", "DB_PORT": "5432"}
    made = stack({"environment": values, "network_mode": "service:db", "ports": []})
    assert made.override("services", "app", "environment") is None


@pytest.mark.parametrize(
    ("name", "text", "after"),
    [
        ("SITE_DOMAIN", "localhost:3000", "localhost:10004"),
        ("API_EXTERNAL_HOST", "localhost:5432", "localhost:10005"),
        ("ALLOWED_HOSTS", "localhost:3000,db:5432,x", "localhost:10004,db:5432,x"),
        ("CORS_ORIGINS", '["127.0.0.1:3000"]', '["127.0.0.1:10004"]'),
        ("NEXT_PUBLIC_API", "localhost:5432", "localhost:10005"),
        ("API_INTERNAL_HOST", "localhost:5432", None),
        ("HOST", "localhost:3000", None),
        ("SERVER_HOST", "0.0.0.0:3000", None),
        ("API", "localhost:5432", None),
        ("BIND_HOST", "localhost:5432", None),
        ("SITE_DOMAIN", "localhost", None),
        ("INTERNAL_URL", "http://localhost:3000", None),
        ("internalUrl", "http://localhost:3000", None),
        ("PUBLIC_URL", "http://localhost:3000", "http://localhost:10004"),
        ("NEXT_PUBLIC_INTERNAL_URL", "http://localhost:3000", "http://localhost:10004"),
        ("INTERNAL_URL", "http://host.docker.internal:3000", "http://host.docker.internal:10004"),
        ("HEALTHCHECK_URL", "http://localhost:3000/up", None),
        ("HEALTHCHECK_URL", "http://localhost:5432/up", "http://localhost:10005/up"),
    ],
)
def test_an_address(name: str, text: str, after: str | None) -> None:
    made = stack({"environment": {name: text}})
    assert made.override("services", "app", "environment") == ({name: after} if after else None)
    told = [(where, value) for _, where, value in made.left]
    has_number = "3000" in text or "5432" in text
    assert told == ([(f"environment.{name}", text)] if has_number and not after else []) or after


def config_of(text: str, **more: object) -> Planned:
    users = {"configs": [{"source": "realm"}], **more}
    return stack(users, configs={"realm": {"content": text}})


def test_the_content_of_a_config() -> None:
    text = (
        '{"uris": ["http://localhost:3000/*"], "listen": "http://localhost:5432"}\n'
        "LISTEN_ADDRESS=http://localhost:3000\n"
        "INTERNAL_URL: http://localhost:3000\n"
        "db=host.docker.internal:5432\n"
        "port: 3000\n"
    )
    made = config_of(text)
    after = made.override("configs", "realm", "content")
    assert after == text.replace("localhost:3000/*", "localhost:10004/*").replace(
        '"listen": "http://localhost:5432"', '"listen": "http://localhost:10005"'
    ).replace("internal:5432", "internal:10005")
    assert ("", "configs.realm.content", text, after) in made.changes("url")
    assert ("", "configs.realm.content", "LISTEN_ADDRESS=http://localhost:3000") in made.left


@pytest.mark.parametrize("users", [{"configs": []}, {"ports": []}])
def test_a_config_without_moved_ports_stays(users: Mapping[str, object]) -> None:
    made = config_of("http://localhost:9999", **users)
    assert made.override("configs") is None


def test_a_config_that_is_kept() -> None:
    config = {
        "services": {"app": {"ports": [port(3000)], "configs": [{"source": "realm"}]}},
        "configs": {"realm": {"content": "http://localhost:3000"}, "file": {"file": "/x"}},
    }
    assert plan_of(config).override("configs", "realm") is not None
    kept = plan_of(config, settings=Settings(keep_urls=("realm",)))
    assert kept.override("configs", "realm") is None


KAFKA = ["sh", "--advertise-addr", "in://db:9092,out://localhost:5432"]


@pytest.mark.parametrize(
    ("words", "told", "moved"),
    [
        (KAFKA, 1, {2: "in://db:9092,out://localhost:10005"}),
        (["--advertised=localhost:5432"], 1, {0: "--advertised=localhost:10005"}),
        (
            ["sh", "-c", "export ADVERTISED=x://localhost:5432; run"],
            1,
            {2: "export ADVERTISED=x://localhost:10005; run"},
        ),
        (["--external-url", "http://localhost:3000"], 1, {1: "http://localhost:10004"}),
        (["--url", "http://localhost:3000"], 0, {1: "http://localhost:10004"}),
        (["sh", "-c", "curl -f http://localhost:3000"], 0, {}),
        (["/usr/bin/wget", "http://localhost:3000"], 0, {}),
        (["--listen", "localhost:3000"], 0, {}),
        (["--port", "3000"], 0, {}),
        (["--advertise=localhost:9999"], 0, {}),
        (["--root-url=http://localhost:3000"], 1, {0: "--root-url=http://localhost:10004"}),
        (["--hostname-url", "http://localhost:3000"], 1, {1: "http://localhost:10004"}),
        (
            ["sh", "-c", "x --port 5432  --announce-port 5432 --announce-ip 127.0.0.1"],
            1,
            {2: "x --port 5432  --announce-port 10005 --announce-ip 127.0.0.1"},
        ),
        (["--advertised.port=5432"], 1, {0: "--advertised.port=10005"}),
        (["--sentinel", "announce-port", "5432"], 1, {2: "10005"}),
        (["--hostname-port=3000", "--hostname=localhost"], 1, {0: "--hostname-port=10004"}),
        (["--announce-port", "5432", "--announce-ip", "db"], 0, {}),
        (["--sentinel", "announce-port", "5432", "--sentinel", "announce-ip", "db"], 0, {}),
        (["--announce-port", "6000"], 0, {}),
    ],
)
@pytest.mark.parametrize("field", ["command", "entrypoint"])
def test_an_address_in_a_command(
    words: list[str], told: int, moved: Mapping[int, str], field: str
) -> None:
    services = {
        "app": {"ports": [port(3000)], field: words},
        "db": {"ports": [port(5432)]},
        "idle": {},
    }
    made = plan_of({"services": services})
    assert made.override("services", "app", field) is None
    assert len(made.warnings) == told
    settings = Settings(command_urls=True)
    moving = plan_of({"services": services}, settings=settings)
    after = [moved.get(index, word) for index, word in enumerate(words)]
    assert moving.override("services", "app", field) == (after if moved else None)
    assert moving.warnings == []
    assert len(moving.changes("url")) == len(moved)


INITIATE = "mongosh --eval \"rs.initiate({members:[{_id:0,host:'%s'}]})\""


@pytest.mark.parametrize("field", ["command", "entrypoint", "healthcheck"])
@pytest.mark.parametrize(
    ("host", "keep", "is_told"),
    [
        ("localhost:5432", (), True),
        ("127.0.0.1:5432", (), True),
        ("localhost:5432", ("{field}",), False),
        ("db:5432", (), False),
        ("localhost:27018", (), False),
    ],
)
def test_a_member_of_a_replica_set_is_told(
    field: str, host: str, keep: tuple[str, ...], *, is_told: bool
) -> None:
    text = ["sh", "-c", INITIATE % host]
    value: object = {"test": ["CMD-SHELL", text[2]]} if field == "healthcheck" else text
    services = {"db": {"ports": [port(5432)], field: value}}
    settings = Settings(keep_urls=tuple(f"db.{entry.format(field=field)}" for entry in keep))
    warnings = plan_of({"services": services}, settings=settings).warnings
    assert len(warnings) == int(is_told)
    for warning in warnings:
        assert warning.startswith(f"the {field} of service db gives clients {host} (rs.initiate)")
        assert f'[urls] keep = ["db.{field}"]' in warning


def test_without_a_moved_port_no_command_is_looked_at() -> None:
    assert plan_of({"services": {"app": {"command": KAFKA}}}).warnings == []


@pytest.mark.parametrize(
    ("spec", "where", "value", "why"),
    [
        ({"environment": {"PORT": "3000"}}, "environment.PORT", "3000", "listens on it inside"),
        ({"environment": {"X": "5432"}}, "environment.X", "5432", "a plain number does not say"),
        ({"environment": {"DB": "postgres://db:5432/x"}}, "environment.DB",
         "postgres://db:5432/x", "leads to a container"),
        ({"environment": {"DB": "postgres://a-db:5432/x"},
          "networks": {"net": {"aliases": ["a-db"]}}},
         "environment.DB", "postgres://a-db:5432/x", "leads to a container"),
        ({"environment": {"DB": "postgres://shop-db:5432/x"}}, "environment.DB",
         "postgres://shop-db:5432/x", "leads to a container"),
        ({"environment": {"DB": "redis://localhost:5432"}}, "environment.DB",
         "redis://localhost:5432", "the container itself"),
        ({"environment": {"X": "host.docker.internal|5432"}}, "environment.X",
         "host.docker.internal|5432", "not in a form"),
        ({"environment": {"LISTEN": "http://localhost:3000"}}, "environment.LISTEN",
         "http://localhost:3000", "where the program listens"),
        ({"environment": {"X": "a:3000"}}, "environment.X", "a:3000", "no address of the host"),
        ({"build": {"args": {"PORT": "3000"}}}, "build.args.PORT", "3000", "listens on it"),
        ({"labels": {"href": "http://localhost:3000"}}, "labels.href", "http://localhost:3000",
         "labels stay"),
        ({"command": ["--port", "3000"]}, "command.1", "3000", "commands stay"),
        ({"entrypoint": ["--url=http://localhost:3000"]}, "entrypoint.0",
         "--url=http://localhost:3000", "[urls]"),
        ({"healthcheck": {"test": ["CMD", "curl", "http://localhost:3000"]}},
         "healthcheck.test.2", "http://localhost:3000", "a health check"),
        ({"command": ["sh", "-c", "a\nb 3000\nc"]}, "command.2", "b 3000", "commands stay"),
        ({"command": ["x" * 300 + " 3000"]}, "command.0", "x" * 100 + " 3000", "commands stay"),
    ],
)  # fmt: skip
def test_what_stays_is_listed_with_the_reason(
    spec: Mapping[str, object], where: str, value: str, why: str
) -> None:
    made = stack(spec)
    assert len(made.left) == 1
    place, text = made.left[0][1:]
    assert (place, text.lstrip("x")) == (where, value.lstrip("x"))
    assert why in made.plan.left[0].why


@pytest.mark.parametrize("text", ["13000", "30001", "3000.5", "a3000", "1.3000", "v_3000"])
def test_a_part_of_another_number_is_none(text: str) -> None:
    assert stack({"environment": {"X": text}}).left == []


def test_what_has_changed_in_part_is_listed_as_it_is_now() -> None:
    made = stack({"environment": {"X": "http://localhost:3000 redis://localhost:5432"}})
    assert made.left == [("app", "environment.X", "http://localhost:10004 redis://localhost:5432")]


def test_what_urls_keep_lists_is_left() -> None:
    services = {"app": {"ports": [port(3000)], "environment": {"X": "http://localhost:3000"}}}
    made = plan_of({"services": services}, settings=Settings(keep_urls=("X",)))
    assert [each.why.partition(" (")[0] for each in made.plan.left] == ["[urls] keep lists it"]
    assert made.plan.as_dict()["left"] == [
        {
            "kind": "value",
            "where": "environment.X",
            "service": "app",
            "value": "http://localhost:3000",
            "why": "[urls] keep lists it (3000 is 10004 on the host)",
        }
    ]


def test_where_no_port_moves_nothing_is_left() -> None:
    services = {"app": {"ports": [port(3000)], "environment": {"X": "3000"}}}
    assert plan_of({"services": services}, pins={"app:3000/tcp": 3000}).left == []


PORT = {"target": 80, "published": "8080", "protocol": "tcp"}
HANDED = {
    "services": {"web": {"ports": [PORT]}},
    "configs": {"site": {"environment": "SITE"}},
    "secrets": {"dsn": {"environment": "DSN"}},
}


@pytest.mark.parametrize(
    ("path", "text", "left"),
    [
        ("configs.site.environment", "http://localhost:8080", [("", "$SITE")]),
        ("secrets.dsn.environment", "u:p@localhost:8080", [("", "$DSN")]),
        ("secrets.dsn.environment", "u:p@localhost:9090", []),
        ("configs.site.environment", "", []),
    ],
)
def test_a_config_or_secret_that_a_variable_fills_is_listed_without_its_text(
    path: str, text: str, left: list[tuple[str, str]]
) -> None:
    made = plan_of(HANDED, host_facts=HostFacts(handed_values={path: text}))
    assert [(service, value) for service, _, value in made.left] == left
    assert all("the text of a variable stays" in entry.why for entry in made.plan.left)


@pytest.mark.parametrize(
    ("text", "keep", "is_told"),
    [
        ("postgres://u:secret@host.docker.internal:8080/x", (), True),
        ("host=172.17.0.1 port=8080", (), True),
        ("postgres://u:secret@host.docker.internal:8080/x", ("DSN",), False),
        ("postgres://u:secret@host.docker.internal:9090/x", (), False),
        ("http://localhost:8080", (), False),
    ],
)
def test_a_secret_with_an_address_of_the_host_is_told(
    text: str, keep: tuple[str, ...], *, is_told: bool
) -> None:
    facts = HostFacts(handed_values={"secrets.dsn.environment": text})
    warnings = plan_of(HANDED, host_facts=facts, settings=Settings(keep_urls=keep)).warnings
    assert len(warnings) == int(is_told)
    for warning in warnings:
        assert warning.startswith("secrets.dsn.environment is the text of DSN, with a name of the")
        assert '[urls] keep = ["DSN"]' in warning
        assert "secret@" not in warning


def test_a_port_variable_that_fills_a_config_moves_there_too() -> None:
    marked = {**HANDED, "services": {"web": {"ports": [{**PORT, "published": "65535"}]}}}
    made = plan_of(
        HANDED,
        marked=marked,
        marks={"SITE": "65535"},
        values={"SITE": "8080"},
        host_facts=HostFacts(handed_values={"configs.site.environment": "8080"}),
    )
    assert made.left == []
