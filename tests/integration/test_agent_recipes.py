"""The recipes of docs/agents.md, run as each tool would run them, in real worktrees.

docs/agents.md says for each recipe which test runs it, and why the tool itself does not.
"""

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness.program import PROGRAMS, Done, run
from tests.harness.repository import GIT_ENVIRONMENT, add_worktree, write
from tests.support.ci_jobs import text_of
from tests.support.machine import FakeDocker, Shell
from tests.support.recipes import Recipe, recipe

pytestmark = pytest.mark.integration

PAGE = "docs/agents.md"
AGENTS = {"Claude Code": "claude", "Codex": "codex", "Gemini CLI": "gemini"}
MCP_FILES = {
    "claude": ".mcp.json",
    "codex": ".codex/config.toml",
    "gemini": ".gemini/settings.json",
}


@dataclass
class Tool:
    """An agent's tool: it makes worktrees of a repository, and runs what a recipe says."""

    repository: Path
    environ: dict[str, str]
    shell: Shell

    def run(self, script: str, cwd: Path, stdin: str = "", **variables: str) -> Done:
        """Run a script as tools do: in a shell, with something on stdin."""
        environ = {**self.environ, "PWD": str(cwd), **variables}
        with_stdin = run("sh", "-c", f"printf '%s' \"$STDIN\" | ({script}\n)", cwd=cwd,
                         environ={**environ, "STDIN": stdin})  # fmt: skip
        assert "Traceback" not in with_stdin.err
        return with_stdin

    def ok(self, script: str, cwd: Path, stdin: str = "", **variables: str) -> str:
        """Run a script that has to succeed, and return its stdout."""
        done = self.run(script, cwd, stdin, **variables)
        assert done.code == 0, f"{script}: exit {done.code}\n{done.out}{done.err}"
        return done.out

    def worktree(self, path: str) -> Path:
        """Make a worktree at a path from the main checkout, without a hook."""
        folder = Path(os.path.normpath(self.repository / path))
        return add_worktree(self.repository, folder, folder.name)

    @property
    def leased(self) -> list[str]:
        """The worktrees that hold leases."""
        rows = self.shell.run("status", "--json").document
        return sorted(row["worktree"] for row in rows if row["worktree"] != str(self.repository))


@pytest.fixture
def tool(repository: Path, shell: Shell, docker: FakeDocker) -> Tool:
    docker.publish(web=8080)
    mine = shell.using(docker)
    environ = {**mine.environ, **GIT_ENVIRONMENT, "PATH": f"{PROGRAMS}:{docker.path}:/usr/bin:/bin"}
    return Tool(repository, environ, mine.having(**GIT_ENVIRONMENT))


def put(tool: Tool, found: Recipe) -> dict[str, str]:
    """Write the files of a recipe into the main checkout."""
    write(tool.repository, found.files)
    return found.files


def test_git_worktree_alone(tool: Tool) -> None:
    commands = recipe(PAGE, "git worktree alone").commands
    folder = tool.repository.parent / "shop-login"
    at_up = next(at for at, command in enumerate(commands) if " up" in command)
    tool.ok("set -e\n" + "\n".join(commands[:at_up]), tool.repository)
    assert tool.leased == [str(folder)]
    rest = [f"cd {tool.repository}", f"cd {folder}", *commands[at_up:]]
    tool.ok("set -e\n" + "\n".join(rest), tool.repository)
    assert tool.leased == []
    assert not folder.exists()


@pytest.mark.parametrize("heading", AGENTS)
def test_an_agent_s_parts_are_installed(tool: Tool, heading: str) -> None:
    agent = AGENTS[heading]
    for command in recipe(PAGE, heading).commands:
        tool.ok(command, tool.repository)
    skill = tool.repository / f".{agent}/skills/composeports/SKILL.md"
    assert skill.read_text().startswith("---\nname: composeports\n")
    assert "composeports" in (tool.repository / MCP_FILES[agent]).read_text()
    made = tool.repository / f".{agent}/worktrees/feature"
    tool.ok(f"git worktree add -q -b feature {made}", tool.repository)
    assert tool.leased == [str(made)]


CREATED = {"session_id": "s", "cwd": "/", "hook_event_name": "WorktreeCreate"}


def hook(tool: Tool, event: str) -> str:
    """Return the command of a hook in Claude Code's settings."""
    settings = json.loads((tool.repository / ".claude/settings.json").read_text())
    ((command,),) = ([each["command"] for each in group["hooks"]]
                     for group in settings["hooks"][event])  # fmt: skip
    return str(command)


