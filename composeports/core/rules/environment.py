"""Values of variables inside containers and builds that lead to what the plan has moved."""

from collections.abc import Collection, Iterator, Mapping

from composeports.core.change import Change, Node, Part, merge
from composeports.core.local_urls import renumbered
from composeports.core.project import Service
from composeports.core.rules.addresses import address_mover
from composeports.core.rules.context import Context


def values(context: Context) -> Part:
    """Rewrite host-facing URLs and addresses in `environment` and build arguments."""
    move = address_mover(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        numbers = _numbers(service, context)
        for path, found in _mappings(service):
            after: dict[str, str] = {}
            for name, text in found.items():
                if _kept(service, name, text, context.settings.keep_urls):
                    continue
                with_ports = _renumbered(name, text, service, numbers, context.host)
                changed = move(with_ports)
                if changed != text:
                    after[name] = changed
                    where = f"{'.'.join(path)}.{name}"
                    changes.append(_change(service, where, (text, with_ports, changed), context))
            if after:
                nodes.append({"services": {service.name: _nested(path, after)}})
    return Part(tuple(changes), merge(nodes))


def _numbers(service: Service, context: Context) -> Mapping[int, int]:
    """Return the new number of every port that is reached elsewhere than before."""
    found = context.numbers_for(service)
    return {old: new for old, new in found.items() if old != new or context.host}


def _mappings(service: Service) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    yield ("environment",), service.environment
    if service.build is not None:
        yield ("build", "args"), service.build.args


def _renumbered(
    name: str, text: str, service: Service, numbers: Mapping[int, int], host: str
) -> str:
    targets = {port.target for port in service.ports}
    return renumbered(name, text, numbers.get, targets, host) if numbers else text


def _kept(service: Service, name: str, text: str, keep: Collection[str]) -> bool:
    """Tell whether `[urls] keep` lists the variable, the service's variable, or the URL."""
    return any(each in {name, f"{service.name}.{name}"} or each == text for each in keep)


def _change(service: Service, where: str, texts: tuple[str, str, str], context: Context) -> Change:
    before, with_ports, after = texts
    kind = "url" if with_ports != before else "address"
    moved = f"of {context.host}" if context.host else "that has moved"
    why = f"it leads to a port {moved}" if kind == "url" else "it follows the subnet"
    return Change(kind, where, before, after, why, service.name)


def _nested(path: tuple[str, ...], value: object) -> dict[str, object]:
    for key in reversed(path):
        value = {key: value}
    return dict(value) if isinstance(value, dict) else {}
