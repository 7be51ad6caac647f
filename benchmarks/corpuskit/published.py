"""Compare published ports before and after: same targets, protocols and addresses, in order.

Pure: documents in, sentences out.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from corpuskit.facts import numbers
from corpuskit.reading import Json, items, mapping, mappings, text


@dataclass(frozen=True, order=True, slots=True)
class Port:
    """One entry of a service's `ports`."""

    target: int
    protocol: str
    host_ip: str
    rest: tuple[tuple[str, str], ...]
    published: str

    @property
    def shape(self) -> tuple[object, ...]:
        """All of it but the host port, which is what may change."""
        return (self.target, self.protocol, self.host_ip, self.rest, bool(self.published))

    @property
    def name(self) -> str:
        """The port as people know it, such as `80/tcp`."""
        return f"{self.target}/{self.protocol}"


def ports_of(service: Json) -> list[Port]:
    """Return the entries of a service's `ports` in Compose's order."""
    return [_port(entry) for entry in mappings(service.get("ports"))]


def _port(entry: Json) -> Port:
    published = text(entry.get("published"))
    known = {"target", "protocol", "host_ip", "published"}
    rest = {name: text(each) for name, each in entry.items() if name not in known}
    return Port(
        target=int(text(entry.get("target")) or 0),
        protocol=text(entry.get("protocol")) or "tcp",
        host_ip=text(entry.get("host_ip")),
        rest=tuple(sorted(rest.items())),
        published="" if published == "0" else published,
    )


def changed_ports(before: Json, after: Json) -> Iterator[str]:
    """Yield errors in the ports of the services that both results have."""
    old_services = dict(items(before.get("services")))
    for name, service in items(after.get("services")):
        if name in old_services:
            for problem in _of_service(ports_of(old_services[name]), ports_of(service)):
                yield f"{name}: {problem}"


def _of_service(before: Sequence[Port], after: Sequence[Port]) -> Iterator[str]:
    if [port.shape for port in before] != [port.shape for port in after]:
        before, after = sorted(before), sorted(after)
    if [port.shape for port in before] != [port.shape for port in after]:
        yield f"published {_shown(before)}, now {_shown(after)}"
        return
    moved = [
        (old, new) for old, new in zip(before, after, strict=True) if old.published.isdecimal()
    ]
    yield from _torn_pairs(moved)
    yield from _torn_ranges(moved)
    for old, new in zip(before, after, strict=True):
        if old.published and not new.published.isdecimal():
            yield f"{new.name} has the host port {new.published!r}, which is not one number"


def _shown(ports: Sequence[Port]) -> str:
    return ", ".join(f"{port.host_ip}:{port.published}:{port.name}" for port in ports) or "nothing"


def _torn_pairs(moved: Sequence[tuple[Port, Port]]) -> Iterator[str]:
    """One old number of a service (53/tcp and 53/udp) stays one number."""
    after: dict[str, str] = {}
    for old, new in moved:
        if after.setdefault(old.published, new.published) != new.published:
            yield f"{old.published} became {after[old.published]} and {new.published}"


def _torn_ranges(moved: Sequence[tuple[Port, Port]]) -> Iterator[str]:
    """`8000-8009:8000-8009` stays a run in the same order."""
    for (old, new), (next_old, next_new) in itertools.pairwise(sorted(moved)):
        steps = (next_old.target - old.target, int(next_old.published) - int(old.published))
        same = (old.protocol, old.host_ip) == (next_old.protocol, next_old.host_ip)
        torn = int(next_new.published or 0) - int(new.published or 0) != 1
        if same and steps == (1, 1) and torn:
            yield f"{old.published}-{next_old.published} is no run any more: {new.published}, " + (
                next_new.published
            )


def unlisted_ports(plan: Json, after: Json) -> Iterator[str]:
    """Yield where `ports` of the plan and the host ports of the result are not the same."""
    listed: dict[str, list[str]] = {}
    for key, number in mapping(plan.get("ports")).items():
        listed.setdefault(key.rpartition(":")[0], []).append(text(number))
    for name, service in items(after.get("services")):
        found = [port.published for port in ports_of(service) if port.published]
        planned = listed.pop(name, [])
        if sorted(found) != sorted(planned):
            yield f"{name}: Compose publishes {_list(found)}, the plan says {_list(planned)}"
    for name, planned in listed.items():
        yield f"{name}: the plan says {_list(planned)}, and Compose has no such service"


def _list(found: Sequence[str]) -> str:
    return ", ".join(sorted(found)) or "nothing"


def doubled_ports(after: Json) -> Iterator[str]:
    """Yield host ports that two services of one result publish on addresses that overlap."""
    owners: dict[tuple[int, str], str] = {}
    for name, service in items(after.get("services")):
        for port in ports_of(service):
            for number in numbers(port.published):
                owner = owners.setdefault((number, port.protocol), name)
                if owner != name:
                    yield f"{number}/{port.protocol} is published by {owner} and {name}"


def moved_ports(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[str]:
    """Yield the ports of one plan that another plan of the same session gives another number."""
    for key, number in before.items():
        if after.get(key) != number:
            yield f"{key} moved from {number} to {after.get(key, 'nowhere')}"
