"""The first hour of a team, as docs/first-hour.md tells it: ten worktrees, agents, a failure."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from tests.harness.engine import docker
from tests.harness.program import PROGRAM
from tests.harness.repository import make_repository
from tests.support.console import BASE, IMAGES, Console, console_steps, run
from tests.support.documents import ROOT
from tests.support.mcp_client import over_stdio, told

pytestmark = pytest.mark.e2e

PAGE = (ROOT / "docs/first-hour.md").read_text()
HOOKED = ("cart", "search", "stock")
AGENTS = tuple(f"agent-{number}" for number in range(1, 7))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The repository of the page: its Compose file, and an `.env` that git ignores."""
    steps = dict(console_steps(PAGE))
    files = {
        "compose.yaml": steps["cat compose.yaml"],
        ".gitignore": steps["cat .gitignore"],
    }
    made = make_repository(tmp_path / "shop", files)
    (made / ".env").write_text("DB_PASSWORD=s3cret\nWEB_PORT=8080\n")
    return made


@pytest.fixture
def environ(tmp_path: Path, shop: Path) -> Iterator[dict[str, str]]:
    """A new user's environment; afterwards every stack is down."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n  name = you\n  email = you@example.com\n")
    made = {**os.environ, "HOME": str(home), "COMPOSEPORTS_STATE_DIR": str(tmp_path / "state")}
    yield made
    run("composeports down --all --yes -v -t 0", shop, made)


def agents_start(shop: Path, environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Let agents make their worktrees and start their stacks at once; return the answers."""
    trees = [shop.parent / name for name in AGENTS]
    for tree in trees:
        run(f"git worktree add -q {tree}", shop, environ)

    async def talk(client: Client) -> list[dict[str, Any]]:
        answers: dict[Path, dict[str, Any]] = {}

        async def start(tree: Path) -> None:
            answers[tree] = told(await client.call_tool("compose_up", {"worktree": str(tree)}))

        async with anyio.create_task_group() as group:
            for tree in trees:
                group.start_soon(start, tree)
        return [answers[tree] for tree in trees]

    path = f"{PROGRAM.parent}:{environ['PATH']}"
    return over_stdio({**environ, **IMAGES, "PORT_ALLOC_BASE": f"{BASE}000", "PATH": path}, talk)


def projects_of_leases(shop: Path, environ: dict[str, str]) -> list[str]:
    listed, _ = run("composeports status --json", shop, environ)
    return [each["compose_project_name"] for each in json.loads(listed)]


def resources(projects: Iterable[str]) -> list[str]:
    """Return the containers, networks and volumes of the projects that are left."""
    kinds = (("ps", "-a"), ("network", "ls"), ("volume", "ls"))
    labels = [f"--filter=label=com.docker.compose.project={project}" for project in projects]
    return [
        line for label in labels for kind in kinds for line in docker(*kind, "-q", label).split()
    ]


def test_the_page_is_what_happens(shop: Path, environ: dict[str, str]) -> None:
    console = Console(shop, shop.parent, environ)
    projects: list[str] = []
    for section in PAGE.split("\n## "):
        if section.startswith("Agents"):
            answers = agents_start(shop, environ)
            assert len({answer["urls"]["web:80/tcp"] for answer in answers}) == len(AGENTS)
            projects = projects_of_leases(shop, environ)
            assert len(projects) == len(("shop", "login", *HOOKED, *AGENTS))
        console.run_steps(section)
    console.assert_shown()
    assert not (shop / ".composeports").exists()
    assert resources(projects) == []
