"""The hook file of a repository: find it, check that it may be changed, change it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from composeports.core.folders import is_below
from composeports.errors import ConfigError, UsageError
from composeports.host.atomic_files import read_file, remove_file, write_file
from composeports.host.git import find_checkout, main_git_dir
from composeports.host.git_tracking import ask_git, has_tracked, is_tracked
from composeports.usecases.hook.policy import (
    LINE,
    OWN_SCRIPT,
    is_broken,
    is_shell_script,
    with_block,
    without_block,
)

HOOK = "post-checkout"
# The scopes in which `core.hooksPath` applies to this repository alone.
OWN_SCOPES = frozenset({"local", "worktree"})
MODE = 0o755


@dataclass(frozen=True, slots=True)
class HookResult:
    """The path of the hook file, and whether it was changed."""

    path: str
    changed: bool


def install(cwd: str, environ: Mapping[str, str], *, anywhere: bool = False) -> HookResult:
    """Add our block to the repository's post-checkout hook; create the file if it is missing.

    `anywhere` allows a hooks folder outside of the git directory and the worktree. Raises
    ConfigError, with the line to add by hand, if composeports must not change that file.
    """
    hook = find_hook(cwd, environ)
    _refuse_foreign(hook, environ)
    _refuse_place(hook, anywhere=anywhere)
    _refuse_tracked(hook, environ)
    script = _script(hook.path)
    if script is None:
        write_file(hook.path, with_block(OWN_SCRIPT), MODE, follow=False)
        return HookResult(hook.path, changed=True)
    if not is_shell_script(script):
        raise _refused(hook.path, "is not a shell script")
    if is_broken(script):
        raise _refused(hook.path, "has a part of our block, but not all of it")
    if not os.access(hook.path, os.X_OK):
        raise _refused(hook.path, "is not executable, so that git does not run it")
    return _changed(hook.path, script, with_block(script))


def uninstall(cwd: str, environ: Mapping[str, str], *, anywhere: bool = False) -> HookResult:
    """Remove our block from the hook; delete the file if nothing else is in it.

    Raises ConfigError if composeports must not change that file.
    """
    hook = find_hook(cwd, environ)
    path = hook.path
    if not os.path.lexists(path):
        return HookResult(path, changed=False)
    _refuse_place(hook, anywhere=anywhere)
    script = _script(path)
    if script is None:
        return HookResult(path, changed=False)
    if is_broken(script):
        raise _refused(path, "has a part of our block, but not all of it: take that out by hand")
    original = without_block(script)
    if original == OWN_SCRIPT and original != script:
        remove_file(path, follow=False)
        return HookResult(path, changed=True)
    if original != script and is_tracked(path, environ):
        raise _refused(path, "is tracked by git: take our block out by hand")
    return _changed(path, script, original)


@dataclass(frozen=True, slots=True)
class Hook:
    """The hook file of a repository; `worktree` and the common `git_dir` are real paths."""

    path: str
    worktree: str
    git_dir: str

    @property
    def folder(self) -> str:
        """Return the hooks folder as git reports it (see `core.hooksPath`)."""
        return os.path.dirname(self.path)

    @property
    def is_elsewhere(self) -> bool:
        """Return True if the file, links followed, is outside of git directory and worktree."""
        real_path = os.path.join(os.path.realpath(self.folder), HOOK)
        return not is_below(real_path, self.git_dir) and not is_below(real_path, self.worktree)


def find_hook(cwd: str, environ: Mapping[str, str]) -> Hook:
    """Return the hook file that git uses.

    Raises UsageError outside of a git repository, and ConfigError if git refuses to answer.
    """
    checkout = find_checkout(cwd)
    if checkout is None:
        message = f"{cwd} is in no git repository"
        raise UsageError(message, hint="run this in a worktree of the repository")
    worktree, git_dir = checkout
    folder = os.path.normpath(_hooks_folder(worktree, environ))
    return Hook(os.path.join(folder, HOOK), worktree, main_git_dir(git_dir))


def _hooks_folder(worktree: str, environ: Mapping[str, str]) -> str:
    # Ask git, because `core.hooksPath` may be relative, and `~` in it is a home directory.
    answer = ask_git(worktree, environ, "rev-parse", "--git-path", "hooks", about_hooks=True)
    if answer.code:
        message = f"git does not say where its hooks are: {answer.err.strip()}"
        raise ConfigError(message, hint="`git rev-parse --git-path hooks` has to work here")
    return os.path.join(worktree, answer.out.removesuffix("\n"))


def _script(path: str) -> bytes | None:
    """Return the content of the file; None if it does not exist.

    Raises ConfigError if it cannot be read, and UnsafeFileError for a link, a pipe and the like.
    """
    script = read_file(path)
    if script is None and os.path.lexists(path):
        raise _refused(path, "cannot be read")
    return script


def _refuse_place(hook: Hook, *, anywhere: bool) -> None:
    """Raise ConfigError if the path has a link or, unless `anywhere`, leaves the repository."""
    for part in _parts(hook):
        if os.path.islink(part):
            reason = f"is a link to {os.path.realpath(part)}"
            if part != hook.path:
                reason = f"lies in {part}, which {reason}"
            raise _refused(hook.path, f"{reason}, and composeports follows none")
    if hook.is_elsewhere and not anywhere:
        raise ConfigError(
            f"{hook.path} lies outside of the repository (core.hooksPath); nothing was changed",
            hint="--anywhere uses it all the same; or have this line in a post-checkout hook: "
            + LINE.decode(),
            path=hook.path,
            line=LINE.decode(),
        )


def _parts(hook: Hook) -> Iterator[str]:
    """Yield the file, its folder, and the parent folders that are in the repository."""
    yield hook.path
    part = hook.folder
    yield part
    while is_below(part, hook.worktree) or is_below(part, hook.git_dir):
        yield part
        part = os.path.dirname(part)


def _refuse_foreign(hook: Hook, environ: Mapping[str, str]) -> None:
    path, folder = hook.path, hook.folder
    scope = ask_git(
        hook.worktree,
        environ,
        *("config", "--show-scope", "--get", "core.hooksPath"),
        about_hooks=True,
    ).out
    if scope and scope.split("\t")[0] not in OWN_SCOPES:
        raise _refused(path, "serves all repositories (core.hooksPath is not set in this one)")
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise _refused(path, "cannot be made, since core.hooksPath is not a folder")


def _refuse_tracked(hook: Hook, environ: Mapping[str, str]) -> None:
    path, folder = hook.path, hook.folder
    if is_tracked(path, environ):
        raise _refused(path, "is tracked by git")
    if not is_below(path, hook.git_dir) and is_below(path, hook.worktree):
        # Like husky: the tool that creates such a folder also rewrites the files in it.
        parent = os.path.dirname(folder)
        if has_tracked(folder, environ) or (
            parent != hook.worktree
            and is_below(parent, hook.worktree)
            and has_tracked(parent, environ)
        ):
            raise _refused(path, "lies in a folder whose files git tracks")


def _refused(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"{path} {why}; nothing was changed",
        hint=f"put this line into your own post-checkout hook: {LINE.decode()}",
        path=path,
        line=LINE.decode(),
    )


def _changed(path: str, before: bytes, after: bytes) -> HookResult:
    if before != after:
        write_file(path, after, follow=False)
    return HookResult(path, changed=before != after)
