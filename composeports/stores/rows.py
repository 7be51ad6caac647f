"""Convert leases to rows of plain values, and valid rows to leases; no other module does this."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from composeports.core.engine_address import LOCALHOST
from composeports.core.engine_traits import NO_TRAITS, EngineTraits
from composeports.core.labels import Mark, Tags
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.lease_check import (
    UnsoundError,
    check_block,
    check_lease,
    check_numbers,
    check_project,
    check_subnets,
    check_times,
)
from composeports.core.ports import HIGHEST_PORT, PortBlock
from composeports.core.service_state import ServiceState
from composeports.core.snapshot import LeaseSummary
from composeports.errors import StoreError

NO_SENSE = (AttributeError, KeyError, TypeError, ValueError)
# The columns that decisions need come first. Of the columns after `subnets`, decisions need only
# `place`, and in `memory` the name and whether the lease is unused.
COLUMNS = (
    "session_id",
    "start",
    "size",
    "project",
    "held",
    "allocated_at",
    "expires_at",
    "ttl_minutes",
    "engine",
    "pins",
    "subnets",
    "environment",
    "stack",
    "memory",
    "place",
)
Row = tuple[str, int, int, str, int, float, float, int, str, str, str, str, str, str, str]
HOLD_COLUMNS = (
    *COLUMNS[:4],
    "expires_at",
    "held",
    "engine",
    "pins",
    "subnets",
    "place",
    "memory",
    "allocated_at",
)
HoldRow = tuple[str, int, int, str, float, int, str, str, str, str, str, float]
# Separates an engine's id from its traits, if these are known. Earlier versions wrote only the id.
TRAITS_FOLLOW = "\t"
# The key in `memory` of a lease that no command has used.
UNUSED = "unused"


def to_row(lease: Lease) -> Row:
    """Return the lease's values in the order of COLUMNS.

    JSON texts are ASCII, because a path may contain bytes that are not UTF-8.
    """
    return (
        lease.session_id,
        lease.block.start,
        lease.block.size,
        lease.project,
        int(lease.held),
        lease.allocated_at,
        lease.expires_at,
        lease.ttl_minutes,
        _engine_text(lease),
        json.dumps(dict(lease.pins)),
        json.dumps(dict(lease.subnets)),
        json.dumps(lease.environment),
        json.dumps(_stack(lease.stack)),
        json.dumps(_memory(lease)),
        json.dumps(_place(lease.place)),
    )


@dataclass(frozen=True, slots=True)
class RowSource:
    """The store and engine that rows come from, to read the rows and to report invalid ones.

    `shown` is the store's name in messages, and `table` is the name of the lease table in its SQL.
    `space` is the id of the rows' engine, as the store keeps it. `store` is the store's own id.
    `machine` returns the name of this machine in shared stores. `tell` is called with a warning for
    each refused record.
    """

    shown: str
    table: str
    store: str
    machine: Callable[[], str]
    tell: Callable[[str], None]
    space: str = ""

    def at(self, space: str) -> Self:
        """Return the same source for the rows of the engine `space`."""
        return replace(self, space=space)


def once(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes each text to `tell` only the first time.

    A server reads the same rows again and again, and would repeat its warnings.
    """
    texts: set[str] = set()

    def tell_new(text: str) -> None:
        if text not in texts:
            texts.add(text)
            tell(text)

    return tell_new


def from_row(row: Row, source: RowSource) -> Lease:
    """Return the lease in a row; raise StoreError, which names session and field, if it is invalid.

    Commands must not change anything for the session of an invalid row.
    """
    try:
        lease = _lease(row, source)
        _check(lease, source)
    except NO_SENSE as error:
        raise refusal(row[0], error, source) from error
    return lease


def from_rows(rows: Iterable[Row], source: RowSource) -> Iterator[Lease]:
    """Yield the leases of the valid rows; call `source.tell` with a warning for each other row."""
    for row in rows:
        try:
            yield from_row(row, source)
        except StoreError as error:
            source.tell(f"warning: {error.message}; nothing is done with it")


def hold_from_row(row: HoldRow, source: RowSource) -> LeaseSummary:
    """Return the summary of a row's lease that decisions of other sessions need.

    For an invalid row, the summary is `refused`: other sessions cannot get its ports and cannot
    reclaim them. `source.tell` is called with a warning.
    """
    try:
        hold, machine = _hold(row)
        check_times(hold.allocated_at, hold.expires_at, 1)
        _check_hold(row, machine, source)
    except NO_SENSE as error:
        problem = refusal(row[0], error, source)
        source.tell(f"warning: {problem.message}; its ports stay reserved")
        return _refused_hold(row)
    return hold


