"""A warning for an address of the host where another project's container answers."""

import pytest

from composeports.core.plan.host_facts import HostFacts, PublishedElsewhere
from composeports.core.settings import Settings
from tests.support.planning import Planned, plan_of

AROUND = HostFacts(
    published=(
        PublishedElsewhere(5432, "shop", "shop-db-1"),
        PublishedElsewhere(80, "shop", "shop-web-1"),
        # The file publishes this one, too: the value follows it.
        PublishedElsewhere(8080, "shop", "shop-web-1"),
    )
)
GATEWAY = ["db.internal=host-gateway"]


def plan(
    values: dict[str, str], *, hosts: list[str] | None = None, settings: Settings | None = None
) -> Planned:
    app: dict[str, object] = {"environment": values, "extra_hosts": hosts or []}
    web = {"ports": [{"published": "8080", "target": 80}]}
    return plan_of({"services": {"app": app, "web": web}}, host_facts=AROUND, settings=settings)


@pytest.mark.parametrize(
    ("values", "hosts", "found"),
    [
        ({"URL": "postgres://me:x@host.docker.internal:5432/x"}, None, [("URL", 5432)]),
        ({"URL": "host.docker.internal:5432"}, None, [("URL", 5432)]),
        ({"URL": "http://HOST.docker.internal/x"}, None, [("URL", 80)]),
        ({"DB_HOST": "host.docker.internal", "DB_PORT": "5432"}, None, [("DB_PORT", 5432)]),
        ({"DB_HOST": "db.internal", "DB_PORT": "5432"}, GATEWAY, [("DB_PORT", 5432)]),
        ({"URL": "db.internal:5432,db.internal:5432"}, GATEWAY, [("URL", 5432)]),
        ({"DSN": "host=host.docker.internal port=5432"}, None, [("DSN", 5432)]),
        ({"DSN": "Server=db.internal,5432"}, GATEWAY, [("DSN", 5432)]),
        ({"DSN": "host=db port=5432"}, None, []),
        ({"URL": "db.internal:5432"}, None, []),
        ({"DB_HOST": "db", "DB_PORT": "5432"}, None, []),
        ({"URL": "host.docker.internal:5433"}, None, []),
        ({"URL": "host.docker.internal:8080"}, None, []),
        ({"URL": "host.docker.internal"}, None, []),
        ({"URL": "localhost:5432"}, None, []),
        ({"URL": "not.host.docker.internal:5432"}, None, []),
    ],
)
def test_a_variable_that_leads_there_is_told(
    values: dict[str, str], hosts: list[str] | None, found: list[tuple[str, int]]
) -> None:
    told = plan(values, hosts=hosts).warnings
    assert len(told) == len(found)
    for text, (name, port) in zip(told, found, strict=True):
        assert text.startswith(
            f"environment.{name} of service app leads to port {port} of the host"
        )
        assert f'shared = ["port:{port}"]' in text


def test_the_settings_say_that_it_is_meant() -> None:
    values = {"URL": "host.docker.internal:5432", "OTHER": "host.docker.internal:5432"}
    made = plan(values, settings=Settings(shared=("port:5432",)))
    assert (made.acknowledged, made.warnings) == ([("port", "5432")], [])
    assert plan(values, settings=Settings(keep_urls=("URL", "app.OTHER"))).warnings == []


@pytest.mark.parametrize(
    ("name", "text", "is_told"),
    [
        ("X", "host.docker.internal|8080", True),
        ("X", "8080 at 172.17.0.1", True),
        ("X", "http://host.docker.internal:8080 and 8080", True),
        ("X", "http://host.docker.internal:8080", False),
        ("X", "host=host.docker.internal port=8080", False),
        ("X", "host.docker.internal|18080", False),
        ("X", "web|8080", False),
        ("LISTEN", "host.docker.internal|8080", False),
        ("KEPT", "host.docker.internal|8080", False),
    ],
)
def test_a_moved_port_of_the_host_in_an_unknown_form_is_told(
    name: str, text: str, *, is_told: bool
) -> None:
    made = plan({name: text}, settings=Settings(keep_urls=("KEPT",)))
    assert len(made.warnings) == int(is_told)
    for warning in made.warnings:
        assert f"environment.{name} of service app has a name of the host" in warning
        assert f'[urls] keep = ["{name}"]' in warning


