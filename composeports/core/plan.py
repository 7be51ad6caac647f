"""The plan: everything that `up` is about to do to Compose, and why. Pure data from pure data."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from composeports.core.environment import fixed_variables
from composeports.core.layout import Entry, Group, assign, entries_of, groups_of
from composeports.core.lease import Lease
from composeports.core.moves import FIXED_PORT_VARIABLES, NO_MOVES, Moves, moved_target
from composeports.core.override import Override
from composeports.core.project import Project, Service
from composeports.core.urls import client_url


@dataclass(frozen=True, slots=True)
class Observed:
    """What Compose said of the files, before anything is decided.

    `values` are the variables that the files mention, with the values they have now.
    """

    project: Project = field(default_factory=Project)
    moves: Moves = NO_MOVES
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that Compose will see differently; `before` is empty for what is new."""

    kind: str
    where: str
    before: str
    after: str
    why: str

    def as_dict(self) -> dict[str, str]:
        """Return the entry of `changes` in JSON."""
        return {
            "kind": self.kind,
            "where": self.where,
            "from": self.before,
            "to": self.after,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A published port as it will be: `key` is `"web:80/tcp"`, `number` the host port."""

    key: str
    service: str
    number: int
    protocol: str
    url: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What `up` does: the environment, the override document, and the reasons."""

    session_id: str
    project: str
    fixed: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    endpoints: tuple[Endpoint, ...]
    offsets: Mapping[str, int]
    override: Mapping[str, object]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = ()

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """The six fixed variables, then the file's own, then one for every published port."""
        return self.fixed + self.variables

    @property
    def ports(self) -> dict[str, int]:
        """The host port of every published port, by key."""
        return {endpoint.key: endpoint.number for endpoint in self.endpoints}

    @property
    def urls(self) -> dict[str, str]:
        """What a client of every published port wants, by key."""
        return {endpoint.key: endpoint.url for endpoint in self.endpoints}


@dataclass(frozen=True, slots=True)
class _Moved:
    """A published port with the host port that it gets."""

    entry: Entry
    number: int


def make_plan(observed: Observed, lease: Lease, host: str = "localhost") -> Plan:
    """Plan the session's stack on the lease's block; BlockTooSmallError where it does not fit."""
    groups = groups_of(entries_of(observed.project, observed.moves))
    offsets = assign(groups, lease.offsets, lease.block.size)
    moved = tuple(_moved(groups, offsets, lease))
    fixed = fixed_variables(lease.block.start, lease.project, host)
    own = _own_variables(observed, moved)
    per_port = _port_variables(moved, {name for name, _ in fixed} | {*observed.values, *own})
    return Plan(
        session_id=lease.session_id,
        project=lease.project,
        fixed=fixed,
        variables=(*own.items(), *per_port.items()),
        endpoints=tuple(_endpoint(each, host) for each in moved),
        offsets=offsets,
        override=_override(observed, moved, dict(fixed)),
        changes=tuple(_changes(observed, dict(fixed) | own, moved, lease.project)),
        warnings=tuple(_warnings(observed.project.services)),
    )


def _moved(groups: Sequence[Group], offsets: Mapping[str, int], lease: Lease) -> Iterator[_Moved]:
    pairs = [
        _Moved(entry, lease.block.port(offsets[group.key]))
        for group in groups
        for entry in group.entries
    ]
    yield from sorted(pairs, key=lambda pair: (pair.entry.port.service, pair.entry.index))


def _endpoint(moved: _Moved, host: str) -> Endpoint:
    port = moved.entry.port
    url = client_url(port, moved.number, host)
    return Endpoint(moved.entry.key, port.service, moved.number, port.protocol, url)


def _own_variables(observed: Observed, moved: Sequence[_Moved]) -> dict[str, str]:
    """Return the new values of variables that move nothing but published ports."""
    found: dict[str, str] = {}
    for each in moved:
        name = each.entry.variable
        if name and name not in FIXED_PORT_VARIABLES and observed.moves.is_pure(name):
            found.setdefault(name, str(each.number))
    return dict(sorted(found.items()))


def _port_variables(moved: Sequence[_Moved], taken: set[str]) -> dict[str, str]:
    """Return `PORT_<SERVICE>_<TARGET>` for every published port; the first of equal names wins."""
    found: dict[str, str] = {}
    for each in moved:
        port = each.entry.port
        suffix = "" if port.protocol == "tcp" else f"_{port.protocol.upper()}"
        name = f"PORT_{re.sub('[^A-Z0-9]', '_', port.service.upper())}_{port.target}{suffix}"
        if name not in taken:
            found.setdefault(name, str(each.number))
    return found


def _override(
    observed: Observed, moved: Sequence[_Moved], fixed: Mapping[str, str]
) -> dict[str, object]:
    numbers = {(each.entry.port.service, each.entry.index): each.number for each in moved}
    services = {
        service.name: {"ports": Override(_port_list(service, numbers, observed.moves, fixed))}
        for service in observed.project.services
        if any((service.name, index) in numbers for index in range(len(service.ports)))
    }
    return {"services": services} if services else {}


def _port_list(
    service: Service,
    numbers: Mapping[tuple[str, int], int],
    moves: Moves,
    fixed: Mapping[str, str],
) -> list[dict[str, object]]:
    """Return the service's whole `ports` list in long form; entries without a host port stay so."""
    listed: list[dict[str, object]] = []
    for index, port in enumerate(service.ports):
        entry: dict[str, object] = {
            "name": port.name,
            "mode": port.mode,
            "host_ip": port.host_ip,
            "target": moved_target(port, index, moves, fixed),
            "published": str(numbers.get((service.name, index), "")),
            "protocol": port.protocol,
            "app_protocol": port.app_protocol,
        }
        listed.append({field: value for field, value in entry.items() if value})
    return listed


def _changes(
    observed: Observed, variables: Mapping[str, str], moved: Sequence[_Moved], project: str
) -> Iterator[Change]:
    yield Change("project", "project name", "", project, "every session has a project of its own")
    for name, value in variables.items():
        before = observed.values.get(name, "")
        if name in observed.values and before != value:
            yield Change("variable", name, before, value, "the Compose file reads it")
    for each in moved:
        port = each.entry.port
        why = _why(each.entry, observed.moves)
        yield Change("port", each.entry.key, port.published, str(each.number), why)


def _why(entry: Entry, moves: Moves) -> str:
    if not entry.variable:
        return f"host port {entry.port.published} is written in the Compose file"
    if entry.variable in FIXED_PORT_VARIABLES or moves.is_pure(entry.variable):
        return f"{entry.variable} sets it"
    return f"{entry.variable} also moves other things, so only the host port is changed"


def _warnings(services: Sequence[Service]) -> Iterator[str]:
    for service in services:
        if service.network_mode == "host":
            yield (
                f"service {service.name} uses the host's network: its ports cannot be moved, "
                "so only one session can run it"
            )