@pytest.mark.parametrize(
    "named",
    [{"name": "feat-auth"}, {"worktree_name": "feat-auth", "source_ref": "main", "base_path": "/"}],
)
def test_claude_code_s_hooks_make_and_remove_a_worktree(
    tool: Tool, docker: FakeDocker, named: dict[str, Any]
) -> None:
    put(tool, recipe(PAGE, "Claude Code"))
    project = {"CLAUDE_PROJECT_DIR": str(tool.repository)}
    create, remove = hook(tool, "WorktreeCreate"), hook(tool, "WorktreeRemove")
    folder = tool.repository / ".claude/worktrees/feat-auth"
    said = tool.ok(create, tool.repository, json.dumps(CREATED | named), **project)
    assert said == f"{folder}\n"
    assert (folder / "compose.yaml").exists()
    assert tool.leased == [str(folder)]
    gone = json.dumps({"hook_event_name": "WorktreeRemove", "worktree_path": str(folder)})
    (folder / "work.txt").write_text("not committed\n")
    before = len(docker.calls)
    assert tool.run(remove, tool.repository, gone, **project).code != 0
    assert (folder / "work.txt").exists()
    assert [call for call in docker.calls[before:] if " down" in call] == []
    assert tool.leased == [str(folder)]
    (folder / "work.txt").unlink()
    assert tool.ok(remove, tool.repository, gone, **project) == ""
    assert not folder.exists()
    assert tool.leased == []
    assert tool.ok(remove, tool.repository, gone, **project) == ""


@pytest.mark.parametrize("name", ["", "../out", "-x", ".git", "a b", "a;touch pwned", "$(id)"])
def test_claude_code_s_hook_refuses_what_is_no_name(tool: Tool, name: str) -> None:
    put(tool, recipe(PAGE, "Claude Code"))
    document = json.dumps({**CREATED, "name": name})
    project = {"CLAUDE_PROJECT_DIR": str(tool.repository)}
    done = tool.run(hook(tool, "WorktreeCreate"), tool.repository, document, **project)
    assert (done.code, done.out) == (1, "")
    assert not (tool.repository / ".claude/worktrees").exists()
    assert not (tool.repository / "pwned").exists()


def test_claude_code_s_hook_makes_worktrees_of_the_main_checkout_from_a_worktree(
    tool: Tool,
) -> None:
    put(tool, recipe(PAGE, "Claude Code"))
    first = tool.worktree(".claude/worktrees/first")
    write(first, recipe(PAGE, "Claude Code").files)
    create = hook(tool, "WorktreeCreate")
    document = json.dumps({**CREATED, "name": "second"})
    said = tool.ok(create, first, document, CLAUDE_PROJECT_DIR=str(first))
    assert said == f"{tool.repository}/.claude/worktrees/second\n"


def leases_and_removes(tool: Tool, setup: str, cleanup: str, **variables: str) -> Path:
    """Run a setup in a new worktree, and the cleanup, which leaves no lease."""
    folder = tool.worktree("../shop-feature")
    tool.ok(setup, folder, **variables)
    assert tool.leased == [str(folder)]
    tool.ok(cleanup, folder, **variables)
    assert tool.leased == []
    return folder


def test_codex_s_scripts(tool: Tool) -> None:
    (text,) = put(tool, recipe(PAGE, "Codex")).values()
    document = tomllib.loads(text)
    setup, cleanup = document["setup"]["script"], document["cleanup"]["script"]
    source = {"CODEX_SOURCE_TREE_PATH": str(tool.repository)}
    leases_and_removes(tool, setup, cleanup, **source)


def test_gemini_s_worktrees(tool: Tool) -> None:
    found = recipe(PAGE, "Gemini CLI")
    assert json.loads(found.files[".gemini/settings.json"]) == {"experimental": {"worktrees": True}}
    put(tool, found)
    for command in found.commands[:-1]:
        tool.ok(command, tool.repository)
    settings = json.loads((tool.repository / ".gemini/settings.json").read_text())
    assert set(settings) == {"experimental", "mcpServers"}
    folder = tool.repository / ".gemini/worktrees/search"
    tool.ok(f"git worktree add -q -b search {folder}", tool.repository)
    assert tool.leased == [str(folder)]
    tool.ok(found.commands[-1], folder)
    assert tool.leased == []


def test_conductor_s_scripts(tool: Tool, docker: FakeDocker) -> None:
    (text,) = put(tool, recipe(PAGE, "Conductor")).values()
    scripts = json.loads(text)["scripts"]
    folder = leases_and_removes(tool, scripts["setup"], scripts["archive"], CONDUCTOR_PORT="55000")
    tool.ok(scripts["run"], folder)
    (call,) = [line for line in docker.calls if " up" in line]
    assert "--detach" not in call


def test_vibe_kanban_s_scripts(tool: Tool) -> None:
    setup, archive, *server = recipe(PAGE, "vibe-kanban").commands
    folder = leases_and_removes(tool, setup, archive)
    assert "http://localhost:10" in tool.ok("\n".join(server), folder)


def test_worktrunk_s_hooks(tool: Tool) -> None:
    (text,) = put(tool, recipe(PAGE, "worktrunk")).values()
    document = tomllib.loads(text)
    (setup,) = document["pre-start"].values()
    (cleanup,) = document["pre-remove"].values()
    leases_and_removes(tool, setup, cleanup)


def test_urls_of_the_gitlab_job_have_the_name_of_the_service(tool: Tool) -> None:
    job = yaml.safe_load(text_of("gitlab"))["stack"]
    engine = {**job["variables"], "COMPOSEPORTS_ENGINE": "dind"}
    folder = tool.worktree("../shop-ci")
    tool.ok("composeports up", folder, **engine)
    assert tool.ok("composeports url web", folder, **engine).startswith("http://docker:10")
    script = "composeports env -- printenv SUPABASE_URL"
    assert tool.ok(script, folder, **engine).startswith("http://docker:10")
    tool.ok("composeports down", folder, **engine)
