"""The result of a plan rule: changes with reasons, a part of the override, shared resources."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from composeports.core.masking import masked
from composeports.core.plan.override import Override

Node = Mapping[str, object]


class Change(NamedTuple):
    """One value that Compose will see differently.

    `before` is empty if the value is new. `service` is empty if the change concerns the whole
    project.
    """

    kind: str
    where: str
    before: str
    after: str
    why: str
    service: str = ""

    def shown(self) -> "Change":
        """Return the change for display, with passwords masked."""
        return self._replace(before=masked(self.before), after=masked(self.after))

    def as_dict(self) -> dict[str, str]:
        """Return the entry of `changes` in the JSON output."""
        return {
            "kind": self.kind,
            "where": self.where,
            "service": self.service,
            "from": self.before,
            "to": self.after,
            "why": self.why,
        }


class SharedResource(NamedTuple):
    """One resource that all sessions share, because the file or the settings say so.

    `acknowledged` is True if the settings say so. If only the file says so, the rule also returns a
    warning.
    """

    kind: str
    name: str
    why: str
    acknowledged: bool = True

    def shown(self) -> "SharedResource":
        """Return the entry for display, with passwords masked."""
        return self._replace(name=masked(self.name))

    def as_dict(self) -> dict[str, str | bool]:
        """Return the entry of `shared` in the JSON output."""
        return {
            "kind": self.kind,
            "name": self.name,
            "why": self.why,
            "acknowledged": self.acknowledged,
        }


class UnchangedValue(NamedTuple):
    """One value that looks like a moved port or an old name but stays as it is.

    `why` is the reason. `kind` is `variable` if one of the six fixed variables keeps the user's
    value, `script` for a `docker` call in a script of the worktree, otherwise `value`.
    """

    kind: str
    where: str
    value: str
    why: str
    service: str = ""

    def shown(self) -> "UnchangedValue":
        """Return the entry for display, with passwords masked."""
        return self._replace(value=masked(self.value))

    def as_dict(self) -> dict[str, str]:
        """Return the entry of `left` in the JSON output."""
        return {
            "kind": self.kind,
            "where": self.where,
            "service": self.service,
            "value": self.value,
            "why": self.why,
        }


class MissingFile(NamedTuple):
    """One file or folder that does not exist, and what the user can do.

    `kind` is `mount`, `file` (of a config or secret) or `env_file`. `main` is the same path in the
    main checkout; empty if it is not there either.
    """

    kind: str
    path: str
    services: tuple[str, ...]
    main: str
    why: str

    def as_dict(self) -> dict[str, str | list[str]]:
        """Return the entry of `missing` in the JSON output."""
        return {
            "kind": self.kind,
            "path": self.path,
            "services": list(self.services),
            "main": self.main,
            "why": self.why,
        }


class RuleResult(NamedTuple):
    """The part of the plan that one rule returns.

    Each of the `warnings` says what cannot be isolated and what the user can do about it. `notes`
    are useful facts that have nothing to do with other sessions.
    """

    changes: tuple[Change, ...] = ()
    override: Mapping[str, object] = {}
    shared: tuple[SharedResource, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[UnchangedValue, ...] = ()
    missing: tuple[MissingFile, ...] = ()


def join(parts: Iterable[RuleResult]) -> RuleResult:
    """Return one result with everything that the given results contain."""
    results = tuple(parts)
    return RuleResult(
        tuple(change for result in results for change in result.changes),
        merge(result.override for result in results),
        tuple(resource for result in results for resource in result.shared),
        tuple(warning for result in results for warning in result.warnings),
        tuple(note for result in results for note in result.notes),
        tuple(value for result in results for value in result.left),
        tuple(file for result in results for file in result.missing),
    )


def merge(nodes: Iterable[Node]) -> dict[str, object]:
    """Return one override document that contains all given ones.

    Mappings are merged key by key; of other values the last one wins. If a mapping replaces the one
    in the file (`Override`), the merged mapping also replaces it.
    """
    merged: dict[str, object] = {}
    for node in nodes:
        for key, value in node.items():
            merged[key] = _merged(merged.get(key), value)
    return merged


def _merged(before: object, after: object) -> object:
    if isinstance(before, Override) and isinstance(after, Mapping):
        return Override(_merged(before.value, after))
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return merge((before, after))
    return after
