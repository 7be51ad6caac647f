"""Queries to Compose about the files, which run in parallel; decides nothing.

It imports little, because `up` starts these queries before it imports most of the other modules.
"""

from collections.abc import Iterable, Mapping

from composeports.core.plan.port_candidates import (
    FIXED_VARIABLES,
    marker_values,
    possible_port_variables,
)
from composeports.core.plan.variable_mentions import numbers_in, simple_mentions
from composeports.docker.compose_cli import Compose, start_version
from composeports.docker.compose_files import read_unlinked
from composeports.docker.compose_texts import own_texts
from composeports.docker.config_cache import ConfigCache
from composeports.host.process import Running


class ComposeQueries:
    """The queries of `up` and `plan` to Compose, running in parallel."""

    __slots__ = (
        "compose",
        "config",
        "is_stopped",
        "marked",
        "markers",
        "memory",
        "mentions",
        "project",
        "variables",
        "version",
    )

    def __init__(self, compose: Compose, project: str, memory: ConfigCache) -> None:
        """Start the queries; `memory` is the config cache entry of these files."""
        self.compose = compose
        self.project = project
        self.memory = memory
        self.is_stopped = False
        self.config: Running = compose.start_config(project, "--format", "json")
        self.variables: Running | None = None
        self.mentions: Mapping[str, str] | None = None
        self.markers: Mapping[str, str] = {}
        self.marked: Running | None = None
        self.version: Running | None = None
        if not memory.text and not memory.is_awaited:
            self._start_variables()

    def are_about(self, compose: Compose, project: str) -> bool:
        """Return True if queries for `compose` and `project` would have the same answers."""
        return (
            not self.is_stopped
            and self.compose.argv(self.project) == compose.argv(project)
            and self.compose.environ == compose.environ
        )

    def stop(self) -> None:
        """End the queries, whose answers are not needed, and let other processes query Compose."""
        self.is_stopped = True
        for query in (self.config, self.variables, self.marked, self.version):
            if query is not None:
                query.stop()
        self.memory.release()

    def _start_variables(self) -> None:
        """Start the query for the effects of the variables, or for their names.

        If the files' texts are simple, they say which variables there are, and the query for their
        effects starts at once, with a guess of their values. ConfigQuery uses its result only if
        the guess was right.
        """
        texts = own_texts(self.compose.selection.files) if self.memory.digest else None
        self.mentions = None if texts is None else simple_mentions(texts)
        if texts is None or self.mentions is None:
            self.variables = self.compose.start_config(self.project, "--variables")
            return
        values = {**_env_file_numbers(self.compose.selection.env_files), **self.compose.environ}
        candidates = {name: values.get(name, text) for name, text in self.mentions.items()}
        candidates |= {name: "" for name in FIXED_VARIABLES if _may_pass(name, texts)}
        names = possible_port_variables(candidates)
        self.markers = marker_values(names, "".join((*texts, *values.values())))
        if self.markers:
            self.marked = self.compose.start_config(
                self.project, "--format", "json", extra=self.markers
            )
        self.version = start_version(self.compose.environ)


def _env_file_numbers(files: Iterable[str]) -> dict[str, str]:
    """Return what env files most likely set to an integer; the last file wins."""
    return {
        name: number
        for path in files
        for name, number in numbers_in(read_unlinked(path) or b"").items()
    }


def _may_pass(name: str, texts: Iterable[str]) -> bool:
    """Return True if a service may get the fixed variable in a way that shows no dollar sign."""
    return any("env_file" in text or name in text for text in texts)
