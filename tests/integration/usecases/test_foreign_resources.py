"""Containers, networks and volumes with only the project's label are named and kept."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from mcp import Client

from tests.harness.repository import add_worktree
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import over_stdio, refused
from tests.support.serving import serving

pytestmark = pytest.mark.integration

# What every way of removal would ask of the engine.
REMOVALS = ("rm ", "stop ", "network rm", "volume rm", "image rm")


def removals(docker: FakeDocker) -> list[str]:
    """Return the command lines that take something away."""
    return [
        call
        for call in docker.calls
        if call.startswith(REMOVALS) or (call.startswith("compose ") and " down" in call)
    ]


def let_it_have(
    docker: FakeDocker, project: str, directory: str, *, container: bool = True, store: str = ""
) -> None:
    """Put a container, a network and a volume of the project on the fake engine."""
    session = "another session" if store else ""
    mark = f"{store}\\t{session}"
    shown = f"0123\\tweb-1\\t{project}\\t{mark}\\texited\\t{directory}\\n"
    listed = f"0123\\texited\\t{project}\\tweb\\t\\tweb-1\\t{directory}\\t\\t{mark}\\t\\n"
    lines = f"""case "$*" in *Names*State*) printf '{shown}' ;; *) printf '{listed}' ;; esac"""
    docker.run_before("ps", f"{lines if container else ':'}; exit 0")
    for kind in ("network", "volume"):
        docker.answer(kind, f"{kind}-1\t{kind}-1\t{project}\t{store}\t{session}\n")


@pytest.fixture
def place(shell: Shell, docker: FakeDocker, tmp_path: Path) -> Shell:
    """A linked worktree that holds a lease."""
    docker.publish(web=8080)
    folder = add_worktree(shell.cwd, tmp_path / "one", "one")
    user = shell.at(folder).using(docker)
    assert user.run("allocate").code == 0
    return user


def project_of(place: Shell) -> str:
    (row,) = place.run("status", "--json").document
    name: str = row["compose_project_name"]
    return name


Ask = Callable[[Shell], Iterable[tuple[str, str]]]


def by_command(*arguments: str) -> Ask:
    """Run a command; return the code of its failure, and its words."""

    def ask(place: Shell) -> Iterable[tuple[str, str]]:
        done = place.run(*arguments, "--json")
        assert done.code == 75, done
        document = json.loads(done.out)
        # `down --all` has one document for each session.
        errors = [each["error"] for each in document.get("sessions", [document])]
        return [(error["code"], error["message"]) for error in errors]

    return ask


def by_http(*paths: str) -> Ask:
    def ask(place: Shell) -> Iterable[tuple[str, str]]:
        (row,) = place.run("status", "--json").document
        with serving(place) as server:
            answers = [server.post(path, row["session_id"]) for path in paths]
        assert [answer.status_code for answer in answers] == [409] * len(paths)
        return [(answer.json()["error"], answer.json()["message"]) for answer in answers]

    return ask


def by_mcp(*tools: str) -> Ask:
    def ask(place: Shell) -> Iterable[tuple[str, str]]:
        (row,) = place.run("status", "--json").document
        stack = {"worktree": str(place.cwd)}

        async def talk(client: Client) -> list[dict[str, str]]:
            return [
                refused(
                    await client.call_tool(
                        tool,
                        stack if tool == "compose_down" else {"session_id": row["session_id"]},
                    )
                )
                for tool in tools
            ]

        return [(told["error"], told["message"]) for told in over_stdio(place.environ, talk)]

    return ask


# Nothing is removed by `release`, so it gives the same reason for containers of any owner.
REFUSALS = {"project_foreign", "stack_left"}


@pytest.mark.parametrize("store", ["", "f" * 32], ids=["without labels", "another store's"])
@pytest.mark.parametrize(
    "ask",
    [
        by_command("up"),
        by_command("down"),
        by_command("down", "-v"),
        by_command("down", "--rmi", "all"),
        by_command("down", "--all", "--yes"),
        by_command("release"),
        by_http("/stacks/down", "/ports/release"),
        by_mcp("compose_down", "release_ports"),
    ],
    ids=["up", "down", "down -v", "down --rmi", "down --all", "release", "HTTP", "MCP"],
)
def test_a_project_with_a_foreign_container_is_left_alone(
    place: Shell, docker: FakeDocker, ask: Ask, store: str
) -> None:
    let_it_have(docker, project_of(place), "/elsewhere", store=store)
    for code, message in ask(place):
        assert code in REFUSALS
        assert "web-1" in message
    assert removals(docker) == []
    assert len(place.run("status", "--json").document) == 1


@pytest.mark.parametrize("container", [True, False])
def test_gc_leaves_what_is_not_shown_to_be_the_session_s(
    place: Shell, shell: Shell, docker: FakeDocker, *, container: bool
) -> None:
    project = project_of(place)
    let_it_have(docker, project, "/elsewhere", container=container)
    shutil.rmtree(place.cwd)
    done = shell.using(docker).run("gc", "--volumes", "--json")
    assert removals(docker) == []
    if container:
        assert f"{project} is kept: web-1 was started by another session or program" in done.err
        assert shell.run("status", "--json").document
    else:
        (cleaned,) = json.loads(done.out)
        assert [line.partition(":")[0] for line in cleaned["left"]] == [
            "network network-1",
            "volume volume-1",
        ]


def test_gc_compares_labels_again_when_it_holds_the_lock(
    place: Shell, shell: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    """Between the first list of containers and the removal, another stack has taken the name."""
    project, answers = project_of(place), []
    for directory in (str(place.cwd), "/elsewhere"):
        let_it_have(docker, project, directory)
        answers.append((docker.folder / "ps.sh").read_text())
    first, later = answers
    mark = tmp_path / "asked"
    docker.run_before("ps", f"if [ -e {mark} ]; then {later}\nelse touch {mark}; {first}\nfi")
    shutil.rmtree(place.cwd)
    assert shell.using(docker).run("gc", "--volumes").code == 0
    assert mark.exists()
    assert removals(docker) == []


@pytest.mark.parametrize(
    ("arguments", "left"),
    [(("down",), ["network"]), (("down", "-v"), ["network", "volume"])],
)
def test_down_leaves_networks_and_volumes_without_a_container_that_shows_whose_they_are(
    place: Shell, docker: FakeDocker, arguments: tuple[str, ...], left: list[str]
) -> None:
    let_it_have(docker, project_of(place), "", container=False)
    done = place.run(*arguments, "--json")
    assert (done.code, done.error["code"]) == (75, "project_foreign")
    assert done.error["details"]["left"] == [f"{kind} {kind}-1" for kind in left]
    assert removals(docker) == []


@pytest.mark.parametrize(
    "ask", [by_http("/stacks/down"), by_mcp("compose_down")], ids=["HTTP", "MCP"]
)
def test_a_server_names_and_leaves_a_network_that_only_carries_the_label(
    place: Shell, docker: FakeDocker, ask: Ask
) -> None:
    """A server removes no volumes at all."""
    let_it_have(docker, project_of(place), "", container=False)
    ((code, message),) = ask(place)
    assert code == "project_foreign"
    assert "network network-1" in message
    assert removals(docker) == []


def test_what_the_session_has_started_is_removed(
    place: Shell, shell: Shell, docker: FakeDocker
) -> None:
    let_it_have(docker, project_of(place), str(place.cwd))
    place.run("down", "-v")
    assert any(" down" in call for call in removals(docker))
    shutil.rmtree(place.cwd)
    shell.using(docker).run("gc", "--volumes")
    for call in ("rm --force --volumes 0123", "network rm network-1", "volume rm volume-1"):
        assert call in removals(docker)


def test_gc_does_not_believe_a_record_with_a_foreign_project(
    place: Shell, shell: Shell, docker: FakeDocker
) -> None:
    """The labels are the forged session's own, so nothing but the record's check is in the way."""
    let_it_have(docker, "shop", str(place.cwd))
    with closing(sqlite3.connect(shell.state / "leases.sqlite3")) as store, store:
        store.execute("UPDATE leases SET project = 'shop'")
    shutil.rmtree(place.cwd)
    done = shell.using(docker).run("gc", "--volumes")
    assert "holds a damaged record" in done.err
    assert removals(docker) == []
