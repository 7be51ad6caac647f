"""What the Compose files say, asked of Compose: the resolved files, and what variables move."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from composeports.core.moves import (
    FIXED_PORT_VARIABLES,
    NO_MOVES,
    Moves,
    Slot,
    candidates,
    compare,
    markers,
    suspects,
)
from composeports.core.plan import Observed
from composeports.core.project import Json, is_port, read_project
from composeports.core.protected_names import is_protected
from composeports.errors import ComposeFileError, ComposeLimitError
from composeports.host.compose import EVERY_PROFILE, LIMITS, Compose, check_installation
from composeports.host.compose_files import read_env_file
from composeports.host.git import find_checkout
from composeports.host.process import Finished
from composeports.host.questions import Questions

# Only to get past `${API_PORT:?}` while reading; the plan sets the real ones.
STAND_INS = dict(zip(FIXED_PORT_VARIABLES, ("54322", "3000", "4000", "8081"), strict=True))

# What Compose's checker, which takes paths for URLs, says of a path (Compose 2.40; 2.26 does not).
CONTROL_CHARACTER = "invalid control character in URL"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was observed, and the text that makes the next observation of the same files quicker."""

    observed: Observed
    memory: str


class Observation:
    """What Compose answers to the questions about the files."""

    def __init__(self, questions: Questions) -> None:
        """Take over the questions that are under way."""
        self._compose = questions.compose
        self._project = questions.project
        self._memory = questions.memory
        self._config = questions.config
        self._variables = questions.variables

    def finish(self) -> Answer:
        """Return what the files say; ComposeFileError, in Compose's words, where it refuses."""
        finished, extra, profiles = self._resolved()
        config = _parse(finished)
        project = read_project(config)
        key = self._key(finished.out)
        self._memory.wait()
        kept = self._memory.text
        recalled = _recall(kept, key)
        names = sorted(each.name for each in project.services)
        if recalled is not None and kept is not None:
            moves, values = recalled
            return Answer(Observed(project, moves, values), _remember(key, moves, values, names))
        values = self._values(extra)
        marks = markers(suspects(project, values), finished.out)
        certain = candidates(project, values)
        moves = self._moves(config, marks, certain, extra, profiles) if marks else NO_MOVES
        return Answer(Observed(project, moves, values), _remember(key, moves, values, names))

    def _key(self, resolved: str) -> str:
        """Return a digest of all that the moves depend on; the same in every worktree."""
        directory = self._compose.selection.directory
        checkout = find_checkout(directory)
        worktree = checkout[0] if checkout else directory
        for text in (worktree, directory, self._project):
            if len(text) > 1:
                resolved = resolved.replace(json.dumps(text, ensure_ascii=False)[1:-1], "\0")
        digest = sha256(resolved.encode("utf-8", "surrogateescape"))
        digest.update(self._memory.digest.encode())
        return digest.hexdigest()

    def _resolved(self) -> tuple[Finished, Mapping[str, str], tuple[str, ...]]:
        """Return the resolved files, if need be without all profiles or with stand-in values."""
        finished = self._config.finish()
        if not finished.code:
            return finished, {}, EVERY_PROFILE
        self._refuse_limit(finished)
        check_installation(self._compose.environ)
        missing = self._missing_fixed()
        for profiles, extra in ((EVERY_PROFILE, missing), ((), {}), ((), missing)):
            again = self._ask(profiles, extra)
            self._refuse_limit(again)
            if not again.code:
                return again, extra, profiles
        raise _refused(finished, self._compose)

    def _refuse_limit(self, finished: Finished) -> None:
        """Raise ComposeLimitError where reading the files was ended for its time or its memory."""
        if not finished.limit:
            return
        if self._variables is not None:
            self._variables.finish()  # it reads the same files, and has the same end
        allowed = {"time": f"{LIMITS.seconds:g} seconds", "memory": f"{LIMITS.memory >> 20} MiB"}
        raise ComposeLimitError(
            f"`docker compose config` was ended: reading the files took more than "
            f"{allowed[finished.limit]}",
            hint="look for YAML aliases of aliases (`*name`), or for an `include` from a place "
            "that does not answer",
            files=list(self._compose.selection.files),
            limit=finished.limit,
        )

    def _missing_fixed(self) -> dict[str, str]:
        """Return stand-ins for the fixed port variables that the shell does not set."""
        return {
            name: value for name, value in STAND_INS.items() if name not in self._compose.environ
        }

    def _values(self, extra: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that the files mention, with their values now."""
        running = self._variables or self._compose.start_config(self._project, "--variables")
        finished = running.finish()
        if finished.code:
            check_installation(self._compose.environ)
            return {}
        defaults = dict(_parse_variables(finished.out))
        stored: dict[str, str] = {}
        if defaults:
            for path in self._compose.selection.env_files:
                stored |= read_env_file(path)
        known = {**stored, **self._compose.environ}
        return {name: known.get(name, extra.get(name, value)) for name, value in defaults.items()}

    def _moves(
        self,
        config: Json,
        marks: Mapping[str, str],
        certain: Collection[str],
        extra: Mapping[str, str],
        profiles: tuple[str, ...],
    ) -> Moves:
        """Ask again with a marker in each variable that could be a port, and compare.

        Where Compose refuses one of the markers, each `certain` variable is asked for alone.
        """
        together = self._marked(config, marks, extra, profiles)
        if together is not None:
            return together
        alone = [
            self._marked(config, {name: mark}, extra, profiles) or NO_MOVES
            for name, mark in marks.items()
            if name in certain
        ]
        return Moves(
            {name: slots for moves in alone for name, slots in moves.slots.items()},
            {name: paths for moves in alone for name, paths in moves.elsewhere.items()},
        )

    def _marked(
        self,
        config: Json,
        marks: Mapping[str, str],
        extra: Mapping[str, str],
        profiles: tuple[str, ...],
    ) -> Moves | None:
        """Return what the markers move, None where Compose refuses them."""
        finished = self._ask(profiles, {**extra, **marks})
        return None if finished.code else compare(config, _parse(finished), marks)

    def _ask(self, profiles: tuple[str, ...], extra: Mapping[str, str]) -> Finished:
        arguments = ("--format", "json")
        return self._compose.start_config(
            self._project, *arguments, profiles=profiles, extra=extra
        ).finish()


def _parse(finished: Finished) -> Json:
    document = json.loads(finished.out)
    return document if isinstance(document, dict) else {}


def _parse_variables(table: str) -> Iterator[tuple[str, str]]:
    """Yield (name, default) of the table of `config --variables`, by its header's columns."""
    header, *rows = table.splitlines() or [""]
    start, end = header.find("DEFAULT VALUE"), header.find("ALTERNATE VALUE")
    for row in rows:
        if row.split():
            yield row.split()[0], row[start:end].strip() if start > 0 else ""


def _refused(finished: Finished, compose: Compose) -> ComposeFileError:
    lines = [line for line in finished.err.splitlines() if line.strip()]
    shown = [line for line in lines if "level=warning" not in line] or lines
    said = "\n".join(shown) or f"docker compose config ended with exit code {finished.code}"
    files = list(compose.selection.files)
    if CONTROL_CHARACTER in said:
        return ComposeFileError(
            "this Docker Compose cannot read a file in a folder that has a line break or another "
            f"control character in its name: {compose.selection.directory!r}",
            hint="rename the folder (`git worktree move` moves a worktree)",
            files=files,
        )
    if not compose.selection.files:
        hint = "run it in a folder with a compose.yaml (or below one), or name the file with -f"
    else:
        hint = "`docker compose config` with the same options shows the same"
    return ComposeFileError(said, hint=hint, files=files)


def _recall(memory: str | None, key: str) -> tuple[Moves, dict[str, str]] | None:
    """Return moves and values of an earlier observation of the very same files, else None."""
    try:
        stored = json.loads(memory or "")
        if stored["key"] != key:
            return None
        slots = {
            str(name): tuple(Slot(str(slot[0]), int(slot[1]), str(slot[2])) for slot in found)
            for name, found in stored["slots"].items()
        }
        elsewhere = {str(name): tuple(found) for name, found in stored["elsewhere"].items()}
        return Moves(slots, elsewhere), dict(stored["values"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def _remember(key: str, moves: Moves, values: Mapping[str, str], services: list[str]) -> str:
    slots = {
        name: [(slot.service, slot.index, slot.field) for slot in found]
        for name, found in moves.slots.items()
    }
    elsewhere = {name: list(found) for name, found in moves.elsewhere.items()}
    # Not every value: there are passwords among them.
    wanted = {*slots, *elsewhere, *FIXED_PORT_VARIABLES, "SUPABASE_URL"}
    wanted |= {name for name, value in values.items() if is_protected(name) and is_port(value)}
    kept = {name: value for name, value in values.items() if name in wanted}
    found = {"slots": slots, "elsewhere": elsewhere, "values": kept, "services": services}
    return json.dumps({"key": key, **found})
