"""The hook file of a repository: where git looks for it, whose it is, and how it is changed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from composeports.core.hook_block import (
    LINE,
    OWN_SCRIPT,
    is_broken,
    is_shell_script,
    with_block,
    without_block,
)
from composeports.errors import ConfigError, UsageError
from composeports.host.git import find_checkout, main_git_dir
from composeports.host.tracking import ask_git, has_tracked, is_tracked, is_within
from composeports.host.user_files import read_file, remove_file, write_file

HOOK = "post-checkout"
# The scopes of `core.hooksPath` that are about this repository alone.
OWN_SCOPES = frozenset({"local", "worktree"})
MODE = 0o755


@dataclass(frozen=True, slots=True)
class Changed:
    """The hook file, and whether anything in it had to be changed."""

    path: str
    changed: bool


def install(cwd: str, environ: Mapping[str, str]) -> Changed:
    """Put our block into the repository's post-checkout hook, made where there is none.

    ConfigError, with the line to add by hand, where that file is not ours to change.
    """
    path = _hook_file(cwd, environ)
    script = read_file(path)
    if script is None:
        if os.path.lexists(path):
            raise _refused(path, "cannot be read")
        script = OWN_SCRIPT
        write_file(path, with_block(script), MODE)
        return Changed(path, changed=True)
    if not is_shell_script(script):
        raise _refused(path, "is not a shell script")
    if is_broken(script):
        raise _refused(path, "has a part of our block, but not all of it")
    if not os.access(path, os.X_OK):
        raise _refused(path, "is not executable, so that git does not run it")
    return _changed(path, script, with_block(script))


def uninstall(cwd: str, environ: Mapping[str, str]) -> Changed:
    """Take our block out again; a file that held nothing else is removed."""
    path = _hook_file(cwd, environ, writing=False)
    script = read_file(path)
    if script is None:
        return Changed(path, changed=False)
    if is_broken(script):
        raise _refused(path, "has a part of our block, but not all of it: take that out by hand")
    bare = without_block(script)
    if bare == OWN_SCRIPT and bare != script:
        remove_file(path)
        return Changed(path, changed=True)
    if bare != script and is_tracked(path, environ):
        raise _refused(path, "is tracked by git: take our block out by hand")
    return _changed(path, script, bare)


def _hook_file(cwd: str, environ: Mapping[str, str], *, writing: bool = True) -> str:
    """Return the hook file, links followed; ConfigError where it is not this repository's own."""
    checkout = find_checkout(cwd)
    if checkout is None:
        message = f"{cwd} is in no git repository"
        raise UsageError(message, hint="run this in a worktree of the repository")
    worktree, git_dir = checkout
    folder = _hooks_folder(worktree, environ)
    path = os.path.join(folder, HOOK)
    if writing:
        _refuse_foreign(path, worktree, git_dir, environ)
    return os.path.realpath(path)


def _hooks_folder(worktree: str, environ: Mapping[str, str]) -> str:
    # git says where, since `core.hooksPath` may be relative, and `~` in it is a home.
    answer = ask_git(worktree, environ, "rev-parse", "--git-path", "hooks")
    if answer.code:
        message = f"git does not say where its hooks are: {answer.err.strip()}"
        raise ConfigError(message, hint="`git rev-parse --git-path hooks` has to work here")
    return os.path.join(worktree, answer.out.removesuffix("\n"))


def _refuse_foreign(path: str, worktree: str, git_dir: str, environ: Mapping[str, str]) -> None:
    scope = ask_git(worktree, environ, "config", "--show-scope", "--get", "core.hooksPath").out
    if scope and scope.split("\t")[0] not in OWN_SCOPES:
        raise _refused(path, "serves all repositories (core.hooksPath is not set in this one)")
    folder = os.path.dirname(path)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise _refused(path, "cannot be made, since core.hooksPath is not a folder")
    real = os.path.realpath(path)
    if os.path.islink(path) and not os.path.exists(path):
        raise _refused(path, "is a link that leads nowhere")
    if is_tracked(real, environ):
        raise _refused(path, "is tracked by git" + (f" as {real}" if real != path else ""))
    common = main_git_dir(git_dir)
    if not is_within(real, common) and is_within(real, worktree):
        # As husky has it: what makes such a folder writes its files anew, too.
        above = os.path.dirname(folder)
        if has_tracked(folder, environ) or (
            above != worktree and is_within(above, worktree) and has_tracked(above, environ)
        ):
            raise _refused(path, "lies in a folder whose files git tracks")


def _refused(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"{path} {why}; nothing was changed",
        hint=f"have this line in a post-checkout hook of yours: {LINE.decode()}",
        path=path,
        line=LINE.decode(),
    )


def _changed(path: str, before: bytes, after: bytes) -> Changed:
    if before != after:
        write_file(path, after, None)
    return Changed(path, changed=before != after)