ENGINE = "host.docker.internal"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"TARGET": ENGINE, "UPSTREAM_PORT": "8080"}, {"TARGET": 8080}),
        ({"TARGET": f"http://{ENGINE}", "PORT": "8080"}, {"TARGET": 8080}),
        ({"DB_HOST": ENGINE}, {"DB_HOST": 5432}),
        ({"PGHOST": ENGINE.upper()}, {"PGHOST": 5432}),
        ({"DB_HOST": ENGINE, "DB_PORT": "9000"}, {}),
        ({"DB_HOST": ENGINE, "DB_PORT": "5432", "TARGET": ENGINE}, {}),
        ({"REDIS_HOST": ENGINE}, {}),
        ({"TARGET": ENGINE, "WEB_HOST": "web", "WEB_PORT": "8080"}, {}),
        ({"TARGET": ENGINE, "PORT": "3000"}, {}),
        ({"XDEBUG_CLIENT_HOST": ENGINE, "PORT": "8080"}, {}),
        ({"TARGET": "web", "PORT": "8080"}, {}),
        ({"KEPT": ENGINE, "PORT": "8080"}, {}),
    ],
)
def test_a_host_alone_beside_a_moved_port_is_told(
    values: dict[str, str], told: dict[str, int]
) -> None:
    services = {
        "app": {"environment": values, "ports": [{"published": "3000", "target": 3000}]},
        "web": {"ports": [{"published": "8080", "target": 80}]},
        "db": {"ports": [{"published": "5432", "target": 5432}]},
    }
    warnings = plan_of({"services": services}, settings=Settings(keep_urls=("KEPT",))).warnings
    assert len(warnings) == len(told)
    for text, (name, port) in zip(warnings, told.items(), strict=True):
        assert text.startswith(f"environment.{name} of service app is a name of the host")
        assert f"most likely {port}, which is 1" in text
        assert f'[urls] keep = ["{name}"]' in text


@pytest.mark.parametrize(
    ("field", "words", "is_told"),
    [
        ("command", ["psql", "-h", "host.docker.internal", "-p", "8080"], True),
        ("command", ["run", "--db=postgres://172.17.0.1:8080/x"], True),
        ("entrypoint", ["sh", "-c", "curl http://host.docker.internal:8080"], True),
        ("healthcheck", ["CMD", "curl", "http://host.docker.internal:8080"], True),
        ("command", ["psql", "-h", "db", "-p", "8080"], False),
        ("command", ["run", "http://localhost:8080"], False),
        ("command", ["run", "--upstream", "http://host.docker.internal:9000"], False),
        ("command", ["run", "--listen", "3000", "http://host.docker.internal:9000"], False),
    ],
)
def test_a_command_that_asks_the_host_for_a_moved_port_is_told(
    field: str, words: list[str], *, is_told: bool
) -> None:
    own = {"ports": [{"published": "3000", "target": 3000}]}
    text: object = {"test": words} if field == "healthcheck" else words
    services = {
        "app": {**own, field: text},
        "web": {"ports": [{"published": "8080", "target": 80}]},
    }
    warnings = plan_of({"services": services}).warnings
    assert len(warnings) == int(is_told)
    for warning in warnings:
        assert f"the {field} of service app has a name of the host and the port 8080" in warning
        assert f'[urls] keep = ["app.{field}"]' in warning
    kept = Settings(keep_urls=(f"app.{field}",))
    assert plan_of({"services": services}, settings=kept).warnings == []


def test_a_command_that_follows_by_the_setting_is_not_told() -> None:
    services = {
        "app": {"command": ["run", "--db=postgres://172.17.0.1:8080/x"]},
        "web": {"ports": [{"published": "8080", "target": 80}]},
    }
    moving = Settings(command_urls=True)
    assert plan_of({"services": services}, settings=moving).warnings == []
