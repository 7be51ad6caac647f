"""Generate the page about failures: heads from the error classes, texts kept as written by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composeports import errors
from composeports.errors import EXIT_BUG, ComposeportsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNWRITTEN = "To be written: what causes it, and what to do."
# Codes without a class in errors.py: (exit code, HTTP status, what happened).
ELSEWHERE = {
    "compose_failed": ("Compose's own", "503", "Docker Compose failed and printed the reason."),
    "internal": (str(EXIT_BUG), "500", "composeports has a bug; the message names a log file."),
    "command_not_started": (
        "126, 127",
        "",
        "The program after `composeports env --` did not start.",
    ),
    "host_not_allowed": ("", "403", "The Host header is not a name of the server."),
    "ambiguous_length": ("", "400", "A request gives the length of its body in two ways."),
    "body_too_large": ("", "413", "The body of a request is larger than the server accepts."),
    "request_timeout": ("", "408", "The server did not receive the whole request in time."),
    "no_events": ("", "503", "The status feed of the application does not run."),
    "cross_site": ("", "403", "A page of another site sent the request."),
}
INTRODUCTION = """\
# When something fails

Every failure has a code. `--json` shows it as `error.code`, HTTP and MCP show it as `error`. The
message says what failed and why; the hint says what to do next; the last line on stderr names the
code. This page says more about each code; `composeports explain CODE` prints its section, also
without a network. `composeports doctor` checks everything at once.

Exit codes that belong to no failure: 0, success; 1, `doctor` has findings or `skills check` found
differences; 130, interrupted (but 0 if SIGTERM ended `serve`). Every other exit code comes from
Docker Compose.

| code | exit code | |
|---|---|---|
"""


@dataclass(frozen=True)
class Failure:
    """One code, with the texts that come from the program."""

    code: str
    exit_code: str
    status: str
    words: str

    @property
    def head(self) -> str:
        """The generated part of its section, below the heading."""
        exits = f"Exit code {self.exit_code}" if self.exit_code else ""
        status = f"HTTP status {self.status}" if self.status else ""
        return f"{'; '.join(filter(None, (exits, status)))}. {self.words}"


def failures() -> list[Failure]:
    """Return every code, sorted by exit code and name."""
    found = [
        Failure(each.code, str(each.exit_code), "", (each.__doc__ or "").strip())
        for each in _classes(ComposeportsError)
    ]
    found += [Failure(code, *words) for code, words in ELSEWHERE.items()]
    return sorted(
        found, key=lambda each: (int(re.sub(r"\D.*", "", each.exit_code) or 999), each.code)
    )


def _classes(base: type[ComposeportsError]) -> Iterator[type[ComposeportsError]]:
    for each in base.__subclasses__():
        if each.__module__ == errors.__name__:
            # A class without its own code has the code of its base.
            if "code" in vars(each):
                yield each
            yield from _classes(each)


def page(before: str) -> str:
    """Return docs/troubleshooting.md, with the handwritten texts of the page `before`."""
    texts = written(before)
    rows = "\n".join(
        f"| [`{each.code}`](#{each.code}) | {each.exit_code} | {each.words} |"
        for each in failures()
    )
    sections = "\n".join(
        f"## {each.code}\n\n{each.head}\n\n{texts.get(each.code, UNWRITTEN)}\n"
        for each in failures()
    )
    return f"{INTRODUCTION}{rows}\n\n{sections}"


def written(page: str) -> Mapping[str, str]:
    """Return the handwritten text of each section: everything after its first paragraph."""
    parts = re.split(r"^## (\w+)\n\n", page, flags=re.MULTILINE)[1:]
    found = zip(parts[::2], parts[1::2], strict=True)
    return {code: body.partition("\n\n")[2].strip() for code, body in found}
