"""Read the mirror from the machine's apt sources; never changes or guesses one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.cache import DevError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = ("", "-updates", "-security")


@dataclass(frozen=True)
class Source:
    """One archive that apt knows: where it is, how it is trusted, what it carries."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...]

    def line(self, suite: str) -> str:
        """Render the one-line form for one suite."""
        options = " ".join(f"{key}={value}" for key, value in self.options)
        bracket = f"[{options}] " if options else ""
        return f"deb {bracket}{self.uri} {suite} {' '.join(self.components)}"


@dataclass(frozen=True)
class Machine:
    """The distribution of this machine and the archives it takes packages from."""

    distribution: str
    codename: str
    sources: tuple[Source, ...]

    def native_lines(self) -> list[str]:
        """Return the sources of the machine's own release, third parties left out."""
        wanted = {self.codename + suffix for suffix in _SUFFIXES}
        return [
            source.line(suite)
            for source in self.sources
            for suite in source.suites
            if suite in wanted and "main" in source.components
        ]

    def mirror(self) -> Source:
        """Return the archive of the distribution itself, which carries other releases too."""
        carried = [s for s in self.sources if self.codename in s.suites and "main" in s.components]
        updated = {s.uri for s in self.sources if f"{self.codename}-updates" in s.suites}
        ranked = sorted(carried, key=lambda source: source.uri not in updated)
        if not ranked:
            message = (
                f"no apt source of this machine carries {self.codename or 'Debian'} main; "
                "add one below /etc/apt, or start a Docker engine yourself"
            )
            raise DevError(message)
        return ranked[0]

    def lines(self, release: str) -> list[str]:
        """Return the sources.list lines for one release of the distribution."""
        mirror = self.mirror()
        return self.native_lines() if release == self.codename else [mirror.line(release)]


def read_machine(etc: Path = Path("/etc")) -> Machine:
    """Read the distribution and its sources from a machine's /etc."""
    facts = _os_release(etc / "os-release")
    files = [etc / "apt/sources.list", *sorted((etc / "apt/sources.list.d").glob("*"))]
    found: list[Source] = []
    for file in files:
        if file.suffix == ".list" and file.is_file():
            found += _one_line(file.read_text())
        elif file.suffix == ".sources" and file.is_file():
            found += _deb822(file.read_text())
    return Machine(facts.get("ID", ""), facts.get("VERSION_CODENAME", ""), tuple(found))


def _os_release(file: Path) -> dict[str, str]:
    text = file.read_text() if file.is_file() else ""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, _, value in pairs}


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        kind, _, rest = line.partition("#")[0].strip().partition(" ")
        if kind != "deb":
            continue
        options: tuple[tuple[str, str], ...] = ()
        rest = rest.strip()
        if rest.startswith("["):
            inside, _, rest = rest[1:].partition("]")
            pairs = (word.partition("=") for word in inside.split() if "=" in word)
            options = tuple((key, value) for key, _, value in pairs)
        words = rest.split()
        if len(words) > 1:
            yield Source(words[0], (words[1],), tuple(words[2:]), options)


def _deb822(text: str) -> Iterator[Source]:
    for stanza in text.split("\n\n"):
        fields = _fields(stanza)
        types, enabled = fields.get("types", "").split(), fields.get("enabled", "yes")
        if "deb" not in types or enabled.lower() == "no":
            continue
        options = tuple(
            (key, fields[key])
            for key in ("signed-by", "trusted")
            # An inline key has spaces and cannot stand in a one-line entry.
            if key in fields and " " not in fields[key]
        )
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            yield Source(uri, tuple(fields.get("suites", "").split()), components, options)


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    key = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in {" ", "\t"} and key:
            fields[key] += " " + line.strip()
        elif ":" in line:
            key, _, value = line.partition(":")
            key = key.strip().lower()
            fields[key] = value.strip()
    return fields
