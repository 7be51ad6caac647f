"""A new worktree gets ignored files of the main checkout: by `allocate`, `plan` and the hook."""

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composeports.core.file_patterns import FilePatterns, lines_of
from composeports.core.marked_block import LINK_MARKS, with_block
from tests.harness.program import PROGRAMS, run
from tests.harness.repository import (
    GIT_ENVIRONMENT,
    add_worktree,
    git,
    make_repository,
)
from tests.harness.repository import write as fill
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

IGNORED = ".env\n*.local.yml\ncerts/\nmodels\nnode_modules/\n/.trees/\n"
COPIED = "copied from the main checkout: "
NOT_TAKEN = "warning: not taken from the main checkout: "


@pytest.fixture
def main(tmp_path: Path) -> Path:
    """A main checkout with ignored files."""
    files = {
        ".gitignore": IGNORED,
        "compose.yaml": "services: {}\n",
        "config/tracked.yml": "tracked\n",
    }
    folder = make_repository(tmp_path / "main", files)
    fill(folder, {".env": "A=1\n", "config/dev.local.yml": "dev\n", "certs/a.pem": "pem\n"})
    (folder / ".env").chmod(0o600)
    return folder


@pytest.fixture
def worktree(main: Path, tmp_path: Path) -> Path:
    return add_worktree(main, tmp_path / "one", "one")


@pytest.fixture
def shell(shell: Shell, worktree: Path) -> Shell:
    """A shell in the worktree that finds git."""
    return shell.at(worktree).having(PATH="/usr/bin:/bin", **GIT_ENVIRONMENT)


def untracked(folder: Path) -> set[str]:
    """Return all files that git does not track there, ignored or not."""
    return set(git(folder, "ls-files", "-z", "--others").split("\0")) - {""}


def allocate(shell: Shell) -> list[str]:
    """Return what `allocate` says on stderr."""
    done = shell.run("allocate")
    assert done.code == 0, done.err
    return done.err.splitlines()


def test_allocate_copies_what_the_settings_name_once(shell: Shell) -> None:
    fill(shell.cwd, {"composeports.toml": 'copy = [".env", "config/*.local.yml"]'})
    assert allocate(shell) == [f"{COPIED}.env, config/dev.local.yml"]
    assert (shell.cwd / ".env").read_text() == "A=1\n"
    assert stat.S_IMODE((shell.cwd / ".env").stat().st_mode) == 0o600
    (shell.cwd / ".env").write_text("mine")
    assert allocate(shell) == []
    assert (shell.cwd / ".env").read_text() == "mine"
    assert not (shell.cwd / "certs").exists()


def test_a_worktreeinclude_file_has_the_form_of_gitignore(main: Path, shell: Shell) -> None:
    fill(main, {"b.local.yml": "", "certs/b.txt": "", "node_modules/x.yml": ""})
    text = "# files\n*.local.yml\ncerts/*.pem\nx.yml\n!b.local.yml\n"
    fill(shell.cwd, {".worktreeinclude": text})
    assert allocate(shell) == [f"{COPIED}certs/a.pem, config/dev.local.yml"]
    assert untracked(shell.cwd) == {
        "certs/a.pem",
        "config/dev.local.yml",
        ".worktreeinclude",
    }


def test_patterns_are_relative_to_their_settings_file(shell: Shell) -> None:
    fill(shell.cwd, {"config/composeports.toml": 'copy = ["/*.local.yml", ".env"]'})
    assert allocate(shell.at(shell.cwd / "config")) == [f"{COPIED}config/dev.local.yml"]


def test_the_main_checkout_copies_nothing_to_itself(main: Path, shell: Shell) -> None:
    fill(main, {"composeports.toml": 'copy = ["*"]'})
    assert allocate(shell.at(main)) == []


