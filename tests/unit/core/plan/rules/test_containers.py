"""Fixed container names, and fields that refer to them."""

from collections.abc import Mapping

import pytest

from composeports.core.plan.host_facts import HostFacts, ScriptCall
from composeports.core.settings import Settings
from tests.support.planning import plan_of

TAG = "ac-0123abcd"


def services(**specs: Mapping[str, object]) -> dict[str, object]:
    return {"services": specs}


@pytest.mark.parametrize(
    ("spec", "name", "aliases"),
    [
        pytest.param(
            {"container_name": "shop-db", "networks": {"default": None}},
            f"{TAG}-shop-db",
            {"default": {"aliases": ["shop-db"]}},
            id="gets the session's prefix and keeps its name as an alias",
        ),
        pytest.param(
            {"container_name": "db", "networks": {"default": None}},
            f"{TAG}-db",
            None,
            id="the service's own name is an alias already",
        ),
        pytest.param(
            {"container_name": "shop-db", "networks": {"a": {"aliases": ["shop-db"]}, "b": None}},
            f"{TAG}-shop-db",
            {"b": {"aliases": ["shop-db"]}},
            id="no alias twice",
        ),
        pytest.param(
            {"container_name": "shop-db", "network_mode": "bridge"},
            f"{TAG}-shop-db",
            None,
            id="no alias without a network",
        ),
        pytest.param(
            {"container_name": f"{TAG}-db", "networks": {"default": None}},
            None,
            None,
            id="a name with the project in it is one's own already",
        ),
        pytest.param({"networks": {"default": None}}, None, None, id="no name, no change"),
    ],
)
def test_a_container_name(spec: dict[str, object], name: str | None, aliases: object) -> None:
    made = plan_of(services(db=spec))
    assert made.override("services", "db", "container_name") == name
    assert made.override("services", "db", "networks") == aliases
    assert made.changes("container_name") == (
        [("db", "container_name", spec["container_name"], name)] if name else []
    )


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("network_mode", "container:shop-db", f"container:{TAG}-shop-db"),
        ("ipc", "container:shop-db", f"container:{TAG}-shop-db"),
        ("pid", "container:shop-db", f"container:{TAG}-shop-db"),
        ("network_mode", "container:other", None),
        ("network_mode", "service:db", None),
        ("volumes_from", ["container:shop-db:ro", "web"], [f"container:{TAG}-shop-db:ro", "web"]),
        ("volumes_from", ["db"], None),
        ("external_links", ["shop-db:database"], [f"{TAG}-shop-db:database"]),
        ("external_links", ["shop-db"], [f"{TAG}-shop-db:shop-db"]),
        ("external_links", ["other:o"], None),
    ],
)
def test_what_names_a_container_of_the_file_follows(
    field: str, before: object, after: object
) -> None:
    made = plan_of(services(app={field: before}, db={"container_name": "shop-db"}))
    assert made.override("services", "app", field) == after


def test_a_script_that_names_a_renamed_container_is_told_once() -> None:
    calls = (ScriptCall("seed.sh:3", ("exec", "shop-db", "psql")),) * 2
    config = services(web={}, db={"container_name": "shop-db"})
    (left,) = plan_of(config, host_facts=HostFacts(calls=calls)).plan.left
    assert left.as_dict() == {
        "kind": "script",
        "where": "seed.sh:3",
        "service": "",
        "value": "docker exec shop-db",
        "why": f"the container is called {TAG}-shop-db here; `composeports env -- CMD` runs the "
        "script with this session's containers, and CONTAINER_DB has the name",
    }


def test_a_script_is_a_warning_until_the_settings_name_it() -> None:
    calls = (
        ScriptCall("tools/seed.sh:3", ("exec", "shop-db", "psql")),
        ScriptCall("tools/seed.sh:4", ("logs", "shop-db")),
        ScriptCall("Makefile:2", ("system", "prune", "-f")),
    )
    config = services(db={"container_name": "shop-db"})
    made = plan_of(config, host_facts=HostFacts(calls=calls))
    seed, prune = made.warnings
    assert seed.startswith("tools/seed.sh:3 calls docker exec shop-db: the container is called")
    assert seed.endswith(
        "; 1 more such call in it; "
        'shared = ["script:tools/seed.sh"] in the settings says that this is meant'
    )
    assert prune.startswith("Makefile:2 calls docker system prune: it also removes")
    settings = Settings(shared=("script:tools/seed.sh",))
    made = plan_of(config, settings=settings, host_facts=HostFacts(calls=calls))
    assert made.warnings == [prune]
    assert ("script", "tools/seed.sh") in made.acknowledged
