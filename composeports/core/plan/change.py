"""What a rule of the plan says: changes with their reasons, the override's part, what is shared."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from composeports.core.masking import masked
from composeports.core.plan.override import Override

Node = Mapping[str, object]


class Change(NamedTuple):
    """One thing that Compose will see differently; `before` is empty for what is new.

    `service` is empty for what belongs to the whole project.
    """

    kind: str
    where: str
    before: str
    after: str
    why: str
    service: str = ""

    def shown(self) -> "Change":
        """Return the change as people see it, without passwords."""
        return self._replace(before=masked(self.before), after=masked(self.after))

    def as_dict(self) -> dict[str, str]:
        """Return the entry of `changes` in JSON."""
        return {
            "kind": self.kind,
            "where": self.where,
            "service": self.service,
            "from": self.before,
            "to": self.after,
            "why": self.why,
        }


class SharedResource(NamedTuple):
    """One thing that all sessions have in common, since the file or the settings say so.

    `acknowledged`: the settings say so. What only the file says is a warning as well.
    """

    kind: str
    name: str
    why: str
    acknowledged: bool = True

    def as_dict(self) -> dict[str, str | bool]:
        """Return the entry of `shared` in JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "why": self.why,
            "acknowledged": self.acknowledged,
        }


class UnchangedValue(NamedTuple):
    """One thing that could be taken for a moved port or name, and stays as it is; `why` says why.

    `kind` is `variable` for one of the six variables that keeps the user's value, `script` for a
    call of docker in a script of the worktree, else `value`.
    """

    kind: str
    where: str
    value: str
    why: str
    service: str = ""

    def shown(self) -> "UnchangedValue":
        """Return it as people see it, without passwords."""
        return self._replace(value=masked(self.value))

    def as_dict(self) -> dict[str, str]:
        """Return the entry of `left` in JSON."""
        return {
            "kind": self.kind,
            "where": self.where,
            "service": self.service,
            "value": self.value,
            "why": self.why,
        }


class RuleResult(NamedTuple):
    """One rule's part of the plan.

    `warnings` say what cannot be isolated, each with a way out; `notes` what is good to know and
    has nothing to do with other sessions.
    """

    changes: tuple[Change, ...] = ()
    override: Mapping[str, object] = {}
    shared: tuple[SharedResource, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left: tuple[UnchangedValue, ...] = ()


def join(parts: Iterable[RuleResult]) -> RuleResult:
    """Return one part with all that the parts say."""
    listed = tuple(parts)
    return RuleResult(
        tuple(each for part in listed for each in part.changes),
        merge(part.override for part in listed),
        tuple(each for part in listed for each in part.shared),
        tuple(each for part in listed for each in part.warnings),
        tuple(each for part in listed for each in part.notes),
        tuple(each for part in listed for each in part.left),
    )


def merge(nodes: Iterable[Node]) -> dict[str, object]:
    """Return one override document; mappings are merged, and of other values the last one stays.

    A mapping that replaces the file's stays one that replaces.
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
