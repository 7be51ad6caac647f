"""`composeports init`: what it shows, what it writes, and what it does not change."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from composeports.core.settings_schema import read_settings
from tests.harness.program import PROGRAM
from tests.harness.repository import git, make_repository
from tests.harness.terminal import on_terminal
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
CLIENTS = ("claude", "codex", "gemini", "vscode")
EVERYTHING = (
    *("--settings", "--direnv", "--ci", "github", "--ci", "gitlab"),
    *(word for client in CLIENTS for word in ("--mcp", client)),
)
FILES = {
    ".codex/config.toml",
    ".envrc",
    ".gemini/settings.json",
    ".github/workflows/composeports.yml",
    ".gitlab-ci.yml",
    ".mcp.json",
    ".vscode/mcp.json",
    "composeports.toml",
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a repository, but git's own."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


@pytest.fixture
def here(shell: Shell, docker: FakeDocker) -> Shell:
    """A shell in a repository with a Compose file that publishes a port."""
    docker.publish(web=8080)
    return shell.using(docker)


def test_it_shows_what_the_plan_would_do_and_writes_nothing(here: Shell) -> None:
    before = contents(here.cwd)
    done = here.run("init")
    assert done.code == 0
    assert done.err.splitlines()[-1] == "next: composeports up"
    assert "nothing is written" in done.err
    assert "Compose files  compose.yaml" in done.out
    assert "Ports          web:80/tcp" in done.out
    document = here.run("init", "--json").document
    assert document["compose_files"] == ["compose.yaml"]
    assert document["ports"] == {"web:80/tcp": 10004}
    assert document["files"] == []
    assert contents(here.cwd) == before


def test_without_an_engine_or_docker_at_all_it_still_looks(
    here: Shell, docker: FakeDocker, shell: Shell
) -> None:
    docker.go_away()
    assert "web:80/tcp" in here.run("init").out
    done = shell.run("init", "--settings")
    assert done.code == 0
    assert "no plan: the `docker` command was not found" in done.err
    assert (shell.cwd / "composeports.toml").exists()


def test_it_writes_what_is_asked_for_and_twice_is_once(here: Shell) -> None:
    before = contents(here.cwd)
    done = here.run("init", *EVERYTHING, "--json")
    assert done.code == 0, done.err
    assert {row["path"]: row["state"] for row in done.document["files"]} == dict.fromkeys(
        FILES, "made"
    )
    after = contents(here.cwd)
    assert set(after) - set(before) == FILES
    assert "direnv allow" not in here.run("init", "--settings").err
    assert json.loads(after[".mcp.json"])["mcpServers"]["composeports"]["command"] == "composeports"
    assert "composeports" in json.loads(after[".vscode/mcp.json"])["servers"]
    assert tomllib.loads(after[".codex/config.toml"].decode())["mcp_servers"]
    again = here.run("init", *EVERYTHING)
    assert (again.code, again.err.count("there already: ")) == (0, len(FILES))
    assert contents(here.cwd) == after
    assert here.run("plan").code == 0  # the settings are good


def test_a_dry_run_shows_the_changes_as_git_would_apply_them(here: Shell, tmp_path: Path) -> None:
    (here.cwd / ".envrc").write_text("export A=1\n")
    (here.cwd / ".mcp.json").write_text('{"mcpServers": {"x": {}}}\n')
    before = contents(here.cwd)
    done = here.run("init", *EVERYTHING, "--dry-run")
    assert done.code == 0
    assert contents(here.cwd) == before
    patch = tmp_path / "init.patch"
    patch.write_text(done.out[done.out.index("--- ") :])
    git(here.cwd, "apply", str(patch))
    patched = contents(here.cwd)
    assert set(patched) - set(before) == FILES - {".envrc", ".mcp.json"}
    for name in set(patched) - set(before):
        (here.cwd / name).unlink()
    for name, text in before.items():
        (here.cwd / name).write_bytes(text)
    assert here.run("init", *EVERYTHING).code == 0
    assert contents(here.cwd) == patched


def test_what_is_there_stays_and_gets_an_addition_where_that_is_safe(here: Shell) -> None:
    theirs = {
        ".envrc": b"export A=1",
        ".gemini/settings.json": b'{\n\t"theme": "dark"\n}\n',
        ".codex/config.toml": b'model = "x"\n',
        "composeports.toml": b"strict = true\n",
    }
    left = {".gitlab-ci.yml": b"stages: []\n", ".mcp.json": b"// by hand\n{}\n"}
    for name, text in (theirs | left).items():
        (here.cwd / name).parent.mkdir(exist_ok=True)
        (here.cwd / name).write_bytes(text)
    done = here.run("init", *EVERYTHING, "--json")
    assert (done.code, done.error["code"]) == (78, "file_not_ours")
    assert done.error["details"]["left"] == [".mcp.json", ".gitlab-ci.yml"]
    after = contents(here.cwd)
    assert {name: after[name] for name in left} == left
    assert after["composeports.toml"] == theirs["composeports.toml"]
    assert after[".envrc"].startswith(theirs[".envrc"])
    assert after[".codex/config.toml"].startswith(theirs[".codex/config.toml"])
    assert after[".gemini/settings.json"].startswith(b'{\n\t"theme": "dark",\n\t"mcpServers": {\n')
    assert set(after) >= FILES  # all the rest is done


def test_a_link_is_not_written_through(here: Shell, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (here.cwd / ".vscode").symlink_to(tmp_path / "elsewhere")
    (here.cwd / ".envrc").symlink_to(tmp_path / "nowhere")
    done = here.run("init", "--mcp", "vscode", "--direnv")
    assert done.code == 78
    assert "it leads elsewhere by a link" in done.err
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def repository(tmp_path: Path, shell: Shell, files: Mapping[str, str]) -> Shell:
    return shell.at(make_repository(tmp_path / "other", files))


def test_settings_name_a_compose_file_that_would_not_be_found(here: Shell, tmp_path: Path) -> None:
    files = {"deploy/compose.yaml": "services: {}\n", "node_modules/x/compose.yaml": "", "a": ""}
    other = repository(tmp_path, here, files)
    document = other.run("init", "--json").document
    assert document["compose_files"] == ["deploy/compose.yaml"]
    below = other.at(other.cwd / "deploy")
    assert below.run("init", "--settings").code == 0
    text = (other.cwd / "composeports.toml").read_text()
    assert read_settings(tomllib.loads(text), "x", str(other.cwd)).files
    assert other.run("up").code == 0
    assert other.run("init", "--json").document["ports"] == {"web:80/tcp": 10004}


def test_settings_in_pyproject_are_enough(here: Shell, tmp_path: Path) -> None:
    other = repository(tmp_path, here, {"pyproject.toml": "[tool.composeports]\nstrict = true\n"})
    rows = other.run("init", "--settings", "--json").document["files"]
    assert [(row["state"], row["why"]) for row in rows] == [
        ("there already", "pyproject.toml has settings")
    ]
    assert not (other.cwd / "composeports.toml").exists()


def test_the_template_is_written_only_where_there_is_no_compose_file(
    here: Shell, tmp_path: Path
) -> None:
    assert here.run("init", "--template").code == 78
    other = repository(tmp_path, here, {"a": ""})
    assert "Compose files  none" in other.run("init").out
    for _ in range(2):
        assert other.run("init", "--template").code == 0
        text = (other.cwd / "docker-compose.yml").read_bytes()
        assert text == (ROOT / "templates" / "docker-compose.yml").read_bytes()


def test_it_installs_the_skills(here: Shell) -> None:
    before = contents(here.cwd)
    states = here.run("init", "--skills", "--dry-run", "--json").document["skills"]
    assert states[".claude/skills/composeports"] == "missing"
    assert contents(here.cwd) == before
    for done in ("installed", "unchanged"):
        states = here.run("init", "--skills", "--json").document["skills"]
        assert set(states.values()) == {done}
    assert ".codex/skills/validate-feature/SKILL.md" in contents(here.cwd)


def test_on_a_terminal_it_asks_and_nothing_is_the_default(here: Shell) -> None:
    argv = (PROGRAM, "init")
    environ = {**here.environ, "PWD": str(here.cwd), "TERM": "dumb"}
    before = contents(here.cwd)
    for answers in (["", "", "", "", ""], ["n", "y", "claude, codex", "", ""]):
        with on_terminal(*argv, cwd=here.cwd, environ=environ) as terminal:
            for question, answer in zip(
                ("composeports.toml", ".envrc", "MCP", "skills", "CI"), answers, strict=True
            ):
                terminal.says_next(question)
                if question == "MCP":  # a slip costs no other answer
                    terminal.type("yes\n")
                    terminal.says_next("'yes' is none of claude")
                    terminal.says_next(question)
                terminal.type(f"{answer}\n")
            terminal.says_next("next: composeports up" if any(answers) else "none)")
        if not any(answers):
            assert contents(here.cwd) == before
    added = {".envrc", ".mcp.json", ".codex/config.toml"}
    assert set(contents(here.cwd)) - set(before) == added


def test_an_empty_folder_is_told_what_works(shell: Shell, tmp_path: Path) -> None:
    empty = tmp_path / "nothing"
    empty.mkdir()
    told = shell.at(empty).run("init")
    assert "next: write a compose.yaml, then composeports up; or composeports init --t" in told.err
    assert shell.at(empty).run("init", "--template").err.endswith("next: composeports up\n")


def test_a_file_in_a_sub_folder_is_named_with_two_ways_and_a_nested_worktree_is_not(
    shell: Shell, tmp_path: Path
) -> None:
    top = make_repository(tmp_path / "sub")
    for path in top.glob("*compose*"):
        path.unlink()
    folder = top / "a-long-folder" / "for-the-deployment"
    folder.mkdir(parents=True)
    (folder / "compose.yaml").write_text("services: {}\n")
    git(top, "worktree", "add", "-q", "-b", "nested", "aa/nested")
    (top / "aa" / "nested" / "compose.yaml").write_text("services: {}\n")
    here = shell.at(top)
    told = here.run("init")
    assert "nested" not in told.out
    assert "next: composeports init --settings, so that `composeports up` finds a-l" in told.err
    assert "; or cd a-long-folder/for-the-deployment && composeports up" in told.err
    assert here.run("init", "--settings").err.endswith("next: composeports up\n")
    text = (top / "composeports.toml").read_text()
    assert tomllib.loads(text)["files"] == ["a-long-folder/for-the-deployment/compose.yaml"]
    assert "]#" not in text
