"""The shell commands of docs/guide.md and docs/shell.md, in order, in a real worktree.

tests/integration runs the commands that need a shell, direnv or a server; the table in
tests/unit/test_documented.py says which test runs which block.
"""

from pathlib import Path

import pytest

from tests.harness.program import run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.support.documents import blocks

pytestmark = pytest.mark.e2e

FILES = {
    "compose.yaml": stack(
        {
            "web": {"ports": ["8080:80"], "environment": {"SITE": "${SITE_URL:-none}"}},
            "db": {
                "ports": ["5432:5432"],
                "volumes": ["rows:/rows"],
                "command": [
                    "sh",
                    "-c",
                    "[ -e /rows/own ] || echo $$HOSTNAME > /rows/own; sleep 99",
                ],
            },
        },
        volumes={"rows": {}},
    )
}
ELSEWHERE = ("completion", "has composeports")


def commands_of(page: str) -> list[str]:
    return [
        command
        for block in blocks(page, "sh")
        if not any(word in block.text for word in ELSEWHERE)
        for command in block.commands
    ]


def test_the_commands_of_guide_and_shell_are_run_in_order(make_repository: MakeRepository) -> None:
    shop = make_repository(FILES)
    shop.main.ok("up", "--wait")
    home = shop.main.directory.parent / "home"
    home.mkdir()
    worktree = shop.worktree("login")
    here = Session(worktree.directory, {**worktree.environ, "HOME": str(home)})
    for command in (*commands_of("docs/guide.md"), *commands_of("docs/shell.md")):
        done = here.shell(command)
        assert done.code == 0, f"{command}: exit {done.code}\n{done.out}{done.err}"
    own = shop.main.ok("exec", "-T", "db", "cat", "/rows/own")
    assert here.ok("exec", "-T", "db", "cat", "/rows/own") == own
    git = run("git", "status", "--short", "-uall", cwd=here.directory, environ=here.environ)
    made = {line.split()[1] for line in git.out.splitlines()}
    assert {path for path in made if "/skills/" not in path} == {
        ".mcp.json",
        ".codex/config.toml",
        ".github/workflows/composeports.yml",
    }
    for agent in (".claude", ".codex", ".gemini"):
        assert f"{agent}/skills/validate-feature/SKILL.md" in made
    uses_the_settings(here)
    shop.main.ok("down", "--volumes", "-t", "0")


def uses_the_settings(here: Session) -> None:
    """Plan with the settings file of the guide, for the file and the services that it names."""
    settings, *_ = blocks("docs/guide.md", "toml")
    (here.directory / "composeports.toml").write_text(settings.text)
    Path(here.directory / "deploy").mkdir()
    (here.directory / "compose.yaml").rename(here.directory / "deploy/compose.yaml")
    here.change("8080:80", "8080:3000", "deploy/compose.yaml")
    planned = here.json("plan")
    assert planned["ports"]["web:3000/tcp"] == 3000
    assert planned["env"]["SITE_URL"] == "http://localhost:3000"
    port = planned["ports"]["db:5432/tcp"]
    assert planned["env"]["DATABASE_URL"].endswith(f"@localhost:{port}/postgres")
    assert planned["session_id"].endswith("#deploy")
