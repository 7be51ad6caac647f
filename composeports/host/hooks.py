"""The hook file of a repository: where git looks for it, whose it is, and how it is changed."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from composeports.core.hook_block import (
    LINE,
    OWN_SCRIPT,
    is_broken,
    is_shell_script,
    with_block,
    without_block,
)
from composeports.errors import ConfigError, FileAccessError, UsageError
from composeports.host.git import find_checkout, main_git_dir
from composeports.host.process import Finished, start

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
    script = _read(path)
    if script is None:
        if os.path.lexists(path):
            raise _refused(path, "cannot be read")
        script = OWN_SCRIPT
        _write(path, with_block(script), MODE)
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
    script = _read(path)
    if script is None:
        return Changed(path, changed=False)
    if is_broken(script):
        raise _refused(path, "has a part of our block, but not all of it: take that out by hand")
    bare = without_block(script)
    if bare == OWN_SCRIPT and bare != script:
        _remove(path)
        return Changed(path, changed=True)
    if bare != script and _is_tracked(path, environ):
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
    answer = _git(worktree, environ, "rev-parse", "--git-path", "hooks")
    if answer.code:
        message = f"git does not say where its hooks are: {answer.err.strip()}"
        raise ConfigError(message, hint="`git rev-parse --git-path hooks` has to work here")
    return os.path.join(worktree, answer.out.removesuffix("\n"))


def _refuse_foreign(path: str, worktree: str, git_dir: str, environ: Mapping[str, str]) -> None:
    scope = _git(worktree, environ, "config", "--show-scope", "--get", "core.hooksPath").out
    if scope and scope.split("\t")[0] not in OWN_SCOPES:
        raise _refused(path, "serves all repositories (core.hooksPath is not set in this one)")
    folder = os.path.dirname(path)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise _refused(path, "cannot be made, since core.hooksPath is not a folder")
    real = os.path.realpath(path)
    if os.path.islink(path) and not os.path.exists(path):
        raise _refused(path, "is a link that leads nowhere")
    if _is_tracked(real, environ):
        raise _refused(path, "is tracked by git" + (f" as {real}" if real != path else ""))
    common = main_git_dir(git_dir)
    if not _is_within(real, common) and _is_within(real, worktree):
        # As husky has it: what makes such a folder writes its files anew, too.
        above = os.path.dirname(folder)
        if _has_tracked(folder, environ) or (
            above != worktree and _is_within(above, worktree) and _has_tracked(above, environ)
        ):
            raise _refused(path, "lies in a folder whose files git tracks")


def _is_within(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _is_tracked(path: str, environ: Mapping[str, str]) -> bool:
    folder, name = os.path.split(path)
    return os.path.isdir(folder) and bool(_git(folder, environ, "ls-files", "--", name).out)


def _has_tracked(folder: str, environ: Mapping[str, str]) -> bool:
    return os.path.isdir(folder) and bool(_git(folder, environ, "ls-files", "--", ".").out)


def _git(folder: str, environ: Mapping[str, str], *arguments: str) -> Finished:
    """Ask git about the repository around the folder, whatever the shell's variables say."""
    hidden = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}
    own = {name: value for name, value in environ.items() if name not in hidden}
    return start(("git", "--literal-pathspecs", *arguments), own, folder).finish()


def _refused(path: str, why: str) -> ConfigError:
    return ConfigError(
        f"{path} {why}; nothing was changed",
        hint=f"have this line in a post-checkout hook of yours: {LINE.decode()}",
        path=path,
        line=LINE.decode(),
    )


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _changed(path: str, before: bytes, after: bytes) -> Changed:
    if before != after:
        _write(path, after, None)
    return Changed(path, changed=before != after)


def _write(path: str, script: bytes, mode: int | None) -> None:
    """Write beside the file and rename; mode and owner stay where there was a file before."""
    temporary = f"{path}.{os.getpid()}.new"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with open(os.open(temporary, flags, mode or 0o600), "wb") as file:
            file.write(script)
            if mode is None:
                _keep_rights(file.fileno(), os.stat(path))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise _unusable(path, error) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _keep_rights(file: int, before: os.stat_result) -> None:
    own = os.fstat(file)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid):
        with suppress(PermissionError):
            os.fchown(file, before.st_uid, before.st_gid)
    os.fchmod(file, stat.S_IMODE(before.st_mode))


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: OSError) -> FileAccessError:
    return FileAccessError(
        f"cannot write {path}: {error.strerror or error}",
        hint="look at the folder's rights and the space on its disk; nothing was changed",
        path=path,
    )
