"""Labels show the owner of containers, networks and volumes; those without are named and kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from composeports.core.session import project_name
from tests.harness.engine import PROJECT_LABEL, docker, engine, remove
from tests.harness.repository import git, stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.store import change_store

pytestmark = pytest.mark.e2e

SHOP = stack(
    {"web": {"ports": ["8080:80"], "volumes": ["data:/data"]}},
    volumes={"data": {}, "models": {"external": True, "name": "labels-test-models"}},
)
STORE, SESSION = "io.composeports.store", "io.composeports.session"
NAME = "feature $x"


@pytest.fixture
def one(make_repository: MakeRepository) -> Session:
    return make_repository({"compose.yaml": SHOP}).worktree("one")


@pytest.fixture
def models() -> Iterator[str]:
    docker("volume", "create", "labels-test-models")
    yield "labels-test-models"
    remove("volume", "labels-test-models")


def inspected(kind: str, name: str) -> dict[str, Any]:
    (found,) = json.loads(docker(kind, "inspect", name))
    result: dict[str, Any] = found
    return result


def marks(kind: str, name: str) -> tuple[str, str]:
    found = inspected(kind, name)
    labels = (found["Config"] if kind == "container" else found).get("Labels") or {}
    return labels.get(STORE, ""), labels.get(SESSION, "")


def test_up_labels_what_it_makes_once_and_for_all(one: Session, models: str) -> None:
    project = one.json("--session", NAME, "up")["compose_project_name"]
    named = {
        "container": f"{project}-web-1",
        "network": f"{project}_default",
        "volume": f"{project}_data",
    }
    store, session = marks("container", named["container"])
    assert len(store) == 32
    assert session == NAME
    assert {marks(kind, name) for kind, name in named.items()} == {(store, session)}
    assert marks("volume", models) == ("", "")
    before = {kind: inspected(kind, name).get("Id") for kind, name in named.items()}
    one.ok("--session", NAME, "up")
    assert {kind: inspected(kind, name).get("Id") for kind, name in named.items()} == before
    one.ok("--session", NAME, "down", "-t", "0")
    docker("volume", "inspect", named["volume"])
    one.ok("--session", NAME, "up")
    one.ok("--session", NAME, "down", "-v", "-t", "0")
    assert engine().resources(project) == []


def tags(kind: str, name: str) -> list[str]:
    found = inspected(kind, name)
    labels = (found["Config"] if kind == "container" else found).get("Labels") or {}
    return [labels.get(f"io.composeports.{name}", "") for name in ("name", "branch", "worktree")]


def parts_of(session: Session) -> dict[str, tuple[str, str]]:
    """Return what identifies container, network and volume; a volume has no id."""
    return {
        "container": (f"{session.project}-web-1", "Id"),
        "network": (f"{session.project}_default", "Id"),
        "volume": (f"{session.project}_data", "CreatedAt"),
    }


def identities(session: Session) -> dict[str, str]:
    return {kind: inspected(kind, name)[key] for kind, (name, key) in parts_of(session).items()}


def all_tags(session: Session) -> dict[str, list[str]]:
    return {kind: tags(kind, name) for kind, (name, _) in parts_of(session).items()}


def write_data(session: Session, text: str) -> None:
    session.ok("exec", "-T", "web", "sh", "-c", f"echo {text} > /data/file")


def read_data(session: Session) -> str:
    return session.ok("exec", "-T", "web", "cat", "/data/file").strip()


def test_containers_networks_and_volumes_say_whose_they_are(one: Session, models: str) -> None:
    assert models
    one.ok("up")
    made = ["one", "one", str(one.directory)]
    assert all_tags(one) == dict.fromkeys(parts_of(one), made)
    listed = docker("ps", "--format", '{{.Label "io.composeports.name"}}', "--filter", "name=web-1")
    assert "one" in listed.splitlines()
    write_data(one, "kept")
    before = identities(one)
    # A branch switch changes no label of a stack that exists.
    git(one.directory, "switch", "-q", "-c", "topic/2")
    one.ok("up")
    assert (identities(one), all_tags(one)) == (before, dict.fromkeys(parts_of(one), made))
    # A new stack has the new branch, and its volume keeps labels and data.
    one.ok("down", "-t", "0")
    one.ok("up")
    new = ["one", "topic/2", str(one.directory)]
    assert all_tags(one) == {"container": new, "network": new, "volume": made}
    assert identities(one)["volume"] == before["volume"]
    assert read_data(one) == "kept"
    # An earlier version that wrote the lease forgot the labels; the engine has them.
    before = identities(one)
    change_store(one.state, "UPDATE leases SET memory = json_remove(memory, '$.tags', '$.name')")
    one.ok("up")
    assert identities(one) == before
    one.ok("down", "-v", "-t", "0")
    assert one.resources_of() == []


def test_a_stack_of_an_earlier_version_is_not_made_again(one: Session, models: str) -> None:
    assert models
    one.ok("allocate")
    none = '{"stack": ["", "", ""]}'
    own = "UPDATE leases SET memory = json_set(memory, '$.marks', json('{}'), '$.tags', json(?))"
    change_store(one.state, own, none)
    one.ok("up")
    assert all_tags(one) == {kind: ["", "", ""] for kind in parts_of(one)}
    write_data(one, "kept")
    before = identities(one)
    change_store(one.state, "UPDATE leases SET memory = json_remove(memory, '$.tags', '$.name')")
    one.ok("up")
    one.ok("up")
    assert identities(one) == before
    # After down, containers and networks are new and say whose they are; the volume stays.
    one.ok("down", "-t", "0")
    one.ok("up")
    new = ["one", "one", str(one.directory)]
    assert all_tags(one) == {"container": new, "network": new, "volume": ["", "", ""]}
    assert identities(one)["volume"] == before["volume"]
    assert read_data(one) == "kept"
    one.ok("down", "-v", "-t", "0")


def test_a_volume_without_labels_keeps_its_data_and_goes_with_its_stack(
    one: Session, models: str
) -> None:
    assert models
    volume = f"{one.project}_data"
    label = f"{PROJECT_LABEL}={one.project}"
    key = "com.docker.compose.volume=data"
    docker("volume", "create", "--label", label, "--label", key, volume)
    created = inspected("volume", volume)["CreatedAt"]
    one.ok("up")
    one.ok("up")
    assert marks("volume", volume) == ("", "")
    assert inspected("volume", volume)["CreatedAt"] == created
    one.ok("down", "-v", "-t", "0")
    assert one.resources_of() == []


def test_a_volume_that_only_carries_the_project_s_label_is_named_and_left(
    one: Session, models: str
) -> None:
    assert models
    one.ok("up")
    one.ok("down", "-v", "-t", "0")
    volume = f"{one.project}_data"
    docker("volume", "create", "--label", f"{PROJECT_LABEL}={one.project}", volume)
    try:
        done = one.run("down", "-v", "--json")
        assert done.code == 75, done.err
        error = done.error
        assert error["code"] == "project_foreign"
        assert error["details"]["left"] == [f"volume {volume}"]
        assert f"docker volume rm {volume}" in error["hint"]
        assert one.resources_of() == [f"volume {volume}"]
    finally:
        remove("volume", volume)


def test_a_forged_lease_takes_nothing_of_a_foreign_stack(one: Session, tmp_path: Path) -> None:
    """The record names a worktree that is gone, and the project that another one's stack has."""
    name = project_name("evil")
    other = Session(tmp_path / "elsewhere", one.environ, name)
    write(
        other.directory,
        {"compose.yaml": stack({"db": {"volumes": ["data:/data"]}}, volumes={"data": {}})},
    )
    other.compose("-p", name, "up", "--detach")
    try:
        one.ok("allocate")
        place = json.dumps(
            {
                "worktree": str(tmp_path / "gone"),
                "git_dir": "",
                "directory": str(tmp_path / "gone"),
                "branch": "",
                "machine": "",
            }
        )
        own = "UPDATE leases SET session_id = 'evil', project = ?, place = ?"
        change_store(one.state, own, name, place)
        before = other.resources_of()
        done = one.run("gc", "--volumes")
        assert "was started by another session or program" in done.err, done
        assert other.resources_of() == before
        assert set(other.containers("running")) == {"db-1"}
        change_store(one.state, "UPDATE leases SET project = 'elsewhere'")
        done = one.run("gc", "--volumes")
        assert "damaged record of session 'evil'" in done.err
        assert other.resources_of() == before
        docker("rm", "--force", f"{name}-db-1")
        change_store(one.state, "UPDATE leases SET project = ?", name)
        done = one.run("gc", "--volumes")
        assert done.code == 75, done
        assert f"still there: volume {name}_data" in done.err
        assert f"volume {name}_data" in other.resources_of()
    finally:
        other.compose("-p", name, "down", "--volumes", "-t", "0")
