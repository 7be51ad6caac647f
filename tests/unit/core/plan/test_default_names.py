"""Names that plain Compose makes, as files and scripts of the repository contain them."""

from collections.abc import Mapping

import pytest

from composeports.core.plan.default_names import project_name_in
from composeports.core.plan.host_facts import HostFacts, NetworkMember, ScriptCall
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, Planned, plan_of

FACTS = HostFacts(plain_projects=("shop", "shop-login"))
BUILT = {"app": {"build": {"context": "/repo"}}}


def planned(services: Mapping[str, object], **more: object) -> Planned:
    config: dict[str, object] = {
        "name": PROJECT,
        "services": services,
        "networks": {"default": {"name": f"{PROJECT}_default"}},
        "volumes": {
            "data": {"name": f"{PROJECT}_data"},
            "fixed": {"name": "shop_fixed"},
            "others": {"name": "shop_others", "external": True},
        },
    }
    return plan_of(config, host_facts=FACTS._replace(**more))  # type: ignore[arg-type]


@pytest.mark.parametrize("image", ["shop-app", "shop_app", "shop-login-app", "shop-app:latest"])
def test_a_service_that_runs_the_image_of_another_one_runs_the_sessions(image: str) -> None:
    made = planned({**BUILT, "worker": {"image": image}})
    assert made.override("services", "worker", "image") == f"{PROJECT}-app"
    assert made.override("services", "worker", "pull_policy") == "never"
    assert made.override("services", "app") is None


@pytest.mark.parametrize("image", ["shop-app:dev", "other-app", "shop-web", "registry/shop-app"])
def test_any_other_image_stays(image: str) -> None:
    made = planned({**BUILT, "worker": {"image": image}})
    assert made.override("services", "worker") is None


def test_without_images_of_their_own_such_a_service_still_runs_what_is_built_here() -> None:
    config = {"services": {**BUILT, "worker": {"image": "shop-app"}}}
    made = plan_of(config, host_facts=FACTS, settings=Settings(isolate_images=False))
    assert made.override("services", "worker", "image") == f"{PROJECT}-app"


@pytest.mark.parametrize(
    ("name", "value", "after"),
    [
        ("DOCKER_NETWORK", "shop_default", f"{PROJECT}_default"),
        ("BACKUP_VOLUME", "shop_data", f"{PROJECT}_data"),
        ("BACKUP_VOLUMES", "shop_data,shop_fixed", f"{PROJECT}_data,{PROJECT}_shop_fixed"),
        ("DB_CONTAINER", "shop-web-1", f"{PROJECT}-web-1"),
        ("DB_CONTAINER", "shop_web_2", f"{PROJECT}-web-2"),
        ("WORKER_IMAGE", "shop-app", f"{PROJECT}-app"),
        ("DB_CONTAINER", "shop-web-3", None),
        ("BACKUP_VOLUME", "shop_others", None),
        ("INDEX", "shop_data", None),
        ("DATABASE", "shop_data", None),
    ],
)
def test_a_variable_whose_name_says_the_kind_follows(
    name: str, value: str, after: str | None
) -> None:
    web = {"environment": {name: value}, "scale": 2}
    made = planned({**BUILT, "web": web})
    assert made.override("services", "web", "environment", name) == after


def test_a_value_that_only_looks_like_such_a_name_is_listed() -> None:
    made = planned({"web": {"environment": {"INDEX": "shop_data"}}})
    assert made.left == [("web", "environment.INDEX", "shop_data")]


def test_traefiks_network_follows() -> None:
    made = planned({"web": {"labels": {"traefik.docker.network": "shop_default"}}})
    label = made.override("services", "web", "labels", "traefik.docker.network")
    assert label == f"{PROJECT}_default"


@pytest.mark.parametrize("field", ["network_mode", "pid", "ipc"])
def test_a_container_by_its_default_name_is_the_sessions(field: str) -> None:
    made = planned({"db": {}, "app": {field: "container:shop-db-1"}})
    assert made.override("services", "app", field) == f"container:{PROJECT}-db-1"
    assert made.warnings == []


def test_a_container_with_a_name_of_its_own_has_no_default_name() -> None:
    made = planned({"db": {"container_name": "pg"}, "app": {"pid": "container:shop-db-1"}})
    assert made.override("services", "app") is None
    assert len(made.warnings) == 1


ON_DEFAULT = {"networks": {"default": None}}


