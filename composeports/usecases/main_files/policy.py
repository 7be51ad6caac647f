"""Decide which ignored files of the main checkout a worktree gets, and say it. Values only."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from composeports.core.file_patterns import FilePatterns
from composeports.core.folders import is_within
from composeports.core.plan.rules.wording import listed, quoted

# Parts of a path that composeports never copies: git's own files and its own.
NEVER = frozenset({".git", ".composeports", ".composeports.new"})
MOST_BYTES = 1 << 30
MOST_FILES = 100_000
UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


class IgnoredEntry(NamedTuple):
    """A file, or an ignored folder that is copied as a whole, whose name then ends with `/`.

    `files` are its files that are missing in the worktree; all paths are relative to the top.
    """

    name: str
    files: tuple[str, ...]
    size: int = 0


class Findings(NamedTuple):
    """What a worktree gets, what it does not get although a setting names it, and why.

    `links` are folders. `too_large` are the entries that exceed the limit together with others.
    `refused` are sentences about one path each.
    """

    entries: tuple[IgnoredEntry, ...] = ()
    links: tuple[str, ...] = ()
    too_large: tuple[IgnoredEntry, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what is copied."""
        return tuple(entry.name for entry in self.entries)


def is_selected(path: str, worktree: str, patterns: Iterable[FilePatterns]) -> bool:
    """Return True if one of the settings selects the path, which is relative to the top.

    A folder ends with `/`. Never true for the files of git and of composeports.
    """
    if NEVER.intersection(path.split("/")):
        return False
    full_path = f"{worktree}/{path}".rstrip("/")
    return any(one.select(full_path, is_folder=path.endswith("/")) for one in patterns)


def folders_to_list(
    entries: Iterable[str], worktree: str, patterns: Sequence[FilePatterns]
) -> list[str]:
    """Return the ignored folders that are selected, or that a pattern names files of."""
    folders = (entry for entry in entries if entry.endswith("/"))
    return [
        folder
        for folder in folders
        if is_selected(folder, worktree, patterns)
        or any(one.reach_into(f"{worktree}/{folder}".rstrip("/")) for one in patterns)
    ]


def grouped(
    files: Iterable[str], folders: Iterable[str], worktree: str, patterns: Sequence[FilePatterns]
) -> dict[str, list[str]]:
    """Return the selected files by entry: their folder if that is selected, else themselves."""
    whole_folders = [folder for folder in folders if is_selected(folder, worktree, patterns)]
    groups: dict[str, list[str]] = {}
    for file in dict.fromkeys(files):
        if is_selected(file, worktree, patterns):
            name = next((folder for folder in whole_folders if file.startswith(folder)), file)
            groups.setdefault(name, []).append(file)
    return groups


def within_limit(
    entries: Iterable[IgnoredEntry],
) -> tuple[tuple[IgnoredEntry, ...], tuple[IgnoredEntry, ...]]:
    """Return the entries that may be copied, and those that exceed the limits together with them.

    The smallest come first, so that one large folder does not keep small files away. An entry is
    copied as a whole or not at all.
    """
    taken, left = list[IgnoredEntry](), list[IgnoredEntry]()
    bytes_left, files_left = MOST_BYTES, MOST_FILES
    for entry in sorted(entries, key=lambda entry: (entry.size, entry.name)):
        if entry.size > bytes_left or len(entry.files) > files_left:
            left.append(entry)
        else:
            taken.append(entry)
            bytes_left -= entry.size
            files_left -= len(entry.files)
    return tuple(sorted(taken)), tuple(sorted(left))


def refused_link(  # noqa: PLR0913 - one fact each
    path: str,
    *,
    is_folder: bool,
    is_ignored: bool,
    is_tracked: bool,
    checkouts: Iterable[str],
    main: str,
) -> str:
    """Return why a folder of `link` is not linked, as the end of a sentence; empty if it may be."""
    if NEVER.intersection(path.split("/")):
        return "belongs to git or to composeports"
    if not is_folder:
        return "is no folder of the main checkout itself"
    if is_tracked:
        return "has files that git tracks"
    if not is_ignored:
        return "is not ignored by git in the main checkout"
    if any(is_within(f"{main}/{path}", checkout) for checkout in checkouts if checkout != main):
        return "belongs to another worktree"
    return ""


def told(findings: Findings, *, main: str, worktree: str) -> Iterator[str]:
    """Yield the warnings about what a worktree does not get."""
    for sentence in findings.refused:
        yield f"warning: not taken from the main checkout: {sentence}"
    if findings.too_large:
        names = listed(f"{entry.name} ({_size(entry)})" for entry in findings.too_large)
        first = findings.too_large[0].name
        folder = first.removesuffix("/")
        way_out = f"link = [{quoted(folder)}] in composeports.toml shares it, " * (first != folder)
        yield (
            f"warning: not copied from the main checkout: {names}: together more than "
            f"{_amount(MOST_BYTES)} or {MOST_FILES:,} files; {way_out}"
            f"`cp -Rp {main}/{folder} {worktree}/{folder}` copies it"
        )


def done(verb: str, names: Sequence[str]) -> Iterator[str]:
    """Yield the line that says what was copied or linked; nothing for no names."""
    if names:
        yield f"{verb} the main checkout: {listed(names)}"


def visible(paths: Sequence[str]) -> Iterator[str]:
    """Yield the warning about new files that git does not ignore in the worktree."""
    if paths:
        yield (
            f"warning: git does not ignore {listed(paths)} in this worktree, but in the main "
            "checkout: keep it out of commits (for a link to a folder, the pattern has no `/` at "
            "its end)"
        )


def base_names(paths: Iterable[str], base: str) -> Mapping[str, str]:
    """Return the paths below `base`, by their path relative to it."""
    return {path[len(base) :].lstrip("/"): path for path in paths if is_within(path, base)}


def _size(entry: IgnoredEntry) -> str:
    files = "1 file" if len(entry.files) == 1 else f"{len(entry.files):,} files"
    return f"{files}, {_amount(entry.size)}"


def _amount(size: float) -> str:
    """Return a number of bytes in the largest unit that fits."""
    for unit in UNITS[:-1]:
        if size < 1024:  # noqa: PLR2004 - bytes of a KiB
            return f"{size:.3g} {unit}"
        size /= 1024
    return f"{size:.3g} {UNITS[-1]}"