def refusal(session_id: object, error: Exception, source: RowSource) -> StoreError:
    """Return the error for an invalid row; it names the session and the field."""
    field = error.field if isinstance(error, UnsoundError) else ""
    reason = str(error) if field else "a value is missing, or is no value of that kind"
    quoted_id, space = (str(text).replace("'", "''") for text in (session_id, source.space))
    condition = f"session_id = '{quoted_id}' AND space = '{space}'"
    removal = f"DELETE FROM {source.table} WHERE {condition}"  # noqa: S608 - only shown to the user
    return StoreError(
        f"the lease store {source.shown} holds a damaged record of session {session_id!r} "
        f"({reason})",
        hint=f"see who may write to the store; this removes the record: {removal}",
        session_id=session_id,
        field=field,
    )


def _check(lease: Lease, source: RowSource) -> None:
    try:
        check_lease(lease)
    except UnsoundError as error:
        if error.field != "project" or lease.place.machine:
            raise
        # The session may come from a shared store, where this machine's name was part of its id.
        # That name is read only in this case.
        check_lease(lease, source.machine())


def _check_hold(row: HoldRow, machine: str, source: RowSource) -> None:
    try:
        _check_hold_texts(*row[:4], machine, row[7], row[8])
    except UnsoundError as error:
        if error.field != "project" or machine:
            raise
        check_project(row[0], row[3], "", source.machine())


@lru_cache(maxsize=4096)
def _check_hold_texts(  # noqa: PLR0913, PLR0917 - the columns that do not change
    session_id: str, start: int, size: int, project: str, machine: str, pins: str, subnets: str
) -> None:
    """Raise UnsoundError, or another error in NO_SENSE, if a value is invalid.

    The function is cached, because a server reads the same rows again and again.
    """
    check_block(start, size)
    check_numbers("pins", json.loads(pins), 1)
    check_subnets(json.loads(subnets))
    check_project(session_id, project, machine)


def _refused_hold(row: HoldRow) -> LeaseSummary:
    session_id, start, size, project, _, held, engine, pins, *_ = row
    return LeaseSummary(
        str(session_id),
        _ports_of(start, size),
        str(project),
        0,
        bool(held),
        _ports_among(pins),
        engine=str(engine),
        refused=True,
    )


def _ports_of(start: object, size: object) -> PortBlock:
    """Return the block of an invalid row, made valid.

    If `start` is no port, the result is port 0, which no session gets. An invalid `size` becomes 1,
    and the block ends at HIGHEST_PORT at the latest.
    """
    if type(start) is not int or not 0 < start <= HIGHEST_PORT:
        return PortBlock(0, 1)
    max_size = HIGHEST_PORT - start + 1
    return PortBlock(start, min(max(size, 1), max_size) if type(size) is int else 1)


def _ports_among(pins: str) -> frozenset[int]:
    """Return the valid port numbers in the JSON text of `pins`; ignore all other values."""
    try:
        numbers = json.loads(pins).values()
    except NO_SENSE:
        return frozenset()
    return frozenset(
        number for number in numbers if type(number) is int and 0 < number <= HIGHEST_PORT
    )


def _hold(row: HoldRow) -> tuple[LeaseSummary, str]:
    """Return the lease summary of a row, and the name of the machine that has the worktree."""
    session_id, start, size, project, expires_at, held, text, *texts, allocated_at = row
    pins, subnets, directory, machine = _parsed(*texts[:-1])
    block = PortBlock(start, size)
    engine, traits = _engine(text)
    fields = (pins, subnets, directory, engine)
    return LeaseSummary(
        session_id,
        block,
        project,
        expires_at,
        bool(held),
        *fields,
        on_machine=machine,
        traits=traits,
        allocated_at=allocated_at,
        name=_name_in(texts[-1]),
        unused=_is_unused(texts[-1]),
    ), machine


@lru_cache(maxsize=4096)
def _parsed(
    pins: str, subnets: str, place: str
) -> tuple[frozenset[int], tuple[str, ...], str, str]:
    """Return pins, subnets, directory and machine from the JSON texts of a row.

    The function is cached, because a server reads the same rows again and again.
    """
    location = json.loads(place)
    return (
        frozenset(json.loads(pins).values()),
        tuple(json.loads(subnets).values()),
        location["directory"],
        location["machine"],
    )


@lru_cache(maxsize=4096)
def _name_in(memory: str) -> str:
    """Return the session's name in the JSON text of `memory`; empty if there is none.

    An invalid text does not matter here: no decision about another session needs its name.
    """
    try:
        name = json.loads(memory).get("name", "")
    except NO_SENSE:
        return ""
    return name if isinstance(name, str) else ""


