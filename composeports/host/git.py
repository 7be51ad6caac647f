"""Git facts read from git's own files, which costs no process; changes nothing."""

import os

from composeports.regular_file import read_regular


def find_checkout(directory: str) -> tuple[str, str] | None:
    """Return (worktree, git directory), both real paths, of the checkout around `directory`.

    None outside git. A linked worktree and a submodule have a `.git` file that names their git
    directory (gitrepository-layout(5)); git's own ownership check does not apply to reading that.
    """
    folder = os.path.realpath(directory)
    while True:
        git_dir = git_dir_at(folder)
        if git_dir is not None:
            return folder, git_dir
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def git_dir_at(folder: str) -> str | None:
    """Return what the folder's own `.git` leads to, a real path that may not exist."""
    entry = os.path.join(folder, ".git")
    if os.path.isfile(os.path.join(entry, "HEAD")):
        return os.path.realpath(entry)
    text = read_text(entry)
    if text is None or not text.startswith("gitdir: "):
        return None
    return os.path.realpath(
        os.path.join(os.path.dirname(entry), text[len("gitdir: ") :].rstrip("\n"))
    )


def original_of(worktree: str, git_dir: str) -> str:
    """Return the checkout that this one is a copy of, made without git; empty where it is none.

    git writes down where a linked worktree (`gitdir`) and a submodule (`core.worktree`) are. A
    checkout that was only moved has nothing at its former place.
    """
    if os.path.dirname(git_dir) == worktree:
        return ""
    original = _noted_worktree(git_dir)
    if original in {"", worktree} or git_dir_at(original) != git_dir:
        return ""
    return original


def _noted_worktree(git_dir: str) -> str:
    """Return the real path of the checkout that git has for a git directory; empty without one."""
    noted = read_text(os.path.join(git_dir, "gitdir"))
    if noted is not None:
        return os.path.realpath(os.path.join(git_dir, os.path.dirname(noted.strip())))
    for line in (read_text(os.path.join(git_dir, "config")) or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "worktree" and value.strip():
            return os.path.realpath(os.path.join(git_dir, value.strip().strip('"')))
    return ""


def notes_worktree(git_dir: str, worktree: str) -> bool:
    """Tell whether the git directory is there, and git's own note in it leads to the checkout."""
    if not os.path.isfile(os.path.join(git_dir, "HEAD")):
        return False
    return os.path.dirname(git_dir) == worktree or _noted_worktree(git_dir) == worktree


def repository_of(git_dir: str) -> str:
    """Return the repository's git directory, from the path of one that may be gone."""
    above, _name = os.path.split(git_dir)
    return os.path.dirname(above) if os.path.basename(above) == "worktrees" else git_dir


def checkout_around(worktree: str, git_dir: str) -> str:
    """Return the git directory of the checkout that a clone lies in; empty for what is no such.

    Linked worktrees and submodules tell themselves where they belong.
    """
    if os.path.dirname(git_dir) != worktree:
        return ""
    found = find_checkout(os.path.dirname(worktree))
    return "" if found is None else found[1]


def is_made_since(repository: str, moment: float) -> bool:
    """Tell whether all that lies in a repository's git directory is from after a moment.

    The moment is in seconds since the epoch. False where the folder is not there, or is empty.
    """
    try:
        with os.scandir(repository) as entries:
            times = [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    except OSError:
        return False
    return min(times, default=moment) > moment


def is_linked(git_dir: str) -> bool:
    """Tell whether this is the git directory of a linked worktree, not of a main checkout."""
    return os.path.exists(os.path.join(git_dir, "commondir"))


def main_git_dir(git_dir: str) -> str:
    """Return the git directory of the main checkout, a real path; its own for a main checkout."""
    common = read_text(os.path.join(git_dir, "commondir"))
    return git_dir if common is None else os.path.realpath(os.path.join(git_dir, common.strip()))


def link_of(worktree: str) -> str:
    """Return where the checkout's `.git` file leads, in its words; empty where it is a folder."""
    text = read_text(os.path.join(worktree, ".git"))
    return (text or "").removeprefix("gitdir: ").rstrip("\n")


def other_checkouts(git_dir: str) -> tuple[str, ...]:
    """Return the real paths of all checkouts of the repository but the one with this `git_dir`."""
    common = main_git_dir(git_dir)
    folder = os.path.join(common, "worktrees")
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    linked = [os.path.join(folder, name) for name in sorted(names)]
    found = [_noted_worktree(each) for each in linked if each != git_dir]
    found = [each for each in found if each]
    if common != git_dir and os.path.basename(common) == ".git":
        found.insert(0, os.path.dirname(common))
    return tuple(found)


def read_branch(git_dir: str) -> str:
    """Return the branch, or the first 12 digits of a detached commit; empty where unknown."""
    head = (read_text(os.path.join(git_dir, "HEAD")) or "").strip()
    if head.startswith("ref: "):
        return head.removeprefix("ref: ").removeprefix("refs/heads/")
    return head[:12]


def read_text(path: str) -> str | None:
    """Return the text of a file; None where there is none that can be read.

    Links are followed, as git follows them. UnsafeFileError for a pipe, a device and the like.
    """
    try:
        return read_regular(path, follow=True).decode("utf-8", "surrogateescape")
    except OSError:
        return None