@pytest.mark.parametrize(
    ("app", "names"),
    [
        ({"environment": {"URL": "postgres://u@shop-db-1:5432/x"}}, ["shop-db-1"]),
        ({"environment": {"DSN": "host=shop_db_1 port=5432"}}, ["shop_db_1"]),
        (
            {"environment": {"A": "shop-db-1", "B": "shop-login-db-1"}},
            ["shop-db-1", "shop-login-db-1"],
        ),
        ({"command": ["wait-for", "shop-db-1.shop_default:5432"]}, ["shop-db-1"]),
        ({"healthcheck": {"test": ["CMD", "nc", "shop-db-1", "5432"]}}, ["shop-db-1"]),
        ({"environment": {"URL": "postgres://shop-db-10:5432"}}, None),
        ({"environment": {"URL": "postgres://my-shop-db-1:5432"}}, None),
        ({"environment": {"URL": "postgres://db:5432"}}, None),
    ],
)
def test_a_host_name_that_plain_compose_gives_leads_to_the_sessions_container(
    app: Mapping[str, object], names: list[str] | None
) -> None:
    made = planned({"db": ON_DEFAULT, "app": {**ON_DEFAULT, **app}})
    networks = None if names is None else {"default": {"aliases": names}}
    assert made.override("services", "db", "networks") == networks
    changes = [change for change in made.plan.changes if change.service == "db"]
    assert [change.before for change in changes] == (names or [])
    assert {change.after for change in changes} <= {f"{PROJECT}-db-1"}


def test_on_a_network_of_others_such_a_host_name_is_told() -> None:
    """There it leads to the container of plain Compose, and an alias would be one for others."""
    app = {"environment": {"URL": "postgres://shop-db-1:5432"}, "networks": {"edge": None}}
    config = {
        "name": PROJECT,
        "services": {"db": {"networks": {"edge": None}}, "app": app},
        "networks": {"edge": {"name": "edge", "external": True}},
    }
    members = {"edge": (NetworkMember("shop", "/repo/main", frozenset({"db2", "shop-db-1"})),)}
    made = plan_of(config, host_facts=FACTS._replace(members=members))
    assert made.override("services", "db", "networks") is None
    (warning,) = made.warnings
    assert "shop-db-1 may lead to shop (/repo/main) as well" in warning


def test_scripts_that_use_such_names_are_listed() -> None:
    calls = (
        ScriptCall("Makefile:3", ("volume", "rm", "shop_data")),
        ScriptCall("Makefile:4", ("exec", "shop-db-2", "psql")),
        ScriptCall("Makefile:5", ("run", "--rm", "shop-app", "migrate")),
        ScriptCall("Makefile:6", ("ps",)),
        ScriptCall("Makefile:7", ("ps", "-qf", "label=com.docker.compose.project=shop")),
        ScriptCall("Makefile:8", ("volume", "prune", "-f")),
        ScriptCall(
            "Makefile:9", ("volume", "prune", "--filter=label=com.docker.compose.project=x")
        ),
        ScriptCall("Makefile:10", ("image", "prune")),
        ScriptCall("Makefile:11", ("system", "prune", "-af", "--volumes")),
    )
    made = planned({**BUILT, "db": {"scale": 2}}, calls=calls)
    assert made.left == [
        ("", "Makefile:3", "docker volume rm shop_data"),
        ("", "Makefile:4", "docker exec shop-db-2"),
        ("", "Makefile:5", "docker run shop-app"),
        ("", "Makefile:7", "docker ps shop"),
        ("", "Makefile:8", "docker volume prune"),
        ("", "Makefile:11", "docker system prune"),
    ]
    reasons = [entry.why for entry in made.plan.left]
    assert reasons[0] == (
        f"the volume is called {PROJECT}_data here; `composeports env -- CMD` runs the script with "
        "this session's volumes"
    )
    assert reasons[3] == (
        f"the project is called {PROJECT} here; `composeports env -- CMD` runs the script with "
        "this session's project"
    )
    assert "what other sessions have stopped" in reasons[4]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("name: shop\nservices: {}\n", "shop"),
        ("services: {}\nname: 'shop' # ours\n", "shop"),
        ('"name": "shop"\n', "shop"),
        ("name: ${NAME:-shop}\n", "shop"),
        ('name: "${NAME-shop_1}"\r\n', "shop_1"),
        (' {"name": "shop", "services": {"web": {"image": "x"}}}', "shop"),
        ('{"name": "${NAME:-shop}"}', "shop"),
        ('{"services": {"web": {"name": "x"}}}', ""),
        ('{"name": "shop"', ""),
        ("services:\n  name: shop\n", ""),
        ("name: ${NAME}\n", ""),
        ("services: {}\n", ""),
    ],
)
def test_the_project_name_in_a_file(text: str, name: str) -> None:
    assert project_name_in([text]) == name
    assert project_name_in(["name: first\n", text]) == name or not name


def test_a_dockerfile_that_builds_from_such_an_image_gets_the_sessions() -> None:
    services = {**BUILT, "site": {"build": {"context": "/repo/site"}}}
    made = planned(services, dockerfiles={"site": "FROM shop-app\n"})
    contexts = made.override("services", "site", "build", "additional_contexts")
    assert contexts == {"shop-app": f"docker-image://{PROJECT}-app"}


def test_a_build_in_such_a_network_joins_the_sessions() -> None:
    made = planned({"app": {"build": {"context": "/repo", "network": "shop_default"}}})
    assert made.override("services", "app", "build", "network") == f"{PROJECT}_default"
    assert made.warnings == []


def test_not_every_replica_of_many_has_a_name() -> None:
    names = planned({"db": {"scale": 5000}}).plan.session_names["container"]
    assert "shop-db-20" in names
    assert "shop-db-21" not in names
