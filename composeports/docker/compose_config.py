"""Asks Compose for the resolved files, and finds which variables set ports in them."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

from composeports.core.compose_project import Json
from composeports.core.compose_reader import read_project
from composeports.core.plan.plan import ObservedConfig
from composeports.core.plan.port_candidates import (
    FIXED_PORT_VARIABLES,
    URL_VARIABLE,
    marker_values,
    possible_port_variables,
)
from composeports.core.plan.variable_effects import (
    NO_EFFECTS,
    VariableEffects,
    compare,
    port_variables,
)
from composeports.core.plan.variable_mentions import mentioned_variables
from composeports.docker.compose_cli import (
    EVERY_PROFILE,
    INSTALL,
    LIMITS,
    Compose,
    check_installation,
    program_mark,
)
from composeports.docker.compose_files import known_variables
from composeports.docker.compose_queries import ComposeQueries
from composeports.docker.compose_texts import read_texts
from composeports.docker.config_entry import read_entry, write_entry
from composeports.errors import ComposeFileError, ComposeLimitError, ComposeMissingError
from composeports.host.git import find_checkout
from composeports.host.process import Finished

# Values that let Compose read files with `${API_PORT:?}`; the plan sets the real values later.
STAND_INS = {
    **dict(zip(FIXED_PORT_VARIABLES, ("54322", "3000", "4000", "8081"), strict=True)),
    URL_VARIABLE: "http://localhost:3000",
}
# Version of the cached text and of the queries behind it; a new number makes old entries invalid.
FORM = "3"

# Compose 2.40 checks paths as if they were URLs and prints this for some; Compose 2.26 does not.
CONTROL_CHARACTER = "invalid control character in URL"


class ConfigAnswer(NamedTuple):
    """The observed configuration, and the text to store in the config cache.

    The text makes the next observation of the same files faster. It is empty if a query failed,
    because a failed query is not cached.
    """

    observed: ObservedConfig
    memory: str


class ConfigQuery:
    """Waits for the queries to Compose about the files, and evaluates their results."""

    def __init__(self, queries: ComposeQueries) -> None:
        """Take over the queries that are already running."""
        self._compose = queries.compose
        self._project = queries.project
        self._memory = queries.memory
        self._config = queries.config
        self._variables = queries.variables
        self._mentions = queries.mentions
        self._markers = queries.markers
        self._marked_query = queries.marked
        self._version = queries.version
        self._profiles: tuple[str, ...] = EVERY_PROFILE
        self._required: dict[str, str] = {}
        self._has_answers = True

    def finish(self) -> ConfigAnswer:
        """Return the observed configuration.

        Raise ComposeFileError with Compose's own message if Compose rejects the files,
        ComposeLimitError if reading them exceeds the limits, and ComposeMissingError or
        ComposeTooOldError if the installed Compose cannot be used.
        """
        try:
            return self._answer(self._resolved())
        finally:
            self._end_early_queries()

    def _end_early_queries(self) -> Finished | None:
        """Wait for the queries that started early; return the one with markers, None without."""
        version, self._version = self._version, None
        marked, self._marked_query = self._marked_query, None
        if version is not None:
            version.finish()
        return None if marked is None else marked.finish()

    def _answer(self, answer: Finished) -> ConfigAnswer:
        config = _parse(answer)
        project = read_project(config)
        required_names = frozenset(self._required)
        key = self._key(answer.out)
        self._memory.wait()
        cache_text = self._memory.text
        cache_entry = read_entry(cache_text, key)
        names = sorted(service.name for service in project.services)
        if cache_entry is not None and cache_text is not None:
            effects, values = cache_entry
            observed = ObservedConfig(project, effects, values, config, required_names)
            return ConfigAnswer(observed, write_entry(key, effects, values, names))
        values = self._values()
        hidden_values = self._hidden(values, answer.out)
        marks = self._marks(possible_port_variables(values | hidden_values), answer.out)
        port_names = port_variables(project, values)
        effects, unproved_names = (
            self._query_effects(config, marks, port_names) if marks else (NO_EFFECTS, ())
        )
        values |= {
            name: value for name, value in hidden_values.items() if effects.other_places(name)
        }
        memory = write_entry(key, effects, values, names) if self._has_answers else ""
        return ConfigAnswer(
            ObservedConfig(project, effects, values, config, required_names, unproved_names), memory
        )

    def _key(self, resolved: str) -> str:
        """Return a digest of everything that the variable effects depend on.

        It is the same in every worktree: the paths of the worktree and the project's name do not
        count.
        """
        directory = self._compose.selection.directory
        checkout = find_checkout(directory)
        worktree = checkout[0] if checkout else directory
        for text in (worktree, directory, self._project):
            if len(text) > 1:
                resolved = resolved.replace(json.dumps(text, ensure_ascii=False)[1:-1], "\0")
        digest = sha256(resolved.encode("utf-8", "surrogateescape"))
        program = program_mark(self._compose.environ)
        for part in (self._memory.digest, FORM, program, *self._profiles, *self._required):
            digest.update(f"\0{part}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def _resolved(self) -> Finished:
        """Return the resolved files; if needed, retry with stand-in values or without profiles."""
        answer = self._config.finish()
        if not answer.code:
            return answer
        self._refuse_limit(answer)
        check_installation(self._compose.environ)
        for profiles in (EVERY_PROFILE, ()):
            self._profiles = profiles
            self._required = {}
            retry = answer if profiles else self._run_config({})
            while retry.code and (missing := self._demanded(retry.err)):
                self._required |= missing
                retry = self._run_config({})
            self._refuse_limit(retry)
            if not retry.code:
                return retry
        raise _refused(answer, self._compose)

    def _refuse_limit(self, finished: Finished) -> None:
        """Raise ComposeLimitError if the process exceeded its limit of time or memory."""
        if not finished.limit:
            return
        if self._variables is not None:
            self._variables.finish()  # it reads the same files, and fails the same way
        limits = {"time": f"{LIMITS.seconds:g} seconds", "memory": f"{LIMITS.memory >> 20} MiB"}
        raise ComposeLimitError(
            f"`docker compose config` was ended: reading the files took more than "
            f"{limits[finished.limit]}",
            hint="look for YAML aliases of aliases (`*name`), or for an `include` from a place "
            "that does not answer",
            files=list(self._compose.selection.files),
            limit=finished.limit,
        )

    def _demanded(self, said: str) -> dict[str, str]:
        """Return stand-in values for the fixed variables that Compose's error message names."""
        words = set(re.findall(r"\w+", said))
        return {
            name: value
            for name, value in STAND_INS.items()
            if name in words and name not in self._required
        }

    def _marks(self, names: Collection[str], resolved: str) -> dict[str, str]:
        """Return a marker for each variable; the ones of the early query if it can be used."""
        markers = self._markers
        fits = self._profiles == EVERY_PROFILE and not self._required and set(names) <= set(markers)
        if fits and not any(marker in resolved for marker in markers.values()):
            return {name: markers[name] for name in names}
        self._end_early_queries()
        return marker_values(names, resolved)

    def _values(self) -> dict[str, str]:
        """Return the variables that the files mention, with their current values."""
        if self._mentions is not None:
            version, self._version = self._version, None
            check_installation(self._compose.environ, version)
            return self._with_values(self._mentions)
        query = self._variables or self._compose.start_config(self._project, "--variables")
        answer = query.finish()
        if answer.code:
            check_installation(self._compose.environ)
            self._has_answers = False
            defaults = mentioned_variables(read_texts(self._compose.selection.files))
        else:
            defaults = dict(_parse_variables(answer.out))
        return self._with_values(defaults)

    def _with_values(self, defaults: Mapping[str, str]) -> dict[str, str]:
        user_values = self._known() if defaults else {}
        return {
            name: user_values.get(name, self._required.get(name, value))
            for name, value in defaults.items()
        }

    def _known(self) -> dict[str, str]:
        return known_variables(self._compose.selection.env_files, self._compose.environ)

    def _hidden(self, values: Mapping[str, str], resolved: str) -> dict[str, str]:
        """Return the fixed variables that the files use in ways that Compose does not report.

        An `env_file` may contain them, and `environment: [API_PORT]` passes one through.
        """
        texts = read_texts(self._compose.selection.files)
        has_env_file = any("env_file" in text for text in texts)
        names = [
            name
            for name in STAND_INS
            if name not in values and (has_env_file or f'"{name}"' in resolved)
        ]
        user_values = self._known() if names else {}
        return {name: user_values.get(name, "") for name in names}

    def _query_effects(
        self, config: Json, marks: Mapping[str, str], certain: Collection[str]
    ) -> tuple[VariableEffects, tuple[str, ...]]:
        """Query Compose again with a marker value in each possible port variable, and compare.

        If Compose rejects one of the markers, each variable in `certain` gets its own query. The
        second value returned names the variables whose own query Compose rejects too.
        """
        joint_effects = self._marked(config, marks)
        if joint_effects is not None:
            return joint_effects, ()
        self._has_answers = False
        effects_by_name = {
            name: self._marked(config, {name: mark})
            for name, mark in marks.items()
            if name in certain
        }
        accepted_effects = [effects for effects in effects_by_name.values() if effects is not None]
        return VariableEffects(
            {
                name: port_fields
                for effects in accepted_effects
                for name, port_fields in effects.port_fields.items()
            },
            {
                name: paths
                for effects in accepted_effects
                for name, paths in effects.other_uses.items()
            },
        ), tuple(name for name, effects in effects_by_name.items() if effects is None)

    def _marked(self, config: Json, marks: Mapping[str, str]) -> VariableEffects | None:
        """Return the effects of the markers; None if Compose rejects them."""
        answer = self._end_early_queries()
        if answer is None or (answer.code and len(marks) < len(self._markers)):
            answer = self._run_config(marks)
        return None if answer.code else compare(config, _parse(answer), marks)

    def _run_config(self, extra: Mapping[str, str]) -> Finished:
        return self._compose.start_config(
            self._project,
            "--format",
            "json",
            profiles=self._profiles,
            extra={**self._required, **extra},
        ).finish()


