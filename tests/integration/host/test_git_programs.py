"""Programs that a repository's git configuration names: composeports never runs one."""

import os
import shutil
from pathlib import Path

import pytest

from composeports.host.git_tracking import ask_git, has_tracked, is_tracked, unignored
from tests.harness.program import run, write_program
from tests.harness.repository import GIT_ENVIRONMENT, git
from tests.support.hostile import named_pipe, place
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

NOBODY = 65534
# Each names a program that some git command runs.
SETTINGS = {
    "core.fsmonitor": "{program}",
    "core.hooksPath": "{hooks}",
    "core.pager": "{program}",
    "pager.config": "{program}",
    "pager.ls-files": "{program}",
    "diff.external": "{program}",
    "diff.all.textconv": "{program}",
    "diff.all.command": "{program}",
    "filter.all.clean": "{program}",
    "filter.all.smudge": "{program}",
    "filter.all.process": "{program}",
    "alias.ls-files": "!{program}",
    "alias.check-ignore": "!{program}",
    "core.sshCommand": "{program}",
    "core.editor": "{program}",
    "core.askPass": "{program}",
    "credential.helper": "!{program}",
    "core.alternateRefsCommand": "{program}",
    "gpg.program": "{program}",
    "uploadpack.packObjectsHook": "{program}",
}
HOOKS = ("fsmonitor-watchman", "post-checkout", "post-index-change", "pre-commit", "query-watchman")


class Trap:
    """A repository whose configuration names a program everywhere; the program leaves a mark."""

    def __init__(self, repository: Path, folder: Path) -> None:
        self.repository = repository
        self.call_log = folder / "calls"
        program = write_program(folder / "program", f'echo "$0 $*" >> "{self.call_log}"\ncat')
        for name in HOOKS:
            write_program(folder / "hooks" / name, f'echo "$0 $*" >> "{self.call_log}"')
        (repository / ".gitattributes").write_text("* filter=all diff=all\n")
        git(repository, "add", ".gitattributes")
        git(repository, "commit", "--quiet", "--message", "attributes")
        for name, value in SETTINGS.items():
            git(repository, "config", name, value.format(program=program, hooks=folder / "hooks"))
        # A changed file makes git look closer.
        (repository / "compose.yaml").write_text("services: {}\n# changed\n")

    def runs(self) -> list[str]:
        return self.call_log.read_text().splitlines() if self.call_log.exists() else []


@pytest.fixture
def user(shell: Shell, docker: FakeDocker) -> Shell:
    tools = Path(shell.environ["PATH"])
    (tools / "git").symlink_to(shutil.which("git") or "git")
    docker.publish(web=8080)
    return shell.using(docker).having(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")


@pytest.fixture
def trap(repository: Path, tmp_path: Path) -> Trap:
    return Trap(repository, tmp_path / "trap")


def test_plain_git_runs_the_program(trap: Trap) -> None:
    """Else the trap would show nothing."""
    environ = {**os.environ, **GIT_ENVIRONMENT}
    for command in (("ls-files", "--", "."), ("status",), ("diff",)):
        argv = ("git", *command)
        run(*argv, cwd=trap.repository, environ=environ)
    assert trap.runs()


def test_no_question_to_git_runs_a_program_of_the_repository(trap: Trap) -> None:
    path = str(trap.repository / "compose.yaml")
    assert is_tracked(path, os.environ)
    assert has_tracked(str(trap.repository), os.environ)
    assert unignored(str(trap.repository), os.environ, ["compose.yaml"]) == ["compose.yaml"]
    # Not asked today; the settings hold for these too.
    for question in (("status", "--short"), ("diff", "--stat"), ("ls-files", "--modified")):
        assert ask_git(str(trap.repository), os.environ, *question).code in {0, 128}
    assert [line for line in trap.runs() if "fsmonitor" in line or "hooks" in line] == []


@pytest.mark.parametrize(
    "name", ["core.fsmonitor", "core.hooksPath", "core.pager", "diff.external"]
)
def test_each_setting_is_taken_away_from_git(trap: Trap, name: str) -> None:
    told = ask_git(str(trap.repository), os.environ, "config", "--get", name).out.strip()
    assert told in {"false", os.devnull, "cat", ""}


def test_no_command_runs_a_program_of_the_repository(user: Shell, trap: Trap) -> None:
    commands = (
        ("plan",),
        ("up",),
        ("link",),
        ("link",),
        ("env",),
        ("status",),
        ("url", "web"),
        ("hook", "install"),
        ("hook", "install", "--anywhere"),
        ("hook", "uninstall", "--anywhere"),
        ("hook", "run", "post-checkout", "0" * 40, "1" * 40, "1"),
        ("init", "--settings", "--direnv", "--ci", "github", "--mcp", "claude", "--skills"),
        ("unlink",),
        ("doctor",),
        ("gc",),
        ("down",),
    )
    codes = {command[:2]: user.run(*command).code for command in commands}
    assert codes["link",] == codes["unlink",] == codes["hook", "uninstall"] == 0
    assert trap.runs() == []


def test_variables_of_git_bring_no_program_and_no_other_repository(
    trap: Trap, tmp_path: Path
) -> None:
    program = str(tmp_path / "trap" / "program")
    hostile = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": program,
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor'='{program}'",
        "GIT_EXTERNAL_DIFF": program,
        "GIT_PAGER": program,
        "GIT_EXEC_PATH": str(tmp_path / "trap"),
        "GIT_DIR": str(tmp_path),
        "GIT_TRACE": str(tmp_path / "trace"),
    }
    git(trap.repository, "config", "--unset", "core.fsmonitor")
    assert is_tracked(str(trap.repository / "compose.yaml"), {**os.environ, **hostile})
    assert trap.runs() == []
    assert not (tmp_path / "trace").exists()


def test_a_pipe_that_git_waits_for_ends_the_question(user: Shell) -> None:
    assert user.run("up").code == 0
    place(named_pipe, user.cwd / ".git" / "config")
    done = user.run("link", "--json")
    assert done.code == 78
    assert "git does not answer" in done.error["message"]
    assert done.error["hint"]
    assert not (user.cwd / ".env").exists()


# The repository of another user


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


def give_away(repository: Path) -> None:
    for path in (repository, *repository.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


@needs_root
def test_where_git_refuses_a_repository_of_another_user_we_do(user: Shell, trap: Trap) -> None:
    give_away(trap.repository)
    for command in (("hook", "install", "--json"), ("hook", "uninstall", "--json")):
        done = user.run(*command)
        assert done.code == 78
        assert "dubious ownership" in done.error["message"]
    assert user.run("up").code == 0
    done = user.run("link", "--json")
    assert done.code == 78
    assert "dubious ownership" in done.error["message"]
    assert not (trap.repository / ".env").exists()
    assert trap.runs() == []


@needs_root
@pytest.mark.parametrize("how", ["file", "variables"])
def test_what_the_user_trusts_is_trusted(
    user: Shell, repository: Path, tmp_path: Path, how: str
) -> None:
    give_away(repository)
    (tmp_path / "gitconfig").write_text(f"[safe]\n\tdirectory = {repository}\n")
    trusted = {
        "file": {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")},
        "variables": {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": str(repository),
        },
    }
    assert user.having(**trusted[how]).run("hook", "install").code == 0