def test_a_hostile_repository_gets_nothing(main: Path, shell: Shell, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    fill(secret, {"key": "key"})
    (main / "certs/link.pem").symlink_to(secret / "key")
    (main / "models").symlink_to(secret)
    names = '"../../etc/passwd", "/etc/passwd", ".git/config", "config/tracked.yml", "models/key"'
    fill(shell.cwd, {"composeports.toml": f'copy = [{names}, "certs/link.pem"]\nlink = ["models"]'})
    (shell.cwd / "config/tracked.yml").unlink()
    told = allocate(shell)
    assert sorted(told) == [
        f"{NOT_TAKEN}certs/link.pem is no regular file",
        f"{NOT_TAKEN}models is no folder of the main checkout itself",
    ]
    assert untracked(shell.cwd) == {"composeports.toml"}
    fill(shell.cwd, {"composeports.toml": 'link = ["../secret"]'})
    assert shell.run("allocate").code == 78


def test_a_folder_that_is_a_link_here_is_not_entered(shell: Shell, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shell.cwd / "certs").symlink_to(elsewhere)
    fill(shell.cwd, {"composeports.toml": 'copy = ["certs"]'})
    assert allocate(shell) == []
    assert os.listdir(elsewhere) == []


def test_a_git_file_that_names_another_repository_gets_nothing(
    main: Path, shell: Shell, tmp_path: Path
) -> None:
    """An archive can contain a `.git` file; git's record does not name the folder."""
    git_dir = main / ".git/worktrees/one"
    for name, target in (("a", git_dir), ("b", tmp_path / "b/fake")):
        folder = tmp_path / name
        fill(folder, {".worktreeinclude": "*\n", ".git": f"gitdir: {target}\n"})
    fake = tmp_path / "b/fake"
    fill(fake, {"HEAD": "ref: x\n", "commondir": f"{main}/.git\n", "gitdir": f"{tmp_path}/b/.git"})
    for name in ("a", "b"):
        shell.at(tmp_path / name).run("allocate", "--session", name)
        assert not (tmp_path / name / ".env").exists()


def test_what_git_tracks_here_is_not_copied(main: Path, shell: Shell) -> None:
    fill(shell.cwd, {".env": "tracked", "composeports.toml": 'copy = [".env"]'})
    git(shell.cwd, "add", "--force", ".env")
    (shell.cwd / ".env").unlink()
    assert allocate(shell) == []
    assert (main / ".env").exists()
    assert not (shell.cwd / ".env").exists()


def test_other_worktrees_and_repositories_are_left_out(main: Path, shell: Shell) -> None:
    add_worktree(main, main / ".trees/two", "two")
    fill(main / ".trees/two", {".env": "two"})
    make_repository(main / "certs/clone", {"b.pem": "x"})
    fill(shell.cwd, {"composeports.toml": 'copy = [".trees", "certs"]\nlink = [".trees/two"]'})
    told = allocate(shell)
    assert told[-1] == f"{COPIED}certs/"
    assert "two" in told[0]
    assert untracked(shell.cwd) == {"composeports.toml", "certs/a.pem"}


def test_the_main_checkout_s_own_block_is_left_out(main: Path, shell: Shell) -> None:
    linked = with_block(b"A=1\n", LINK_MARKS, "ac-01234567", b"API_PORT=10003\n")
    (main / ".env").write_bytes(linked)
    fill(shell.cwd, {"composeports.toml": 'copy = [".env"]'})
    assert allocate(shell) == [f"{COPIED}.env"]
    assert (shell.cwd / ".env").read_bytes() == b"A=1\n"


def test_an_env_file_that_is_only_a_block_is_not_copied(main: Path, shell: Shell) -> None:
    (main / ".env").write_bytes(with_block(b"", LINK_MARKS, "ac-01234567", b"API_PORT=10003\n"))
    fill(shell.cwd, {"composeports.toml": 'copy = [".env"]'})
    (line,) = allocate(shell)
    assert ".env has only what composeports wrote" in line
    assert not (shell.cwd / ".env").exists()


def test_a_large_folder_is_left_out_as_a_whole(main: Path, shell: Shell) -> None:
    (main / "node_modules").mkdir()
    with open(main / "node_modules/large", "wb") as file:
        file.truncate((1 << 30) + 1)
    fill(shell.cwd, {"composeports.toml": 'copy = ["node_modules", ".env"]'})
    too_large, copied = allocate(shell)
    assert "node_modules/ (1 file, 1 GiB): together more than" in too_large
    assert copied == f"{COPIED}.env"
    assert not (shell.cwd / "node_modules").exists()


def test_a_folder_is_linked(main: Path, shell: Shell) -> None:
    fill(main, {"models/large": "x", "certs/a.pem": "x"})
    fill(shell.cwd, {"composeports.toml": 'link = ["models", "config", "certs", "nothing"]'})
    (shell.cwd / "config").rename(shell.cwd / "was")
    told = allocate(shell)
    assert told[0] == (
        "warning: not taken from the main checkout: config has files that git tracks"
    )
    assert told[1] == "linked to the main checkout: models, certs"
    assert told[2].startswith("warning: git does not ignore certs in this worktree")
    assert (shell.cwd / "models").readlink() == main / "models"
    (shell.cwd / "was").rename(shell.cwd / "config")
    assert allocate(shell) == []


def test_a_file_that_this_branch_does_not_ignore_is_told(shell: Shell) -> None:
    fill(shell.cwd, {".gitignore": "", "composeports.toml": 'copy = [".env"]'})
    copied, warning = allocate(shell)
    assert copied == f"{COPIED}.env"
    assert "git does not ignore .env in this worktree" in warning


def test_plan_copies_nothing_and_says_what_would_be(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    path = f"{docker.path}:/usr/bin:/bin"
    shell = shell.using(docker).having(PATH=path)
    fill(shell.cwd, {"composeports.toml": 'copy = [".env", "certs"]'})
    before = untracked(shell.cwd)
    done = shell.run("plan", "--json")
    assert done.document["copies"] == [".env", "certs/"]
    assert "Taken from the main checkout first\n  .env\n  certs/" in shell.run("plan").out
    assert untracked(shell.cwd) == before
    assert shell.run("up", "--dry-run").code == 0
    assert not (shell.cwd / ".env").exists()
    done = shell.run("up")
    assert f"{COPIED}.env, certs/" in done.err
    assert any("--env-file" in call and f"{shell.cwd}/.env" in call for call in docker.calls)


def test_the_hook_copies_into_a_new_worktree(main: Path, shell: Shell, tmp_path: Path) -> None:
    fill(main, {".worktreeinclude": ".env\n"})
    git(main, "add", ".worktreeinclude")
    git(main, "commit", "--quiet", "--message", "include")
    assert shell.at(main).run("hook", "install").code == 0
    environ = {**shell.environ, "PATH": f"{PROGRAMS}:/usr/bin:/bin"}
    argv = ("git", "worktree", "add", "--quiet", "-b", "two", str(tmp_path / "two"))
    done = run(*argv, cwd=main, environ=environ)
    assert done.code == 0, done.err
    assert f"composeports: {COPIED}.env" in done.err
    assert (tmp_path / "two/.env").read_text() == "A=1\n"


NAMES = st.text("ab.*!", min_size=1, max_size=3)
PARTS = st.one_of(NAMES, st.sampled_from(["*", "**", "[ab]", "a*"]))
LINES = st.lists(
    st.builds(
        lambda before, parts, after: before + "/".join(parts) + after,
        st.sampled_from(["", "/", "!", "**/"]),
        st.lists(
            st.one_of(NAMES, st.sampled_from(["*", "**", "[ab]", "a*"])), min_size=1, max_size=3
        ),
        st.sampled_from(["", "/", "/**"]),
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_repository(tmp_path_factory.mktemp("tree") / "t")
    for name in ("a", "b", "a.b", "b.a"):
        for path in (f"{name}.f", f"d/{name}", f"a.d/{name}", f"d/b.d/{name}/ab"):
            fill(folder, {path: ""})
    return folder


@given(lines=LINES)
@settings(max_examples=60, deadline=None)
def test_patterns_select_what_git_selects(tree: Path, lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines)
    (tree.parent / "patterns").write_text(text)
    arguments = (
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        f"--exclude-from={tree.parent}/patterns",
    )
    by_git = set(git(tree, *arguments).split("\0")) - {""}
    chosen = FilePatterns(lines_of(text, "/w"))
    assert {path for path in untracked(tree) if chosen.select(f"/w/{path}")} == by_git
