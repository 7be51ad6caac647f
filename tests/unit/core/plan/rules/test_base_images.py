"""A Dockerfile that names an image of the file gets the session's image, or there is a warning."""

from collections.abc import Mapping

import pytest

from composeports.core.compose_reader import read_project
from composeports.core.plan.host_facts import HostFacts
from composeports.core.plan.rules.base_images import names_built_image
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, Planned, plan_of

NEW = f"shop/base:latest-{PROJECT}"
NO_BUILD: Mapping[str, object] = {}
GIVEN = {"args": {"BASE": "shop/base"}}
CONTEXT = {"shop/base": f"docker-image://{NEW}"}


def plan(
    text: str,
    build: Mapping[str, object] = NO_BUILD,
    *,
    named_contexts: bool = True,
    settings: Settings | None = None,
    image: str = "shop/base",
) -> Planned:
    services = {
        "base": {"image": image, "build": {"context": "/base"}},
        "app": {"image": "shop/app", "build": {"context": "/app", **build}},
        "web": {"image": "nginx"},
    }
    host_facts = HostFacts(dockerfiles={"app": text}, named_contexts=named_contexts)
    return plan_of({"services": services}, host_facts=host_facts, settings=settings)


def build_of(made: Planned, field: str) -> object:
    return made.override("services", "app", "build", field)


@pytest.mark.parametrize(
    "text",
    [
        "FROM shop/base",
        "FROM shop/base:latest AS x",
        "FROM --platform=linux/amd64 docker.io/shop/base",
        "FROM index.docker.io/shop/base:latest",
        "FROM alpine\nCOPY --from=shop/base /x /x",
        "FROM alpine\nRUN --mount=from=shop/base,target=/x true",
        "ARG BASE=shop/base\nFROM ${BASE}",
        "ARG BASE=shop/base\nFROM $BASE\nFROM shop/base:latest\nCOPY --from=shop/base /x /x",
    ],
)
def test_one_context_replaces_every_spelling(text: str) -> None:
    made = plan(text)
    assert build_of(made, "additional_contexts") == CONTEXT
    assert made.changes("image")[-1] == (
        "app",
        "build.additional_contexts.shop/base",
        "",
        f"docker-image://{NEW}",
    )
    assert len([where for _, where, _, _ in made.changes("image") if "contexts" in where]) == 1
    assert (build_of(made, "args"), made.warnings) == (None, [])


@pytest.mark.parametrize(
    "text",
    [
        "ARG BASE\nARG TAG=latest\nFROM ${BASE}:${TAG}",
        'ARG BASE\nFROM "$BASE:latest" AS x',
        "ARG BASE\nARG FULL=$BASE:latest\nFROM $FULL",
        "ARG BASE\nFROM alpine\nCOPY --from=shop/base /x /x\nFROM --platform=x ${BASE}:latest",
    ],
)
def test_an_argument_that_is_a_part_of_the_name_stays(text: str) -> None:
    """With the session's tag in it, the name would have two."""
    made = plan(text, GIVEN)
    assert build_of(made, "additional_contexts") == CONTEXT
    assert (build_of(made, "args"), made.warnings) == (None, [])
    old = plan(text, GIVEN, named_contexts=False)
    assert any("shop/base:latest, which the file builds" in text for text in old.warnings) or (
        build_of(old, "args") == {"FULL": NEW}
    )
    assert build_of(plan("ARG BASE\nFROM ${BASE}\nENV X=a", GIVEN), "args") == {"BASE": NEW}


@pytest.mark.parametrize(
    ("image", "name", "key"),
    [
        ("base", "docker.io/library/base:latest", "base"),
        ("shop/base:dev", "docker.io/shop/base:dev", "shop/base:dev"),
        ("localhost:5000/x/base:dev", "localhost:5000/x/base:dev", "localhost:5000/x/base:dev"),
    ],
)
def test_a_context_has_the_short_name(image: str, name: str, key: str) -> None:
    contexts = build_of(plan(f"FROM {name}", image=image), "additional_contexts")
    assert isinstance(contexts, dict)
    assert list(contexts) == [key]


