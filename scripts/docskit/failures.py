"""Words the page about failures: heads from the errors themselves, texts as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composeports import errors
from composeports.errors import EXIT_BUG, ComposeportsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNWRITTEN = "To be written: what causes it, and what to do."
# Codes that no class in errors.py has: (exit code, status over HTTP, what happened).
ELSEWHERE = {
    "compose_failed": ("Compose's own", "503", "Docker Compose itself failed, and says why."),
    "internal": (str(EXIT_BUG), "500", "composeports has a bug; a log file is named."),
    "command_not_started": (
        "126, 127",
        "",
        "The program after `composeports env --` did not start.",
    ),
    "host_not_allowed": ("", "403", "The Host header is not a name of the server."),
    "ambiguous_length": ("", "400", "A request says twice, in two ways, how long its body is."),
    "request_timeout": ("", "408", "A request was not whole in time."),
    "cross_site": ("", "403", "A page of another site asks the server."),
}
INTRODUCTION = """\
# When something fails

Every failure has a code, which `--json` shows as `error.code`, HTTP and MCP as `error`. The message
names the thing and the reason, the hint the next step. This page says more, by code.
`composeports doctor` looks at everything at once.

Exit codes that are none of these failures: 0, done; 1, `doctor` has findings or `skills check`
differences; 130, interrupted (`serve` that is ended by SIGTERM: 0). Every other one is Docker
Compose's own.

| code | exit code | |
|---|---|---|
"""


@dataclass(frozen=True)
class Failure:
    """One code with what the program itself says of it."""

    code: str
    exit_code: str
    status: str
    words: str

    @property
    def head(self) -> str:
        """What is generated of its section, below the heading."""
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
            # One without a code of its own is a case of its base.
            if "code" in vars(each):
                yield each
            yield from _classes(each)


def page(before: str) -> str:
    """Return docs/troubleshooting.md, with the texts that it had before."""
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
    """Return the written text of each section: all that follows the paragraph of its head."""
    parts = re.split(r"^## (\w+)\n\n", page, flags=re.MULTILINE)[1:]
    found = zip(parts[::2], parts[1::2], strict=True)
    return {code: body.partition("\n\n")[2].strip() for code, body in found}
