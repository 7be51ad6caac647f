"""Which published port has which offset in the block; stable when the file's ports change."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from composeports.core.compose_project import Project, PublishedPort
from composeports.core.plan.port_candidates import FIXED_PORT_VARIABLES
from composeports.core.plan.variable_effects import VariableEffects
from composeports.core.port_keys import port_key
from composeports.core.ports import FIRST_FREE_OFFSET
from composeports.errors import BlockTooSmallError


class PortEntry(NamedTuple):
    """A published port, its key, such as `"web:80/tcp"`, and the variable that gives its number.

    `position` is its position in the service's list of ports.
    """

    key: str
    port: PublishedPort
    position: int
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
        port, other_port = self.entries[0].port, other.entries[0].port
        if port.number is None or other_port.number is None or port.service != other_port.service:
            return False
        step = (port.number - other_port.number, port.target - other_port.target)
        return step == (1, 1) and port.protocol == other_port.protocol


def entries_of(
    project: Project, effects: VariableEffects, pinned: Collection[str] = ()
) -> tuple[PortEntry, ...]:
    """Return every published port with its key.

    If a key occurs again, the second one gets the suffix `#2`, and so on. A port whose host port
    the file leaves to the engine is included only if its key is in `pinned`, or if one of the four
    fixed port variables sets it. Ports of a service on the host's network are left out: they are
    not published and cannot be moved.
    """
    entries: list[PortEntry] = []
    counts: dict[str, int] = {}
    for service in project.services:
        for position, port in enumerate(service.ports if service.network_mode != "host" else ()):
            variable = effects.variable_of(service.name, position, "published")
            base = port_key(port.service, port.target, port.protocol)
            if not (port.published or variable in FIXED_PORT_VARIABLES or base in pinned):
                continue
            counts[base] = counts.get(base, 0) + 1
            key = base if counts[base] == 1 else f"{base}#{counts[base]}"
            entries.append(PortEntry(key, port, position, variable))
    return tuple(entries)


def groups_of(entries: Iterable[PortEntry]) -> tuple[PortGroup, ...]:
    """Return the entries grouped by service and old number, sorted by service and target port."""
    entries_by_number: dict[tuple[str, str], list[PortEntry]] = {}
    for entry in entries:
        number = entry.port.published or entry.variable
        entries_by_number.setdefault((entry.port.service, number), []).append(entry)
    groups = (
        PortGroup(tuple(sorted(members, key=_entry_order)))
        for members in entries_by_number.values()
    )
    return tuple(sorted(groups, key=lambda group: _entry_order(group.entries[0])))


def _entry_order(entry: PortEntry) -> tuple[str, int, str, str]:
    return entry.port.service, entry.port.target, entry.port.protocol, entry.key


def assign(
    groups: Sequence[PortGroup],
    remembered_offsets: Mapping[str, int],
    size: int,
    reserved: Collection[int] = (),
) -> dict[str, int]:
    """Return the offset of each group's key, and of every other key that is still remembered.

    A key in `remembered_offsets` keeps its offset. A group whose number comes from one of the four
    fixed port variables has the offset of that variable. Other groups get the lowest free offsets;
    the ports of a range N:N get consecutive ones if possible. If the block is full, keys that are
    only in `remembered_offsets` lose their offset. An offset in `reserved` is never assigned. Raise
    BlockTooSmallError if the block is still too small.
    """
    fixed_offsets = _fixed(groups, remembered_offsets)
    current_keys = {group.key for group in groups}
    other_groups = [group for group in groups if group.key not in fixed_offsets]
    reserved_offsets = {number for number in reserved if FIRST_FREE_OFFSET <= number < size}
    _check_size(len(other_groups) + len(reserved_offsets), size)
    kept_offsets = {
        key: offset
        for key, offset in remembered_offsets.items()
        if key not in fixed_offsets
        and FIRST_FREE_OFFSET <= offset < size
        and offset not in reserved_offsets
    }
    new_groups = [group for group in other_groups if group.key not in kept_offsets]
    if len(new_groups) > size - FIRST_FREE_OFFSET - len(kept_offsets) - len(reserved_offsets):
        kept_offsets = {key: offset for key, offset in kept_offsets.items() if key in current_keys}
    return {
        **kept_offsets,
        **fixed_offsets,
        **_place(new_groups, {*kept_offsets.values(), *reserved_offsets}, size),
    }


def _fixed(groups: Iterable[PortGroup], remembered_offsets: Mapping[str, int]) -> dict[str, int]:
    """Return the offset of each fixed port variable, by the key of the one group that gets it.

    Several services may publish the same variable in different profiles. The group that already has
    the offset in `remembered_offsets` gets it, otherwise the first group.
    """
    keys: dict[int, str] = {}
    for group in groups:
        if group.variable in FIXED_PORT_VARIABLES:
            offset = FIXED_PORT_VARIABLES.index(group.variable)
            if offset not in keys or remembered_offsets.get(group.key) == offset:
                keys[offset] = group.key
    return {key: offset for offset, key in keys.items()}


def _place(groups: Sequence[PortGroup], used: set[int], size: int) -> dict[str, int]:
    placements: dict[str, int] = {}
    for run in _runs(groups):
        free_offsets = [offset for offset in range(FIRST_FREE_OFFSET, size) if offset not in used]
        offsets = _side_by_side(free_offsets, len(run)) or free_offsets[: len(run)]
        placements |= zip((group.key for group in run), offsets, strict=True)
        used.update(offsets)
    return placements


def _runs(groups: Sequence[PortGroup]) -> Iterator[list[PortGroup]]:
    """Yield each range, lowest port first; groups between its ports come after it."""
    remaining_groups = list(groups)
    while remaining_groups:
        run = [remaining_groups.pop(0)]
        while True:
            next_group = next((group for group in remaining_groups if group.follows(run[-1])), None)
            if next_group is None:
                break
            remaining_groups.remove(next_group)
            run.append(next_group)
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
    minimum = wanted + FIRST_FREE_OFFSET
    message = (
        f"the Compose file publishes {wanted} ports beside the {FIRST_FREE_OFFSET} fixed ones, "
        f"and a block has room for {size - FIRST_FREE_OFFSET}"
    )
    raise BlockTooSmallError(
        message,
        hint=f"`composeports settings set range_per_session {minimum}` makes room (where the "
        f"variable is set, PORT_ALLOC_RANGE={minimum}; if the blocks of all sessions then end "
        "above 65535, lower max_sessions first)",
        needed_range=minimum,
        range_per_session=size,
    )
