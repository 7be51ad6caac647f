"""Skills in the folders where agents look for them: installed, compared, taken away again."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from composeports.errors import FileAccessError
from composeports.host.git import find_checkout
from composeports.usecases.skills.files import (
    read_copy,
    remove_copy,
    remove_leftovers,
    shipped_skills,
    write_copy,
)
from composeports.usecases.skills.policy import (
    CHANGED,
    CURRENT,
    FOREIGN,
    MISSING,
    SkillCopy,
    SkillDecision,
    difference,
    judge,
)

# The folder of each agent, in a repository and in the home; the variable that names the latter.
AGENTS = {
    "claude": (".claude", "CLAUDE_CONFIG_DIR"),
    "codex": (".codex", "CODEX_HOME"),
    "gemini": (".gemini", ""),
}


@dataclass(frozen=True, slots=True)
class SkillFolder:
    """Where one agent looks for skills: `<top>/skills`, which must not lead out of `within`."""

    agent: str
    top: str
    within: str


@dataclass(frozen=True, slots=True)
class SkillResult:
    """One copy: what it was, and what was done with it.

    `done` is installed, updated, removed, unchanged, or left, where it is not ours to change.
    """

    agent: str
    skill: str
    path: str
    state: str
    done: str = "unchanged"
    theirs: tuple[str, ...] = ()
    diff: str = ""

    @property
    def is_left(self) -> bool:
        """Tell whether something would have had to be done, and was not."""
        return self.done == "left"


def targets(
    agents: Sequence[str], cwd: str, environ: Mapping[str, str], *, user: bool
) -> list[SkillFolder]:
    """Return where these agents (all, where none is named) look: in the worktree or the home."""
    chosen = {name: AGENTS[name] for name in agents or AGENTS}
    if not user:
        checkout = find_checkout(cwd)
        root = checkout[0] if checkout else os.path.realpath(cwd)
        return [SkillFolder(name, os.path.join(root, at), root) for name, (at, _) in chosen.items()]
    home = environ.get("HOME") or os.path.expanduser("~")
    return [
        SkillFolder(name, os.path.abspath(environ.get(variable) or os.path.join(home, folder)), "")
        for name, (folder, variable) in chosen.items()
    ]


def install(places: Iterable[SkillFolder]) -> list[SkillResult]:
    """Make all copies as they are shipped, but for those that are not ours, or were changed."""
    return [_install(each) for each in _found(places)]


def uninstall(places: Iterable[SkillFolder]) -> list[SkillResult]:
    """Remove our copies, but for those that somebody changed."""
    return [_uninstall(each) for each in _found(places)]


def check(places: Iterable[SkillFolder], *, named: bool) -> list[SkillResult]:
    """Compare the copies with what is shipped.

    Where the agents were not `named`, those count that have a copy of ours; none is a miss of all.
    """
    found = list(_found(places))
    having = {each.target.agent for each in found if each.verdict.state not in {MISSING, FOREIGN}}
    chosen = [each for each in found if named or not having or each.target.agent in having]
    return [each.outcome(diff=each.diff) for each in chosen]


def refusal(outcomes: Iterable[SkillResult]) -> FileAccessError | None:
    """Return the error that says what was left, and why; None where nothing was."""
    left = [outcome for outcome in outcomes if outcome.is_left]
    if not left:
        return None
    lines = [f"{each.path}: {_reason(each)}" for each in left]
    return FileAccessError(
        "left as it is:\n" + "\n".join(lines),
        hint="move it away or rename it, then run it again; all the rest is done",
        left=[each.path for each in left],
    )


def _reason(outcome: SkillResult) -> str:
    if outcome.state == FOREIGN:
        return "composeports did not make it"
    return f"somebody changed {', '.join(outcome.theirs)}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A copy, before anything is done with it."""

    target: SkillFolder
    skill: str
    shipped: Mapping[str, bytes]
    copy: SkillCopy
    verdict: SkillDecision

    @property
    def path(self) -> str:
        return os.path.join(self.target.top, "skills", self.skill)

    @property
    def diff(self) -> str:
        """The difference of a copy of ours, with paths as they are in the repository."""
        if self.verdict.state in {CURRENT, MISSING, FOREIGN}:
            return ""
        where = os.path.relpath(self.path, os.path.dirname(self.target.top))
        return difference(self.shipped, self.copy, where)

    def outcome(self, done: str = "unchanged", diff: str = "") -> SkillResult:
        verdict, agent = self.verdict, self.target.agent
        return SkillResult(agent, self.skill, self.path, verdict.state, done, verdict.theirs, diff)


def _found(places: Iterable[SkillFolder]) -> Iterator[_Found]:
    """Look at one copy after the other, since two agents may share a folder by a link."""
    skills = shipped_skills()
    for target in places:
        for name, files in skills.items():
            yield _look(target, name, files)


def _look(target: SkillFolder, skill: str, shipped: Mapping[str, bytes]) -> _Found:
    folder = os.path.join(target.top, "skills", skill)
    copy = read_copy(folder)
    if _leads_out(target, folder):
        copy = SkillCopy(exists=True, is_folder=False)
    return _Found(target, skill, shipped, copy, judge(shipped, copy))


def _leads_out(target: SkillFolder, folder: str) -> bool:
    return bool(target.within) and not _is_within(folder, target.within)


def _is_within(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(folder).rstrip("/") + "/")


def _install(found: _Found) -> SkillResult:
    _clean(found)
    if found.verdict.state == CURRENT:
        return found.outcome()
    if found.verdict.state in {CHANGED, FOREIGN}:
        return found.outcome("left")
    if not write_copy(found.path, found.verdict):
        return _install(_look(found.target, found.skill, found.shipped))
    return found.outcome("installed" if found.verdict.state == MISSING else "updated")


def _uninstall(found: _Found) -> SkillResult:
    _clean(found)
    is_empty = found.verdict.state == MISSING and found.copy.exists
    if found.verdict.state in {MISSING, FOREIGN} and not is_empty:
        return found.outcome()
    if found.verdict.state == CHANGED:
        return found.outcome("left")
    remove_copy(found.path, found.verdict, os.path.dirname(found.target.top))
    return found.outcome("removed")


def _clean(found: _Found) -> None:
    """Remove what killed runs left; nothing where a link leads out of the repository."""
    if not _leads_out(found.target, found.path):
        remove_leftovers(found.path, found.verdict)
