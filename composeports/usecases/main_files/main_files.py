"""Copy what `copy` and `.worktreeinclude` select from the main checkout, and link `link`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace

from composeports.core.file_patterns import FilePatterns, lines_of
from composeports.core.marked_block import LINK_MARKS, is_broken, without_block
from composeports.errors import ConfigError, UnsafeFileError
from composeports.host import checkout_files
from composeports.host.checkout_files import NotCopiedError
from composeports.host.git import main_checkout, other_checkouts
from composeports.host.git_tracking import (
    has_work_tree,
    ignored_entries,
    ignored_files,
    tracked_files,
    unignored,
)
from composeports.host.session_files import USER_ENV
from composeports.paths import INCLUDE_FILE
from composeports.regular_file import read_regular
from composeports.usecases.main_files import policy
from composeports.usecases.main_files.policy import Findings, IgnoredEntry
from composeports.usecases.session import Session

# Git is asked about so many new names whether it ignores them here, too.
MOST_ASKED = 20


def complete(session: Session) -> Session:
    """Copy and link what the worktree lacks, and return the session that sees it.

    What is done, and what is not, is reported; nothing is raised for a file that cannot be copied.
    """
    if session.checkout is None:
        return session
    worktree, git_dir = session.checkout
    main = main_checkout(worktree, git_dir)
    report = session.context.report
    copied, linked = list[str](), list[str]()
    try:
        with checkout_files.alone_in(git_dir):
            findings = find(session)
            for line in policy.told(findings, main=main, worktree=worktree):
                report(line)
            try:
                linked += [path for path in findings.links if _link(session, main, path)]
                copied += [entry.name for entry in findings.entries if _copy(session, main, entry)]
            finally:
                for verb, names in (("copied from", copied), ("linked to", linked)):
                    for line in policy.done(verb, names):
                        report(line)
    except (OSError, ConfigError) as error:
        report(f"warning: not all is copied from the main checkout: {_reason(error)}")
    if not copied and not linked:
        return replace(session, incoming=())
    names = [name.removesuffix("/") for name in (*copied, *linked)][:MOST_ASKED]
    for line in policy.visible(unignored(worktree, session.context.environ, names)):
        report(line)
    if session.early_queries is not None:
        session.early_queries.stop()  # they read the files as they were before
    return replace(session, early_queries=None, incoming=(*copied, *linked))


def preview(session: Session) -> tuple[str, ...]:
    """Return the names of what `complete` would copy and link; report what it would not."""
    if session.checkout is None:
        return ()
    worktree, git_dir = session.checkout
    try:
        findings = find(session)
    except ConfigError as error:
        session.context.report(f"warning: nothing is copied: {error.message}")
        return ()
    for line in policy.told(findings, main=main_checkout(worktree, git_dir), worktree=worktree):
        session.context.report(line)
    return (*findings.names, *findings.links)


def find(session: Session) -> Findings:
    """Return what the worktree lacks and would get; change nothing.

    Nothing in a main checkout, and where git's records do not show which checkout is the main one.
    Raise ConfigError if git refuses to answer.
    """
    if session.checkout is None:
        return Findings()
    worktree, git_dir = session.checkout
    main, environ = main_checkout(worktree, git_dir), session.context.environ
    if not main or not has_work_tree(main, environ):
        return Findings()
    links, refused = _links(session, main, worktree, git_dir)
    patterns = [FilePatterns(session.settings.copy)]
    try:
        text = read_regular(os.path.join(worktree, INCLUDE_FILE)).decode("utf-8", "replace")
        patterns.append(FilePatterns(lines_of(text, worktree)))
    except FileNotFoundError:
        pass
    except (OSError, UnsafeFileError) as error:
        refused.append(f"{INCLUDE_FILE} cannot be used: {_reason(error)}")
    groups = _groups(main, worktree, environ, patterns) if any(patterns) else {}
    entries = []
    for name, files in groups.items():
        missing = [path for path in files if checkout_files.is_missing(worktree, path)]
        sizes = {path: checkout_files.size_of(main, path) for path in missing}
        refused += [f"{path} is no regular file" for path, size in sizes.items() if size is None]
        known = {path: size for path, size in sizes.items() if size is not None}
        if known:
            entries.append(IgnoredEntry(name, tuple(known), sum(known.values())))
    entries = _without_tracked(entries, worktree, environ)
    taken, too_large = policy.within_limit(entries)
    return Findings(taken, links, too_large, tuple(refused))


def _groups(
    main: str, worktree: str, environ: Mapping[str, str], patterns: list[FilePatterns]
) -> dict[str, list[str]]:
    entries = ignored_entries(main, environ)
    folders = policy.folders_to_list(entries, worktree, patterns)
    files = [path for path in entries if not path.endswith("/")]
    files += ignored_files(main, environ, folders) if folders else []
    return policy.grouped(files, folders, worktree, patterns)


def _without_tracked(
    entries: list[IgnoredEntry], worktree: str, environ: Mapping[str, str]
) -> list[IgnoredEntry]:
    """Leave out what git tracks in the worktree: there, the user removed it."""
    tracked = tracked_files(worktree, environ, [path for entry in entries for path in entry.files])
    return [entry for entry in entries if not tracked.intersection(entry.files)]


def _links(
    session: Session, main: str, worktree: str, git_dir: str
) -> tuple[tuple[str, ...], list[str]]:
    """Return the folders to link, and the reasons why others are not linked."""
    links, refused = list[str](), list[str]()
    environ = session.context.environ
    for path in policy.base_names(session.settings.link, worktree):
        if not os.path.lexists(os.path.join(main, path)):
            continue
        if not checkout_files.is_missing(worktree, path):
            continue
        why = policy.refused_link(
            path,
            is_folder=checkout_files.is_folder(main, path),
            is_ignored=not unignored(main, environ, [path]),
            is_tracked=any(tracked_files(top, environ, [path]) for top in (main, worktree)),
            checkouts=(worktree, *other_checkouts(git_dir)),
            main=main,
        )
        if why:
            refused.append(f"{path} {why}")
        else:
            links.append(path)
    return tuple(links), refused


def _link(session: Session, main: str, path: str) -> bool:
    return _tried(session, path, lambda: checkout_files.link_folder(main, _top(session), path))


def _copy(session: Session, main: str, entry: IgnoredEntry) -> bool:
    """Copy the files of an entry; return True if one of them was copied."""
    top = _top(session)
    copied, sync = False, not entry.name.endswith("/")
    for path in entry.files:
        edit = _users_part if os.path.basename(path) == USER_ENV else None
        copied |= _tried(
            session,
            path,
            lambda: checkout_files.copy_file(main, top, path, edit, sync=sync),  # noqa: B023
        )
    return copied


def _tried(session: Session, path: str, act: Callable[[], bool]) -> bool:
    try:
        return act()
    except NotCopiedError as error:
        session.context.report(f"warning: not taken from the main checkout: {path} {error}")
        return False


def _top(session: Session) -> str:
    return session.checkout[0] if session.checkout else ""


def _users_part(text: bytes) -> bytes | None:
    """Return an env file without the block of `composeports link`, which is the main checkout's.

    None if nothing else is in it, or if only a part of the block is there.
    """
    if is_broken(text, LINK_MARKS):
        return None
    own_part = without_block(text, LINK_MARKS)
    return own_part if own_part or not text else None


def _reason(error: OSError | ConfigError | UnsafeFileError) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}"
    return error.message
