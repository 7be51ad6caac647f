"""Decides what is to be done about a copy of a skill: whose it is, and what has to change in it.

A copy of ours carries a marker file with the digest of each file as we wrote it. A copy without
one is somebody else's, and so is each file that differs from its digest. A folder without any file
is nobody's.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from hashlib import sha256

MARKER = ".composeports-skill.json"
MADE_BY = "composeports skills install"
Files = Mapping[str, bytes]

MISSING, CURRENT, STALE, CHANGED, FOREIGN = "missing", "current", "stale", "changed", "foreign"


@dataclass(frozen=True, slots=True)
class SkillCopy:
    """What lies where a skill goes: "SKILL.md" -> content, None for what is no regular file.

    `is_folder` is false for a link or a file of the skill's name.
    """

    exists: bool = False
    is_folder: bool = True
    files: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkillDecision:
    """What the copy is, and what has to be written and removed to make it as it is shipped.

    `theirs` are files that a person changed or put where one of ours goes; `ours` are those that we
    wrote and that are as we wrote them; `gone` those that we wrote and that are not there any more.
    """

    state: str
    write: Files = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def judge(shipped: Files, copy: SkillCopy) -> SkillDecision:
    """Tell what the copy is: missing, current, stale (ours, and outdated), changed, or foreign."""
    wanted = with_marker(shipped)
    if not copy.exists or (copy.is_folder and not copy.files):
        return SkillDecision(MISSING, write=wanted)
    recorded = _recorded(copy)
    if recorded is None:
        return SkillDecision(FOREIGN)
    ours = tuple(name for name in recorded if _is_as_written(name, recorded, copy))
    theirs = tuple(sorted(_theirs(wanted, recorded, copy)))
    write = {name: data for name, data in wanted.items() if copy.files.get(name) != data}
    remove = tuple(name for name in ours if name not in wanted)
    gone = tuple(name for name in recorded if name not in copy.files)
    if theirs:
        return SkillDecision(CHANGED, write, remove, ours, theirs, gone)
    return SkillDecision(STALE if write or remove else CURRENT, write, remove, ours, gone=gone)


def with_marker(shipped: Files) -> dict[str, bytes]:
    """Return the files of a copy of ours: those that are shipped, and the marker."""
    digests = {name: _digest(data) for name, data in sorted(shipped.items())}
    document = {"made_by": MADE_BY, "files": digests}
    return {**shipped, MARKER: (json.dumps(document, indent=2) + "\n").encode()}


def difference(shipped: Files, copy: SkillCopy, where: str) -> str:
    """Return a unified diff from the copy to what is shipped; `where` names the copy's folder."""
    verdict = judge(shipped, copy)
    names = {*verdict.write, *verdict.remove, *verdict.theirs} - {MARKER}
    pieces: list[str] = []
    for name in sorted(names):
        before, after = copy.files.get(name), shipped.get(name)
        lines = unified_diff(
            _lines(before or b""),
            _lines(after or b""),
            f"{where}/{name}" if name in copy.files else "/dev/null",
            f"shipped/{name}" if name in shipped else "/dev/null",
        )
        pieces += lines
    return "".join(pieces)


def _recorded(copy: SkillCopy) -> dict[str, str] | None:
    """Return the digests in the marker; None for a copy that is not ours."""
    marker = copy.files.get(MARKER)
    if not copy.is_folder or marker is None:
        return None
    try:
        document = json.loads(marker)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("made_by") != MADE_BY:
        return None
    files = document.get("files")
    return files if isinstance(files, dict) else None


def _theirs(wanted: Files, recorded: Mapping[str, str], copy: SkillCopy) -> Iterator[str]:
    for name, data in copy.files.items():
        # What is as it is shipped was changed to that by nobody, but for an interrupted install.
        if name == MARKER or data == wanted.get(name, b"\0"):
            continue
        if name in recorded:
            if not _is_as_written(name, recorded, copy):
                yield name
        elif name in wanted or _is_in_the_way(name, wanted):
            yield name


def _is_in_the_way(name: str, wanted: Files) -> bool:
    """Tell whether it lies where a folder of ours has to be."""
    return any(each.startswith(f"{name}/") for each in wanted)


def _is_as_written(name: str, recorded: Mapping[str, str], copy: SkillCopy) -> bool:
    data = copy.files.get(name)
    return data is not None and _digest(data) == recorded[name]


def _digest(data: bytes) -> str:
    return "sha256:" + sha256(data).hexdigest()


def _lines(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n\\ No newline at end of file\n"
    return lines
