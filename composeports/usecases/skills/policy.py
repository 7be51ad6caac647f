"""Decide what to do with a copy of a skill: who made it, and which files have to change.

A copy made by composeports has a marker file with the digest of each file as it was written. A copy
without the marker was made by someone else. A file that differs from its digest was changed by a
user. A folder without any file counts as missing. A copy under another name has the name of its
skill in the marker.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import unified_diff
from hashlib import sha256

MARKER = ".composeports-skill.json"
MADE_BY = "composeports skills install"
Files = Mapping[str, bytes]

MISSING, CURRENT, STALE, CHANGED, FOREIGN = "missing", "current", "stale", "changed", "foreign"
# The form of a skill's name in the Agent Skills format.
SKILL_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class SkillCopy:
    """The content of a skill's folder: "SKILL.md" -> bytes, or None if not a regular file.

    `is_folder` is False if a link or a file has the skill's name.
    """

    exists: bool = False
    is_folder: bool = True
    files: Mapping[str, bytes | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkillDecision:
    """The state of the copy, and what to write and remove to make it as it is shipped.

    `theirs` are files that a user changed, or files of a user at the path of a shipped one. `ours`
    are files that composeports wrote and that are unchanged. `gone` are files that composeports
    wrote and that no longer exist.
    """

    state: str
    write: Files = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def is_skill_name(name: str) -> bool:
    """Return True if a skill may have this name: a-z, 0-9 and single hyphens, at most 64."""
    return len(name) <= LONGEST_NAME and SKILL_NAME.fullmatch(name) is not None


def renamed(shipped: Files, name: str) -> dict[str, bytes]:
    """Return the skill's files with another name in the head of SKILL.md."""
    head = re.compile(rb"^name: .*$", re.MULTILINE)
    return {**shipped, "SKILL.md": head.sub(f"name: {name}".encode(), shipped["SKILL.md"], count=1)}


def skill_of(marker: bytes | None) -> str:
    """Return the skill that was installed under another name; empty if the marker names none."""
    document = _document(marker)
    skill = document.get("skill") if document else None
    return skill if isinstance(skill, str) else ""


def judge(shipped: Files, copy: SkillCopy, skill: str = "") -> SkillDecision:
    """Return the state of the copy, and what has to change.

    `skill` is the skill's own name if the copy has another one. The state is missing, current,
    stale (made by composeports and outdated), changed by a user, or foreign (not made by
    composeports).
    """
    needed_files = with_marker(shipped, skill)
    if not copy.exists or (copy.is_folder and not copy.files):
        return SkillDecision(MISSING, write=needed_files)
    digests = _recorded(copy)
    if digests is None:
        return SkillDecision(FOREIGN)
    our_files = tuple(name for name in digests if _is_as_written(name, digests, copy))
    user_files = tuple(sorted(_theirs(needed_files, digests, copy)))
    writes = {name: data for name, data in needed_files.items() if copy.files.get(name) != data}
    removals = tuple(name for name in our_files if name not in needed_files)
    missing_files = tuple(name for name in digests if name not in copy.files)
    if user_files:
        return SkillDecision(CHANGED, writes, removals, our_files, user_files, missing_files)
    return SkillDecision(
        STALE if writes or removals else CURRENT, writes, removals, our_files, gone=missing_files
    )


def with_marker(shipped: Files, skill: str = "") -> dict[str, bytes]:
    """Return the files of a new copy: the shipped files and the marker.

    `skill` is the skill's own name if the copy has another one.
    """
    digests = {name: _digest(data) for name, data in sorted(shipped.items())}
    origin = {"skill": skill} if skill else {}
    document = {"made_by": MADE_BY, **origin, "files": digests}
    return {**shipped, MARKER: (json.dumps(document, indent=2) + "\n").encode()}


def difference(shipped: Files, copy: SkillCopy, where: str, skill: str = "") -> str:
    """Return a unified diff from the copy to the shipped files; `where` is the copy's folder."""
    verdict = judge(shipped, copy, skill)
    names = {*verdict.write, *verdict.remove, *verdict.theirs} - {MARKER}
    pieces: list[str] = []
    for name in sorted(names):
        old_data, new_data = copy.files.get(name), shipped.get(name)
        lines = unified_diff(
            _lines(old_data or b""),
            _lines(new_data or b""),
            f"{where}/{name}" if name in copy.files else "/dev/null",
            f"shipped/{name}" if name in shipped else "/dev/null",
        )
        pieces += lines
    return "".join(pieces)


def _recorded(copy: SkillCopy) -> dict[str, str] | None:
    """Return the digests in the marker; None if composeports did not make the copy."""
    document = _document(copy.files.get(MARKER)) if copy.is_folder else None
    files = document.get("files") if document else None
    return files if isinstance(files, dict) else None


def _document(marker: bytes | None) -> dict[str, object] | None:
    """Return what a marker of composeports says; None for everything else."""
    try:
        document = json.loads(marker or b"")
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("made_by") != MADE_BY:
        return None
    return document


def _theirs(wanted: Files, recorded: Mapping[str, str], copy: SkillCopy) -> Iterator[str]:
    for name, data in copy.files.items():
        # A file that equals the shipped one comes from an interrupted install, not from a user.
        if name == MARKER or data == wanted.get(name, b"\0"):
            continue
        if name in recorded:
            if not _is_as_written(name, recorded, copy):
                yield name
        elif name in wanted or _is_in_the_way(name, wanted):
            yield name


def _is_in_the_way(name: str, wanted: Files) -> bool:
    """Return True if the file has the path of a folder that the copy needs."""
    return any(path.startswith(f"{name}/") for path in wanted)


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
