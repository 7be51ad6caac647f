"""Patterns in the form of .gitignore (gitignore(5)), which select files of a checkout.

Git cannot match such patterns alone: it always adds the repository's own .gitignore files. The time
for one path grows with the product of both lengths, whatever the pattern is.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from composeports.core.folders import is_below

MOST, LONGEST = 200, 500


class FilePattern(NamedTuple):
    """One pattern; `folder` is the absolute path of the folder that it is relative to."""

    folder: str
    text: str


class _Characters(NamedTuple):
    """The characters that one place of a glob accepts, as ranges; `is_negated`: all others."""

    ranges: tuple[tuple[str, str], ...]
    is_negated: bool = False


# What each place of a segment accepts; None stands for `*`. A segment `**` is ANY_FOLDERS.
_Glob = tuple[_Characters | None, ...]
_ANY_CHARACTER = _Characters((), is_negated=True)
_ANY_FOLDERS: _Glob = ()


class _Rule(NamedTuple):
    """A parsed pattern: its segments from `folder` on."""

    folder: str
    segments: tuple[_Glob, ...]
    is_exception: bool
    is_for_folders: bool


class FilePatterns:
    """Patterns in the form of .gitignore: the last pattern that matches a path decides.

    All paths are absolute. Only the first MOST patterns count, and none that is longer than
    LONGEST.
    """

    def __init__(self, patterns: Iterable[FilePattern]) -> None:
        """Parse the patterns; comments and empty lines match nothing."""
        self._rules = [rule for pattern in [*patterns][:MOST] for rule in _parsed(pattern)]

    def __bool__(self) -> bool:
        """Return True if one of the patterns may match something."""
        return bool(self._rules)

    def select(self, path: str, *, is_folder: bool = False) -> bool:
        """Return True if the patterns select the path or a folder above it.

        In a selected folder no pattern can take a file out again.
        """
        decisions: dict[int, bool] = {}
        for rule in self._rules:
            if is_below(path, rule.folder):
                parts = _below(path, rule.folder)
                depth = path.count("/") - len(parts)
                for count in _matches(rule.segments, parts):
                    if count < len(parts) or is_folder or not rule.is_for_folders:
                        decisions[depth + count] = not rule.is_exception
        return any(decisions.values())

    def reach_into(self, folder: str) -> bool:
        """Return True if a pattern names files below this folder by a path, as in `certs/*.pem`.

        A pattern for all folders, such as `*.pem`, does not.
        """
        return any(
            rule.segments[0] != _ANY_FOLDERS
            and not rule.is_exception
            and is_below(folder, rule.folder)
            and _goes_on(rule.segments, _below(folder, rule.folder))
            for rule in self._rules
        )


def lines_of(text: str, folder: str) -> tuple[FilePattern, ...]:
    """Return the patterns in the text of a file, one a line."""
    return tuple(FilePattern(folder, line) for line in text.splitlines())


def escaped(path: str) -> str:
    """Return a pattern that matches this path alone; the path is relative to its folder."""
    text = "".join(f"\\{char}" if char in "\\*?[" else char for char in path)
    text = f"\\{text}" if text[:1] in {"#", "!"} else text
    return f"{text[:-1]}\\ " if text.endswith(" ") else text


def _below(path: str, folder: str) -> list[str]:
    return [part for part in path[len(folder.rstrip("/")) :].split("/") if part]


def _parsed(pattern: FilePattern) -> Iterator[_Rule]:
    """Yield the rule of a pattern; none for a comment, an empty line, and what matches nothing."""
    text = pattern.text.rstrip("\r\n")
    while text.endswith(" ") and not text.endswith("\\ "):
        text = text[:-1]
    if text.startswith("#") or len(text) > LONGEST:
        return
    is_exception = text.startswith("!")
    text = text[1:] if is_exception else text
    is_for_folders = text.endswith("/")
    text = text.removesuffix("/")
    names = [part for part in text.split("/") if part]
    if not names or any(name in {".", ".."} for name in names):
        return
    names = names if "/" in text else ["**", *names]
    segments = [_ANY_FOLDERS if name == "**" else _glob(name) for name in names]
    known_segments = tuple(segment for segment in segments if segment is not None)
    if len(known_segments) == len(segments):
        yield _Rule(pattern.folder, known_segments, is_exception, is_for_folders)


def _matches(segments: Sequence[_Glob], parts: Sequence[str]) -> Iterator[int]:
    """Yield each number of first parts that the segments match as a whole."""
    states = _skipping(segments, {0})
    for count, part in enumerate(parts, 1):
        states = _after(segments, states, part)
        if len(segments) in states:
            yield count


def _goes_on(segments: Sequence[_Glob], parts: Sequence[str]) -> bool:
    """Return True if a path that begins with these parts, and goes on, can match."""
    states = _skipping(segments, {0})
    for part in parts:
        states = _after(segments, states, part)
    return bool(states - {len(segments)})


def _after(segments: Sequence[_Glob], states: set[int], part: str) -> set[int]:
    """Return the numbers of segments that may match next, after one more part of the path."""
    after = set[int]()
    for state in states:
        if state == len(segments):
            continue
        if segments[state] == _ANY_FOLDERS:
            # At the end, `**` stands for what is in the folder, not for the folder.
            after |= {state, state + 1} if state == len(segments) - 1 else {state}
        elif _is_like(part, segments[state]):
            after.add(state + 1)
    return _skipping(segments, after)


def _skipping(segments: Sequence[_Glob], states: set[int]) -> set[int]:
    """Return the states, and those behind each `**` that may stand for no folder."""
    all_states = set(states)
    for state, segment in enumerate(segments[:-1]):
        if state in all_states and segment == _ANY_FOLDERS:
            all_states.add(state + 1)
    return all_states


def _is_like(name: str, glob: _Glob) -> bool:
    """Return True if a glob without `/` matches the whole name."""
    place, token, star, retry = 0, 0, -1, 0
    while place < len(name):
        if token < len(glob):
            characters = glob[token]
            if characters is None:
                star, retry = token, place
                token += 1
                continue
            if _accepts(characters, name[place]):
                place, token = place + 1, token + 1
                continue
        if star < 0:
            return False
        retry += 1
        place, token = retry, star + 1
    return all(rest is None for rest in glob[token:])


def _accepts(characters: _Characters, char: str) -> bool:
    is_in = any(first <= char <= last for first, last in characters.ranges)
    return is_in is not characters.is_negated


def _glob(glob: str) -> _Glob | None:
    r"""Return what each place of a glob accepts; None stands for `*`.

    Return None for a glob that matches nothing: a `[` without its end, a `\` at the end.
    """
    tokens: list[_Characters | None] = []
    place = 0
    while place < len(glob):
        char = glob[place]
        place += 1
        if char == "*":
            tokens.append(None)
        elif char == "?":
            tokens.append(_ANY_CHARACTER)
        elif char == "[":
            found = _bracket(glob, place)
            if found is None:
                return None
            characters, place = found
            tokens.append(characters)
        else:
            if char == "\\":
                if place == len(glob):
                    return None
                char = glob[place]
                place += 1
            tokens.append(_Characters(((char, char),)))
    return tuple(tokens)


def _bracket(glob: str, place: int) -> tuple[_Characters, int] | None:
    """Return the characters of `[...]` and the place behind it; None if it does not end."""
    is_negated = glob[place : place + 1] in {"!", "^"}
    place += is_negated
    start, ranges = place, list[tuple[str, str]]()
    while place < len(glob) and (glob[place] != "]" or place == start):
        first, place = _member(glob, place)
        last = first
        if glob[place : place + 1] == "-" and glob[place + 1 : place + 2] not in {"", "]"}:
            last, place = _member(glob, place + 1)
        ranges.append((first, last))
    if place >= len(glob):
        return None
    return _Characters(tuple(ranges), is_negated), place + 1


def _member(glob: str, place: int) -> tuple[str, int]:
    """Return one character in brackets and the place behind it."""
    if glob[place] == "\\" and place + 1 < len(glob):
        return glob[place + 1], place + 2
    return glob[place], place + 1
