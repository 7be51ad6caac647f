"""Without docker, without Compose, or with a Compose that is too old: 69, and nothing is left."""

import json
import os
from pathlib import Path

import pytest

from tests.acceptance.failures.conftest import assert_untouched
from tests.harness.program import write_program
from tests.harness.repository import write
from tests.harness.session import Session

pytestmark = pytest.mark.e2e

OLD = """#!/bin/sh
case " $* " in
*" docker-cli-plugin-metadata "*)
    echo '{"SchemaVersion":"0.1.0","Vendor":"Docker Inc.","Version":"v2.20.0"}' ;;
*" version "*) echo 2.20.0 ;;
*" --variables "*) echo "unknown flag: --variables" >&2; exit 16 ;;
*" config "*) echo '{"name":"x","services":{"web":{"image":"x"}}}' ;;
*) echo "the old Compose was used: $*" >&2; exit 1 ;;
esac
"""


def refused(session: Session, *command: str, **variables: str) -> dict[str, str]:
    """Return the error of a command that ends with 69 in both its forms."""
    done = session.run(*command, "--json", **variables)
    assert done.code == 69, done.err
    error: dict[str, str] = done.error
    told = session.run(*command, **variables)
    assert (told.code, told.out) == (69, "")
    assert error["message"] in told.err
    assert f"hint: {error['hint']}" in told.err
    return error


def plugins(session: Session, script: str = "") -> str:
    """Return a docker configuration whose Compose plugin is this script."""
    folder = session.directory.parent / "docker-config"
    if script:
        write(folder, {"cli-plugins/docker-compose": script})
        (folder / "cli-plugins/docker-compose").chmod(0o755)
    folder.mkdir(exist_ok=True)
    return str(folder)


@pytest.mark.parametrize("command", ["up", "plan"])
def test_without_the_docker_command(command: str, web: Session, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    error = refused(web, command, PATH=str(empty))
    assert error["code"] == "compose_missing"
    assert "`docker` command was not found" in error["message"]
    assert_untouched(web)


def test_a_lease_is_kept_when_docker_is_uninstalled(web: Session, tmp_path: Path) -> None:
    ports = web.json("up")["ports"]
    assert web.run("down", PATH=str(tmp_path)).code == 69
    row = json.loads(web.run("status", "--json", PATH=str(tmp_path)).out)[0]
    assert (row["ports"], row["state"]) == (ports, "unknown")
    assert web.ok("url", "web", PATH=str(tmp_path))


def test_without_the_compose_plugin(web: Session, tmp_path: Path) -> None:
    # The docker command looks in system folders too; this one stands for one that finds nothing.
    says = "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1"
    docker = write_program(tmp_path / "bin/docker", says)
    write(tmp_path, {"config/config.json": '{"cliPluginsExtraDirs": []}'})
    path = f"{docker.parent}{os.pathsep}{web.environ['PATH']}"
    error = refused(web, "up", PATH=path, DOCKER_CONFIG=str(tmp_path / "config"))
    assert error["code"] == "compose_missing"
    assert "its Compose plugin is not" in error["message"]
    assert "Compose plugin, 2.24.4 or newer" in error["hint"]
    assert_untouched(web)


def test_a_compose_that_is_too_old_is_named(web: Session) -> None:
    config = plugins(web, OLD)
    error = refused(web, "up", DOCKER_CONFIG=config)
    assert error["code"] == "compose_too_old"
    assert "2.20.0" in error["message"]
    assert "2.24.4 or newer" in error["hint"]
    assert_untouched(web)


def test_a_compose_that_became_too_old_is_named_on_a_known_file(web: Session) -> None:
    web.ok("up")
    before = web.ids()
    web.ok("stop", "-t", "0")
    error = refused(web, "up", DOCKER_CONFIG=plugins(web, OLD))
    assert error["code"] == "compose_too_old"
    assert web.ids() == before
