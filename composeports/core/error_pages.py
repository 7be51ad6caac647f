"""The pages of the error codes: the sections of docs/troubleshooting.md."""

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import NamedTuple

HEADING = re.compile(r"^## (\w+)\n", flags=re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\([^)\s]+\)")
# The first paragraph of a section: exit code, HTTP status, and what happened.
HEAD = re.compile(r"(?:(?:Exit code|HTTP status) .*?\. )*(.+)", flags=re.DOTALL)


class ErrorPage(NamedTuple):
    """What is known of one error code: what happened in one line, and the whole text."""

    code: str
    summary: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """Return the page as a JSON document."""
        return self._asdict()


def parse_pages(document: str) -> dict[str, ErrorPage]:
    """Return the pages of docs/troubleshooting.md by code, in their order; links become text."""
    parts = HEADING.split(document)[1:]
    codes, bodies = parts[::2], parts[1::2]
    return {
        code: _page(code, LINK.sub(r"\1", body).strip())
        for code, body in zip(codes, bodies, strict=True)
    }


def _page(code: str, body: str) -> ErrorPage:
    match = HEAD.match(body.partition("\n\n")[0])
    summary = " ".join(match[1].split()) if match else ""
    return ErrorPage(code, summary, f"{code}\n\n{body}")


def near_codes(code: str, codes: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that a wrong code may mean, the nearest first."""
    known_codes = tuple(codes)
    wanted = code.strip().lower().replace("-", "_")
    return tuple(dict.fromkeys((*_containing(wanted, known_codes), *_alike(wanted, known_codes))))


def _containing(wanted: str, codes: Iterable[str]) -> Iterator[str]:
    return (code for code in codes if wanted and wanted in code)


def _alike(wanted: str, codes: tuple[str, ...]) -> list[str]:
    return get_close_matches(wanted, codes, 3)
