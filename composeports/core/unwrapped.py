"""Lines of a script whose calls of docker do not look at the PATH that the script was given."""

import re
from collections.abc import Iterator

OWN_PATH = re.compile(r"(?:^|[\s;&]|export\s)PATH\s*(?::?=|\?=)\s*(?P<value>[^\s;#]*)")
INHERITED = re.compile(r"\$\(?\{?\(?PATH\b|%PATH%")
BY_PATH = re.compile(r"(?:^|[\s;&|(`\"'@])/(?:[\w./+-]*/)?s?bin/docker(?:-compose)?(?=[\s\"'`)]|$)")
BY_OTHERS = re.compile(
    r"(?:^|[\s;&|(@])(?P<program>sudo|doas|env\s+-i)\s(?:-\S+\s+)*docker(?:-compose)?(?=\s|$)"
)


def bypasses(text: str) -> list[tuple[int, str]]:
    """Return the numbers of the lines that cannot be wrapped, each with the reason."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            found += [(number, why) for why in _reasons(line)]
    return found


def _reasons(line: str) -> Iterator[str]:
    own = OWN_PATH.search(line)
    if own and own["value"] and not INHERITED.search(line):
        yield "sets PATH anew"
    if BY_PATH.search(line):
        yield "calls docker by its path"
    other = BY_OTHERS.search(line)
    if other:
        yield f"calls docker by {' '.join(other['program'].split())}"
