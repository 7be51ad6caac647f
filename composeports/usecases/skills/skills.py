"""Install, compare and remove skills in the folders where agents search for them."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from composeports.core.folders import is_below
from composeports.errors import FileAccessError
from composeports.host.git import find_checkout
from composeports.usecases.skills.files import (
    bundled_skills,
    read_copy,
    remove_copy,
    remove_leftovers,
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

# By agent: its folder, in a repository and in the home, and the variable that sets the latter.
AGENTS = {
    "claude": (".claude", "CLAUDE_CONFIG_DIR"),
    "codex": (".codex", "CODEX_HOME"),
    "gemini": (".gemini", ""),
}


@dataclass(frozen=True, slots=True)
class SkillFolder:
    """The folder of one agent's skills: `<top>/skills`, which must not lead out of `within`."""

    agent: str
    top: str
    within: str


@dataclass(frozen=True, slots=True)
class SkillResult:
    """One copy: its state before, and what was done with it.

    `done` is installed, updated, removed, unchanged, or left (composeports must not change the
    copy).
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
        """Return True if the copy needed a change and was left."""
        return self.done == "left"


def targets(
    agents: Sequence[str], cwd: str, environ: Mapping[str, str], *, user: bool
) -> list[SkillFolder]:
    """Return the skill folders of these agents in the worktree, or in the home with `user`.

    An empty `agents` means all agents.
    """
    agent_folders = {name: AGENTS[name] for name in agents or AGENTS}
    if not user:
        checkout = find_checkout(cwd)
        root = checkout[0] if checkout else os.path.realpath(cwd)
        return [
            SkillFolder(name, os.path.join(root, subfolder), root)
            for name, (subfolder, _) in agent_folders.items()
        ]
    home = environ.get("HOME") or os.path.expanduser("~")
    return [
        SkillFolder(name, os.path.abspath(environ.get(variable) or os.path.join(home, folder)), "")
        for name, (folder, variable) in agent_folders.items()
    ]


def install(places: Iterable[SkillFolder]) -> list[SkillResult]:
    """Install or update all copies, except copies that a user made or changed."""
    return [_install(copy) for copy in _found(places)]


def uninstall(places: Iterable[SkillFolder]) -> list[SkillResult]:
    """Remove the copies that composeports made, except copies that a user changed."""
    return [_uninstall(copy) for copy in _found(places)]


def check(places: Iterable[SkillFolder], *, named: bool) -> list[SkillResult]:
    """Compare the copies with the shipped skills.

    If the agents were not `named`, only agents with a copy made by composeports count. If no agent
    has one, the copies of all agents are reported as missing.
    """
    copies = list(_found(places))
    agents = {copy.target.agent for copy in copies if copy.verdict.state not in {MISSING, FOREIGN}}
    reported_copies = [
        copy for copy in copies if named or not agents or copy.target.agent in agents
    ]
    return [copy.outcome(diff=copy.diff) for copy in reported_copies]


def refusal(outcomes: Iterable[SkillResult]) -> FileAccessError | None:
    """Return the error that names the copies that were left, and why; None if there are none."""
    left_results = [outcome for outcome in outcomes if outcome.is_left]
    if not left_results:
        return None
    lines = [f"{result.path}: {_reason(result)}" for result in left_results]
    return FileAccessError(
        "left as it is:\n" + "\n".join(lines),
        hint="move it away or rename it, then run it again; all the rest is done",
        left=[result.path for result in left_results],
    )


def _reason(outcome: SkillResult) -> str:
    if outcome.state == FOREIGN:
        return "composeports did not make it"
    return f"a user changed {', '.join(outcome.theirs)}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A copy before anything is done with it."""

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
        """Return the diff of a copy that composeports made, with paths as in the repository."""
        if self.verdict.state in {CURRENT, MISSING, FOREIGN}:
            return ""
        folder = os.path.relpath(self.path, os.path.dirname(self.target.top))
        return difference(self.shipped, self.copy, folder)

    def outcome(self, done: str = "unchanged", diff: str = "") -> SkillResult:
        verdict, agent = self.verdict, self.target.agent
        return SkillResult(agent, self.skill, self.path, verdict.state, done, verdict.theirs, diff)


def _found(places: Iterable[SkillFolder]) -> Iterator[_Found]:
    """Read one copy after the other, because two agents may share a folder through a link."""
    skills = bundled_skills()
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
    top = target.within
    return bool(top) and not is_below(os.path.realpath(folder), os.path.realpath(top))


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
    """Remove what killed runs left, unless a link leads out of the repository."""
    if not _leads_out(found.target, found.path):
        remove_leftovers(found.path, found.verdict)
