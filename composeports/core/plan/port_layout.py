"""Which published port has which offset in the block; stable when the file's ports change."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from composeports.core.plan.compose_project import Project, PublishedPort
from composeports.core.plan.variable_effects import FIXED_PORT_VARIABLES, VariableEffects
from composeports.core.ports import FIRST_FREE_OFFSET
from composeports.errors import BlockTooSmallError


@dataclass(frozen=True, slots=True)
class PortEntry:
    """A published port, its key, such as `"web:80/tcp"`, and the variable that gives its number."""

    key: str
    port: PublishedPort
    index: int
    variable: str = ""


class PortGroup(NamedTuple):
    """Entries of one service that share one host port, because they share one in the file."""

    entries: tuple[PortEntry, ...]

    @property
    def key(self) -> str:
        """Return the key of the first entry, under which the group's offset is stored."""
        return self.entries[0].key

    @property
    def variable(self) -> str:
        """Return the variable that gives the group its number; empty for a literal number."""
        return next((entry.variable for entry in self.entries if entry.variable), "")

    @property
    def number(self) -> int | None:
        """Return the number in the file; None for a range."""
        return self.entries[0].port.number

    def follows(self, other: "PortGroup") -> bool:
        """Return True if this is the port after `other` in the same range N:N."""
        mine, theirs = self.entries[0].port, other.entries[0].port
        if mine.number is None or theirs.number is None or mine.service != theirs.service:
            return False
        step = (mine.number - theirs.number, mine.target - theirs.target)
        return step == (1, 1) and mine.protocol == theirs.protocol


def entries_of(
    project: Project, moves: VariableEffects, pinned: Collection[str] = ()
) -> tuple[PortEntry, ...]:
    """Return every published port with its key.

    If a key occurs again, the second one gets the suffix `#2`, and so on. A port whose host port
    the file leaves to the engine is included only if its key is in `pinned`, or if one of the four
    fixed port variables sets it. Ports of a service on the host's network are left out: they are
    not published and cannot be moved.
    """
    found: list[PortEntry] = []
    seen: dict[str, int] = {}
    for service in project.services:
        for index, port in enumerate(service.ports if service.network_mode != "host" else ()):
            variable = moves.variable_of(service.name, index, "published")
            base = f"{port.service}:{port.target}/{port.protocol}"
            if not (port.published or variable in FIXED_PORT_VARIABLES or base in pinned):
                continue
            seen[base] = seen.get(base, 0) + 1
            key = base if seen[base] == 1 else f"{base}#{seen[base]}"
            found.append(PortEntry(key, port, index, variable))
    return tuple(found)


def groups_of(entries: Iterable[PortEntry]) -> tuple[PortGroup, ...]:
    """Return the entries grouped by service and old number, sorted by service and target port."""
    together: dict[tuple[str, str], list[PortEntry]] = {}
    for entry in entries:
        number = entry.port.published or entry.variable
        together.setdefault((entry.port.service, number), []).append(entry)
    groups = (PortGroup(tuple(sorted(each, key=_entry_order))) for each in together.values())
    return tuple(sorted(groups, key=lambda group: _entry_order(group.entries[0])))


def _entry_order(entry: PortEntry) -> tuple[str, int, str, str]:
    return entry.port.service, entry.port.target, entry.port.protocol, entry.key


def assign(
    groups: Sequence[PortGroup],
    memory: Mapping[str, int],
    size: int,
    reserved: Collection[int] = (),
) -> dict[str, int]:
    """Return the offset of each group's key, and of every other key that is still remembered.

    A key in `memory` keeps its offset. A group whose number comes from one of the four fixed port
    variables has the offset of that variable. Other groups get the lowest free offsets; the ports
    of a range N:N get consecutive ones if possible. If the block is full, keys that are only in
    `memory` lose their offset. An offset in `reserved` is never assigned. Raise BlockTooSmallError
    if the block is still too small.
    """
    fixed = _fixed(groups, memory)
    current = {group.key for group in groups}
    loose = [group for group in groups if group.key not in fixed]
    kept_free = {each for each in reserved if FIRST_FREE_OFFSET <= each < size}
    _check_size(len(loose) + len(kept_free), size)
    kept = {
        key: offset
        for key, offset in memory.items()
        if key not in fixed and FIRST_FREE_OFFSET <= offset < size and offset not in kept_free
    }
    new = [group for group in loose if group.key not in kept]
    if len(new) > size - FIRST_FREE_OFFSET - len(kept) - len(kept_free):
        kept = {key: offset for key, offset in kept.items() if key in current}
    return {**kept, **fixed, **_place(new, {*kept.values(), *kept_free}, size)}


def _fixed(groups: Iterable[PortGroup], memory: Mapping[str, int]) -> dict[str, int]:
    """Return the offset of each fixed port variable, by the key of the one group that gets it.

    Several services may publish the same variable in different profiles. The group that already has
    the offset in `memory` gets it, otherwise the first group.
    """
    taken: dict[int, str] = {}
    for group in groups:
        if group.variable in FIXED_PORT_VARIABLES:
            offset = FIXED_PORT_VARIABLES.index(group.variable)
            if offset not in taken or memory.get(group.key) == offset:
                taken[offset] = group.key
    return {key: offset for offset, key in taken.items()}


def _place(groups: Sequence[PortGroup], used: set[int], size: int) -> dict[str, int]:
    placed: dict[str, int] = {}
    for run in _runs(groups):
        free = [offset for offset in range(FIRST_FREE_OFFSET, size) if offset not in used]
        offsets = _side_by_side(free, len(run)) or free[: len(run)]
        placed |= zip((group.key for group in run), offsets, strict=True)
        used.update(offsets)
    return placed


def _runs(groups: Sequence[PortGroup]) -> Iterator[list[PortGroup]]:
    """Yield each range, lowest port first; groups between its ports come after it."""
    left = list(groups)
    while left:
        run = [left.pop(0)]
        while True:
            following = next((group for group in left if group.follows(run[-1])), None)
            if following is None:
                break
            left.remove(following)
            run.append(following)
        yield run


def _side_by_side(free: Sequence[int], length: int) -> list[int]:
    """Return the first `length` consecutive numbers in `free`; empty if there are none."""
    for start in range(len(free) - length + 1):
        if free[start + length - 1] - free[start] == length - 1:
            return list(free[start : start + length])
    return []


def _check_size(wanted: int, size: int) -> None:
    if wanted <= size - FIRST_FREE_OFFSET:
        return
    needed = wanted + FIRST_FREE_OFFSET
    message = (
        f"the Compose file publishes {wanted} ports beside the {FIRST_FREE_OFFSET} fixed ones, "
        f"and a block has room for {size - FIRST_FREE_OFFSET}"
    )
    raise BlockTooSmallError(
        message,
        hint=f"set PORT_ALLOC_RANGE={needed} (and lower PORT_ALLOC_MAX_SESSIONS if the range of "
        "all sessions then ends above 65535)",
        needed_range=needed,
        range_per_session=size,
    )