@lru_cache(maxsize=4096)
def _is_unused(memory: str) -> bool:
    """Return True if the JSON text of `memory` says that no command has used the lease.

    An invalid text does not say so, and its lease gives way to no other session.
    """
    try:
        return json.loads(memory).get(UNUSED) is True
    except NO_SENSE:
        return False


def _engine_text(lease: Lease) -> str:
    traits = lease.traits.kept._asdict()
    known_traits = {name: text for name, text in traits.items() if text and isinstance(text, str)}
    return (
        f"{lease.engine}{TRAITS_FOLLOW}{json.dumps(known_traits)}" if known_traits else lease.engine
    )


@lru_cache(maxsize=4096)
def _engine(text: str) -> tuple[str, EngineTraits]:
    """Return the engine's id and traits in `text`; leases of earlier versions have no traits.

    Raise UnsoundError if a trait is not a string.
    """
    engine, separator, traits_text = text.partition(TRAITS_FOLLOW)
    if not separator:
        return text, NO_TRAITS
    traits = json.loads(traits_text)
    if not all(isinstance(value, str) for value in traits.values()):
        raise UnsoundError("engine", f"{traits_text!r} are no traits of an engine")
    return engine, EngineTraits(**traits)


def _lease(row: Row, source: RowSource) -> Lease:
    session_id, start, size, project, held, allocated_at, expires_at, ttl_minutes = row[:8]
    pins, subnets, environment, stack, memory, place = map(json.loads, row[9:])
    engine, traits = _engine(row[8])
    return Lease(
        session_id=session_id,
        block=PortBlock(start, size),
        project=project,
        allocated_at=allocated_at,
        expires_at=expires_at,
        held=bool(held),
        ttl_minutes=ttl_minutes,
        offsets=memory["offsets"],
        ports=memory["ports"],
        urls=memory["urls"],
        pins=pins,
        subnets=subnets,
        host=memory.get("host", LOCALHOST),
        environment=tuple((name, value) for name, value in environment),
        place=WorktreeLocation(**place),
        stack=ComposeInvocation(
            files=tuple(stack["files"]),
            env_files=tuple(stack["env_files"]),
            profiles=tuple(stack["profiles"]),
            overridden=stack["overridden"],
            default_ports=stack["default_ports"],
        ),
        engine=engine,
        traits=traits,
        marks=_marks(memory.get("marks")),
        former_stores=tuple(memory.get("former_stores", ())),
        standings={
            service: ServiceState(name, tuple(networks))
            for service, (name, networks) in memory.get("standings", {}).items()
        },
        name=memory.get("name", ""),
        tags=_tags(memory.get("tags")),
        unused=memory.get(UNUSED, False),
        store=source.store,
    )


def _marks(found: dict[str, list[str]] | None) -> dict[str, Mark] | None:
    """Return the marks; None for a lease of an earlier version, which has none."""
    return None if found is None else {key: Mark(*mark) for key, mark in found.items()}


def _tags(found: dict[str, list[str]] | None) -> dict[str, Tags] | None:
    """Return the tags; None for a lease of an earlier version, which has none."""
    return None if found is None else {key: Tags(*values) for key, values in found.items()}


def _memory(lease: Lease) -> dict[str, object]:
    return {
        "offsets": dict(lease.offsets),
        "ports": dict(lease.ports),
        "urls": dict(lease.urls),
        "host": lease.host,
        "marks": None if lease.marks is None else dict(lease.marks),
        "former_stores": lease.former_stores,
        "standings": dict(lease.standings),
        "name": lease.name,
        "tags": None if lease.tags is None else dict(lease.tags),
        # Earlier versions do not know it, and most leases are used.
        **({UNUSED: True} if lease.unused else {}),
    }


def _stack(stack: ComposeInvocation) -> dict[str, object]:
    return {
        "files": stack.files,
        "env_files": stack.env_files,
        "profiles": stack.profiles,
        "overridden": stack.overridden,
        "default_ports": stack.default_ports,
    }


def _place(place: WorktreeLocation) -> dict[str, str]:
    # Earlier versions do not know these two fields, and for most worktrees they are empty.
    optional_fields = {"named_by": place.named_by, "around": place.around}
    return {
        "worktree": place.worktree,
        "git_dir": place.git_dir,
        "directory": place.directory,
        "branch": place.branch,
        "machine": place.machine,
        **{name: path for name, path in optional_fields.items() if path},
    }
