"""Read facts from git's own files, without starting a git process. Changes nothing."""

import os

from composeports.regular_file import read_regular


def find_checkout(directory: str) -> tuple[str, str] | None:
    """Return (worktree, git directory), both real paths, of the checkout around `directory`.

    Return None outside git. A linked worktree and a submodule have a `.git` file that names their
    git directory (gitrepository-layout(5)). Git's ownership check does not apply to reading that
    file.
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
    """Return the git directory that the folder's own `.git` leads to; None if it has none.

    The result is a real path, which may not exist if `.git` is a file.
    """
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
    """Return the checkout that this one was copied from without git; empty if it is no copy.

    Git records the path of a linked worktree (`gitdir`) and of a submodule (`core.worktree`). In a
    copy these records still name the original. A checkout that was only moved is no copy, because
    nothing is left at its former path.
    """
    if os.path.dirname(git_dir) == worktree:
        return ""
    original = _noted_worktree(git_dir)
    if original in {"", worktree} or git_dir_at(original) != git_dir:
        return ""
    return original


def _noted_worktree(git_dir: str) -> str:
    """Return the real path of the worktree that git records for a git directory; empty if none."""
    record = read_text(os.path.join(git_dir, "gitdir"))
    if record is not None:
        return os.path.realpath(os.path.join(git_dir, os.path.dirname(record.strip())))
    for line in (read_text(os.path.join(git_dir, "config")) or "").splitlines():
        name, _, value = line.partition("=")
        if name.strip().lower() == "worktree" and value.strip():
            return os.path.realpath(os.path.join(git_dir, value.strip().strip('"')))
    return ""


def notes_worktree(git_dir: str, worktree: str) -> bool:
    """Return True if the git directory exists and git's record in it names this worktree."""
    if not os.path.isfile(os.path.join(git_dir, "HEAD")):
        return False
    return os.path.dirname(git_dir) == worktree or _noted_worktree(git_dir) == worktree


def repository_of(git_dir: str) -> str:
    """Return the repository's git directory for the git directory of one of its checkouts.

    Only the path is used, so `git_dir` need not exist.
    """
    parent, _name = os.path.split(git_dir)
    return os.path.dirname(parent) if os.path.basename(parent) == "worktrees" else git_dir


def checkout_around(worktree: str, git_dir: str) -> str:
    """Return the git directory of the checkout that contains this clone; empty if there is none.

    Also empty for linked worktrees and submodules, because their own git directory shows where they
    belong.
    """
    if os.path.dirname(git_dir) != worktree:
        return ""
    checkout = find_checkout(os.path.dirname(worktree))
    return "" if checkout is None else checkout[1]


def is_made_since(repository: str, moment: float) -> bool:
    """Return True if every entry in a repository's git directory is newer than `moment`.

    `moment` is in seconds since the epoch. Return False if the folder is missing or empty.
    """
    try:
        with os.scandir(repository) as entries:
            times = [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    except OSError:
        return False
    return min(times, default=moment) > moment


def is_linked(git_dir: str) -> bool:
    """Return True if this is the git directory of a linked worktree, not of a main checkout."""
    return os.path.exists(os.path.join(git_dir, "commondir"))


def main_git_dir(git_dir: str) -> str:
    """Return the main checkout's git directory, a real path; `git_dir` if it is the main one."""
    text = read_text(os.path.join(git_dir, "commondir"))
    return git_dir if text is None else os.path.realpath(os.path.join(git_dir, text.strip()))


def repository_of_checkout(worktree: str, git_dir: str) -> str:
    """Return the git directory of the checkout's repository, a real path; empty if it is not known.

    Git's records have to agree: the git directory lies in the repository's, and its record names
    this worktree. The `.git` file of any folder can name the git directory of another checkout.
    """
    main_dir = main_git_dir(git_dir)
    is_known = repository_of(git_dir) == main_dir and notes_worktree(git_dir, worktree)
    return main_dir if is_known else ""


def main_checkout(worktree: str, git_dir: str) -> str:
    """Return the main checkout of a linked worktree, a real path; empty if it is not known."""
    main_dir = repository_of_checkout(worktree, git_dir)
    is_linked_to = main_dir != git_dir and os.path.basename(main_dir) == ".git"
    return os.path.dirname(main_dir) if is_linked_to else ""


def link_of(worktree: str) -> str:
    """Return the path in the checkout's `.git` file, as written there; empty if it is a folder."""
    text = read_text(os.path.join(worktree, ".git"))
    return (text or "").removeprefix("gitdir: ").rstrip("\n")


def other_checkouts(git_dir: str) -> tuple[str, ...]:
    """Return the real paths of the repository's checkouts, except the one with this `git_dir`."""
    main_dir = main_git_dir(git_dir)
    folder = os.path.join(main_dir, "worktrees")
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    linked_dirs = [os.path.join(folder, name) for name in sorted(names)]
    checkouts = [_noted_worktree(path) for path in linked_dirs if path != git_dir]
    checkouts = [path for path in checkouts if path]
    if main_dir != git_dir and os.path.basename(main_dir) == ".git":
        checkouts.insert(0, os.path.dirname(main_dir))
    return tuple(checkouts)


def read_branch(git_dir: str) -> str:
    """Return the branch, or the first 12 digits of a detached commit; empty if it is unknown."""
    head = (read_text(os.path.join(git_dir, "HEAD")) or "").strip()
    if head.startswith("ref: "):
        return head.removeprefix("ref: ").removeprefix("refs/heads/")
    return head[:12]


def read_text(path: str) -> str | None:
    """Return the text of the file; None if it is missing or cannot be read.

    Symbolic links are followed, as git follows them. Raise UnsafeFileError for a pipe, a device and
    other files that are not regular.
    """
    try:
        return read_regular(path, follow=True).decode("utf-8", "surrogateescape")
    except OSError:
        return None