def _parse(finished: Finished) -> Json:
    try:
        document = json.loads(finished.out)
    except ValueError:
        lines = finished.out.strip().splitlines()
        said = repr(lines[0][:80]) if lines else "nothing"
        raise ComposeMissingError(
            f"`docker compose config` ended with exit code 0 and printed {said}, no configuration",
            hint="`docker compose config --format json` has to print the configuration as JSON; if "
            f"another program stands in for `docker` on PATH, take it out, or {INSTALL}",
        ) from None
    return document if isinstance(document, dict) else {}


def _parse_variables(table: str) -> Iterator[tuple[str, str]]:
    """Yield (name, default) from the table of `config --variables`, by the header's columns."""
    header, *rows = table.splitlines() or [""]
    start, end = header.find("DEFAULT VALUE"), header.find("ALTERNATE VALUE")
    for row in rows:
        if row.split():
            yield row.split()[0], row[start:end].strip() if start > 0 else ""


def _refused(finished: Finished, compose: Compose) -> ComposeFileError:
    lines = [line for line in finished.err.splitlines() if line.strip()]
    error_lines = [line for line in lines if "level=warning" not in line] or lines
    message = (
        "\n".join(error_lines) or f"docker compose config ended with exit code {finished.code}"
    )
    files = list(compose.selection.files)
    if CONTROL_CHARACTER in message:
        return ComposeFileError(
            "this Docker Compose cannot read a file in a folder that has a line break or another "
            f"control character in its name: {compose.selection.directory!r}",
            hint="rename the folder (`git worktree move` moves a worktree)",
            files=files,
        )
    if not compose.selection.files:
        hint = (
            "run it in a folder with a compose.yaml (or below one), or name the file: "
            "`composeports -f FILE up`"
        )
    else:
        hint = "correct it; `docker compose config` with the same options shows the same"
    return ComposeFileError(message, hint=hint, files=files)
