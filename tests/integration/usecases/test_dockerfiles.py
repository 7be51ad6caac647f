"""Dockerfiles that name an image of the file are read, and the builder is asked what it can."""

import json
import os
from pathlib import Path

import pytest

from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

CONTEXT = "build.additional_contexts.shop/base"
ARGUMENT = "build.args.BASE"
FROM = "FROM shop/base\n"


def build(docker: FakeDocker, **fields: object) -> None:
    """Let the Compose file build shop/base, and another image with these fields of `build`."""
    services = {
        "base": {"image": "shop/base", "build": {"context": "/nowhere"}},
        "app": {"image": "shop/app", "build": fields},
    }
    docker.answer("config", json.dumps({"name": "any", "services": services}))


def places(shell: Shell) -> list[str]:
    """Return which fields of the app's build the plan changes."""
    plan = shell.run("plan", "--json")
    assert plan.code == 0, plan
    changes = plan.document["changes"]
    return [each["where"] for each in changes if each["service"] == "app"]


@pytest.fixture
def here(shell: Shell, docker: FakeDocker) -> Shell:
    docker.publish()
    (shell.cwd / "Dockerfile").write_text(FROM)
    return shell.using(docker)


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, True),
        ({"dockerfile": "Dockerfile"}, True),
        ({"dockerfile": "link"}, True),
        ({"dockerfile": "missing"}, False),
        ({"dockerfile": "pipe"}, False),
        ({"dockerfile_inline": "ARG B=shop/base\nFROM $${B}\n"}, True),
        ({"dockerfile_inline": "FROM alpine\n"}, False),
        ({"context": "https://git.invalid/shop.git"}, False),
    ],
)
def test_a_dockerfile_is_read_where_it_is_a_file(
    here: Shell, docker: FakeDocker, fields: dict[str, object], found: bool
) -> None:
    (here.cwd / "link").symlink_to("Dockerfile")
    os.mkfifo(here.cwd / "pipe")
    build(docker, **{"context": str(here.cwd), **fields})
    assert (CONTEXT in places(here)) is found
    assert ("buildx inspect" in docker.calls) is found


@pytest.mark.parametrize(
    ("version", "builder", "switch", "able"),
    [
        ("28.5.2", "Name: default\nDriver: docker\n", "", True),
        ("23.0.0", "", "1", True),
        ("unknown", "", "", True),
        ("", "Name: default\nDriver: \nError: no engine answers\n", "", True),
        ("28.5.2", "", "0", False),
        ("20.10.24+dfsg1", "", "", False),
        ("4.3.1", "", "", False),
        ("28.5.2", "Name: own\nDriver:   docker-container\n", "", False),
    ],
)
def test_a_builder_that_cannot_replace_the_name_is_told(  # noqa: PLR0917 - a table
    here: Shell, docker: FakeDocker, version: str, builder: str, switch: str, able: bool
) -> None:
    docker.answer("engine", f"{version}\n")
    docker.answer("buildx", builder)
    build(docker, context=str(here.cwd))
    user = here.having(DOCKER_BUILDKIT=switch) if switch else here
    plan = user.run("plan", "--json").document
    assert (CONTEXT in {each["where"] for each in plan["changes"]}) is able
    assert bool(plan["warnings"]) is not able
    assert user.run("plan", "--strict").code == (0 if able else 78)
    Path(here.cwd / "Dockerfile").write_text("ARG BASE=shop/base\nFROM $BASE\n")
    plan = user.run("plan", "--json").document
    assert (ARGUMENT in {each["where"] for each in plan["changes"]}) is not able
    assert plan["warnings"] == []


def test_nothing_is_read_where_images_are_shared(here: Shell, docker: FakeDocker) -> None:
    (here.cwd / "composeports.toml").write_text("[isolate]\nimages = false\n")
    build(docker, context=str(here.cwd))
    assert "changes" in here.run("plan", "--json").document
    assert "buildx inspect" not in docker.calls