@pytest.mark.parametrize(
    ("text", "build"),
    [
        ("FROM alpine", {}),
        ("FROM shop/base:other", {}),
        ("FROM shop/base@sha256:00", {}),
        ("FROM alpine AS shop\nFROM shop", {}),
        ("FROM shop/app", {}),
        ("FROM shop/base", {"tags": ["shop/base"]}),
        ("FROM shop/base", {"additional_contexts": {"shop/base": "/folder"}}),
        ("ARG BASE\nFROM $BASE", {"args": {"BASE": "alpine"}}),
    ],
)
def test_other_images_stay(text: str, build: dict[str, object]) -> None:
    for named_contexts in (True, False):
        made = plan(text, build, named_contexts=named_contexts)
        assert "docker-image" not in str(build_of(made, "additional_contexts"))
        assert made.warnings == []


@pytest.mark.parametrize("named_contexts", [True, False])
def test_an_argument_that_the_file_gives_is_enough(named_contexts: bool) -> None:
    made = plan("ARG BASE\nFROM $BASE", GIVEN, named_contexts=named_contexts)
    assert build_of(made, "args") == {"BASE": NEW}
    assert (build_of(made, "additional_contexts"), made.warnings) == (None, [])


def test_an_argument_that_is_kept_is_not() -> None:
    settings = Settings(keep_urls=("BASE",))
    made = plan("ARG BASE\nFROM $BASE", GIVEN, settings=settings)
    assert (build_of(made, "args"), build_of(made, "additional_contexts")) == (None, CONTEXT)


def test_the_default_of_an_argument_is_replaced_on_every_builder() -> None:
    made = plan("ARG BASE=shop/base\nFROM ${BASE}", named_contexts=False)
    assert (build_of(made, "args"), made.warnings) == ({"BASE": NEW}, [])
    assert ("app", "build.args.BASE", "shop/base", NEW) in made.changes("image")


@pytest.mark.parametrize(
    ("text", "named_contexts", "reason"),
    [
        ("FROM shop/base\nCOPY --from=shop/base:latest / /", False, "this builder cannot"),
        ("ARG T=latest\nFROM shop/base:$T", False, "this builder cannot"),
        ("FROM base AS base", True, "a stage of the Dockerfile has the same"),
    ],
)
def test_a_name_that_cannot_be_replaced_is_a_warning(
    text: str, named_contexts: bool, reason: str
) -> None:
    image = "base" if "AS base" in text else "shop/base"
    (*_, warning) = (made := plan(text, named_contexts=named_contexts, image=image)).warnings
    assert warning.startswith("app: its Dockerfile names ")
    assert reason in warning
    assert "[isolate] images = false" in warning
    assert build_of(made, "additional_contexts") is None


def test_shared_images_stay() -> None:
    made = plan("FROM shop/base", settings=Settings(isolate_images=False))
    assert (made.changes("image"), made.warnings) == ([], [])


@pytest.mark.parametrize(
    ("service", "text", "names"),
    [("app", "FROM shop/base", True), ("base", "FROM shop/base", False), ("web", "FROM x", False)],
)
def test_only_images_of_other_services_count(service: str, text: str, names: bool) -> None:
    services = {
        "base": {"image": "shop/base", "build": {"context": "/base"}},
        "app": {"build": {"context": "/app"}},
        "web": {"image": "nginx"},
    }
    project = read_project({"name": PROJECT, "services": services})
    (chosen,) = (each for each in project.services if each.name == service)
    assert names_built_image(chosen, text, ["docker.io/shop/base:latest"]) is names


@pytest.mark.parametrize(
    ("text", "build", "after"),
    [
        ("FROM shop/base", {}, False),
        ("ARG BASE\nFROM $BASE", GIVEN, False),
        ("FROM x", {"additional_contexts": {"x": "docker-image://shop/base"}}, False),
        ("FROM alpine", {"additional_contexts": {"x": "docker-image://alpine"}}, None),
        ("FROM alpine", {}, None),
    ],
)
def test_a_build_asks_no_registry_for_the_session_s_image(
    text: str, build: Mapping[str, object], after: object
) -> None:
    made = plan(text, {**build, "pull": True})
    assert build_of(made, "pull") is after
    changes = [change for change in made.changes("image") if change[1] == "build.pull"]
    assert changes == ([] if after is None else [("app", "build.pull", "true", "false")])
    assert build_of(plan(text, build), "pull") is None
