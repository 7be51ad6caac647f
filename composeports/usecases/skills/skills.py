"""Install, compare and remove skills in the folders where agents search for them."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from composeports.core.folders import is_below
from composeports.errors import FileAccessError
from composeports.host.git import find_checkout
from composeports.usecases.skills.files import (
    bundled_skills,
    copies_under_other_names,
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
    renamed,
)

# The skill that `--as` gives another name: another skill may well have its name.
RENAMED = "validate-feature"

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


def shipped_names() -> list[str]:
    """Return the names of the skills of this version."""
    return list(bundled_skills())


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


def install(places: Iterable[SkillFolder], name: str = "") -> list[SkillResult]:
    """Install or update all copies, except copies that a user made or changed.

    With `name`, the skill validate-feature gets a copy of this name, and none of its own name.
    """
    return [_install(copy) for copy in _found(places, name)]


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
        hint=_hint(left_results),
        left=[result.path for result in left_results],
    )


def _hint(left_results: Sequence[SkillResult]) -> str:
    hint = "move it away or rename it, then run it again; all the rest is done"
    is_name_taken = any(
        result.state == FOREIGN and os.path.basename(result.path) == RENAMED
        for result in left_results
    )
    other = "; `composeports skills install --as NAME` installs this skill under another name"
    return hint + other if is_name_taken else hint


def _reason(outcome: SkillResult) -> str:
    if outcome.state == FOREIGN:
        return "composeports did not make it"
    return f"a user changed {', '.join(outcome.theirs)}"


@dataclass(frozen=True, slots=True)
class _Found:
    """A copy before anything is done with it; `name` is its folder's, `skill` the shipped one's."""

    target: SkillFolder
    skill: str
    name: str
    shipped: Mapping[str, bytes]
    copy: SkillCopy
    verdict: SkillDecision

    @property
    def path(self) -> str:
        return os.path.join(self.target.top, "skills", self.name)

    @property
    def diff(self) -> str:
        """Return the diff of a copy that composeports made, with paths as in the repository."""
        if self.verdict.state in {CURRENT, MISSING, FOREIGN}:
            return ""
        folder = os.path.relpath(self.path, os.path.dirname(self.target.top))
        return difference(self.shipped, self.copy, folder, _origin(self.skill, self.name))

    def outcome(self, done: str = "unchanged", diff: str = "") -> SkillResult:
        verdict, agent = self.verdict, self.target.agent
        return SkillResult(agent, self.skill, self.path, verdict.state, done, verdict.theirs, diff)


def _found(places: Iterable[SkillFolder], name: str = "") -> Iterator[_Found]:
    """Read one copy after the other, because two agents may share a folder through a link."""
    skills = bundled_skills()
    for target in places:
        for skill, files in skills.items():
            yield from _copies(target, skill, files, name if skill == RENAMED else "")


def _copies(
    target: SkillFolder, skill: str, shipped: Mapping[str, bytes], name: str
) -> Iterator[_Found]:
    """Yield the copies of a skill; its own name counts only if no other name is in use instead."""
    folder = os.path.join(target.top, "skills")
    others = {} if _leads_out(target, folder) else copies_under_other_names(folder)
    names = {other for other, origin in others.items() if origin == skill}
    names |= {name} - {"", skill}
    own = _look(target, skill, skill, shipped)
    if not names or name == skill or own.verdict.state not in {MISSING, FOREIGN}:
        yield own
    for other in sorted(names):
        yield _look(target, skill, other, renamed(shipped, other))


def _origin(skill: str, name: str) -> str:
    """Return the skill's own name if a copy has another one, for its marker."""
    return "" if name == skill else skill


def _look(target: SkillFolder, skill: str, name: str, shipped: Mapping[str, bytes]) -> _Found:
    folder = os.path.join(target.top, "skills", name)
    copy = read_copy(folder)
    if _leads_out(target, folder):
        copy = SkillCopy(exists=True, is_folder=False)
    verdict = judge(shipped, copy, _origin(skill, name))
    return _Found(target, skill, name, shipped, copy, verdict)


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
        return _install(_look(found.target, found.skill, found.name, found.shipped))
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
