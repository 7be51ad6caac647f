"""Compare Compose's result for a file with and without the plan: nothing may be lost.

Pure: documents in, sentences out. Every difference must be a line of the plan's `changes`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from composeports.core.masking import masked
from corpuskit import addresses
from corpuskit.reading import Json, items, mapping, mappings, text, texts

MARK_LABELS = tuple(
    f"io.composeports.{name}" for name in ("store", "session", "name", "branch", "worktree")
)
HOST_PORT = r"(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal):(\d+)"
Path = tuple[str | int, ...]
# No line of the plan may explain a difference here: only variables change these.
UNTOUCHED = {"command", "entrypoint", "healthcheck"}
# A variable that the plan sets on its own account may move these besides host ports.
FREE = {"environment", "labels", "command", "entrypoint"}
# Their effect is in the environment, not in what Compose merges.
NOT_IN_RESULT = {"project", "variable"}


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf that differs between two results; None if it is missing."""

    path: Path
    before: object
    after: object

    @property
    def place(self) -> str:
        """Where it is, such as `services.web.image`."""
        return ".".join(map(str, self.path))

    def __str__(self) -> str:
        return f"{self.place}: {_short(self.before)} became {_short(self.after)}"


def _short(value: object) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004 - of one line


def differences(before: object, after: object, path: Path = ()) -> Iterator[Difference]:
    """Yield every leaf that differs; an empty mapping and nothing are the same to Compose."""
    if before == after or (not before and not after and not _is_scalar(before, after)):
        return
    one, other = _as_mapping(before), _as_mapping(after)
    if one is not None and other is not None:
        for key in dict.fromkeys((*one, *other)):
            yield from differences(one.get(key), other.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from differences(*pair, (*path, index))
    else:
        yield Difference(path, before, after)


def _is_scalar(*values: object) -> bool:
    return any(isinstance(each, (str, int, float)) for each in values)


def _as_mapping(value: object) -> Json | None:
    return {} if value is None else value if isinstance(value, Mapping) else None


def unlike_plans(first: Json, second: Json) -> Iterator[str]:
    """Yield what only one of two plans says; of lists, the entries that only one of them has."""
    for key in dict.fromkeys((*first, *second)):
        one, other = first.get(key), second.get(key)
        if isinstance(one, list) and isinstance(other, list):
            yield from (f"{key}: only first: {_line(each)}" for each in one if each not in other)
            yield from (f"{key}: only then: {_line(each)}" for each in other if each not in one)
        else:
            yield from (f"{key}: {each}" for each in differences(one, other))


def _line(entry: object) -> str:
    parts = [text(value) for value in mapping(entry).values() if value]
    return " | ".join(parts) if parts else text(entry)


def lost(before: Json, after: Json) -> Iterator[str]:
    """Yield services, networks and volumes that only one of two results has."""
    for kind in ("services", "networks", "volumes"):
        old, new = set(mapping(before.get(kind))), set(mapping(after.get(kind)))
        yield from (f"{kind}.{name} is gone" for name in sorted(old - new))
        yield from (f"{kind}.{name} is new" for name in sorted(new - old))


def unexplained(
    before: Json, after: Json, changes: Sequence[Mapping[str, str]]
) -> Iterator[Difference]:
    """Yield every difference that no line of the plan explains; `ports` are compared elsewhere."""
    for each in differences(before, after):
        if _is_port(each.path) or _is_mark(each):
            continue
        if not _is_explained(each, before, after, changes):
            yield each


def _is_port(path: Path) -> bool:
    return path[0] == "services" and path[2:3] == ("ports",)


def _is_mark(each: Difference) -> bool:
    """Return True if it is one of the labels by which composeports marks resources."""
    return each.path[2:3] == ("labels",) and each.path[-1] in MARK_LABELS and each.before is None


def _is_explained(
    each: Difference, before: Json, after: Json, changes: Sequence[Mapping[str, str]]
) -> bool:
    match each.path:
        case (_,) | ("services", _) | ("services", _, "healthcheck" | "command" | "entrypoint", *_):
            return False
        case ("services", str(name), "networks", _, *rest) if rest[:1] in (["aliases"], []):
            return _is_alias(each, mapping(mapping(before.get("services")).get(name)))
        case ("services", _, "networks", str(key), "ipv4_address" | "ipv6_address"):
            kept = addresses.keep_place(each.before, each.after, key, before, after)
            return kept and _is_listed(each, changes)
        case ("networks", str(key), "ipam", "config", int(), str(field)) if field != "subnet":
            return addresses.keep_place(each.before, each.after, key, before, after)
        case ("networks", _, "ipam", "config", int(), "subnet"):
            return addresses.same_size(each.before, each.after) and _is_listed(each, changes)
        case _:
            return _is_listed(each, changes)


def _is_alias(each: Difference, service: Json) -> bool:
    """Return True if the only alias that is new is the container name of the file."""
    name = text(service.get("container_name"))
    old, new = _aliases(each.before), _aliases(each.after)
    return bool(name) and old <= new and new - old == {name}


def _aliases(value: object) -> set[str]:
    return set(texts(mapping(value).get("aliases") if isinstance(value, Mapping) else value))


def _is_listed(each: Difference, changes: Sequence[Mapping[str, str]]) -> bool:
    """Return True if the lines of the plan about this service make the old value the new one."""
    # The lines show no passwords.
    old, new = masked(_plain(each.before)), masked(_plain(each.after))
    service = str(each.path[1]) if each.path[0] == "services" else ""
    about = [
        change
        for change in changes
        if change.get("kind") not in NOT_IN_RESULT and change.get("service", "") in {"", service}
    ]
    if any((change["from"], change["to"]) == (old, new) for change in about):
        return True
    for change in sorted(about, key=lambda change: -len(change["from"])):
        if change["from"]:
            old = old.replace(change["from"], change["to"])
    return old == new


def _plain(value: object) -> str:
    return json.dumps(value) if isinstance(value, (list, dict)) else text(value)


def missing_aliases(before: Json, after: Json) -> Iterator[str]:
    """Yield services whose container name is not a host name in each of their networks."""
    old = dict(items(before.get("services")))
    for name, service in items(after.get("services")):
        fixed = text(old.get(name, {}).get("container_name"))
        if fixed in {"", name, text(service.get("container_name"))}:
            continue
        for network, spec in items(service.get("networks")):
            if mapping(mapping(after.get("networks")).get(network)).get("external"):
                continue  # other stacks have their containers there
            if fixed not in texts(spec.get("aliases")):
                yield f"{name} is not {fixed} in the network {network}"


def moved_by_variables(before: Json, after: Json, variables: Mapping[str, str]) -> Iterator[str]:
    """Yield values, except host ports and host-facing URLs, that the plan's variables change."""
    for each in differences(before, after):
        path = each.path
        field = path[2] if len(path) > 2 else ""  # noqa: PLR2004 - services, name, field
        if path[0] == "services" and field == "ports" and path[-1] == "published":
            continue
        hosts = tuple(mapping(after.get("services")))
        if field in FREE or path[2:4] == ("build", "args"):
            numbers = [value for value in variables.values() if value in _plain(each.after)]
            if any(_is_address(_plain(each.after), number, hosts) for number in numbers):
                continue
        yield str(each)


def _is_address(value: str, number: str, services: Sequence[str]) -> bool:
    """Return True if the number follows a host that is not a service of the stack."""
    found = re.findall(rf"([\w.\-\]]+):{re.escape(number)}(?!\d)", value)
    return bool(found) and not any(host in services for host in found)


def undone(after: Json, changes: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield lines of the plan whose new value is not in the result."""
    whole = masked(json.dumps(after, ensure_ascii=False))
    for change in changes:
        kind, value = change.get("kind"), change.get("to", "")
        shown = json.dumps(value, ensure_ascii=False)[1:-1]
        if kind not in NOT_IN_RESULT and shown not in whole:
            yield f"{kind} {change.get('where')} -> {value}"


def unnamed_hosts(after: Json, warnings: Sequence[str]) -> Iterator[str]:
    """Yield services in a namespace of the host that no warning names."""
    for name, service in items(after.get("services")):
        for field in ("network_mode", "ipc", "pid", "uts"):
            named = any(re.search(rf"\b{re.escape(name)}\b", line) for line in warnings)
            if service.get(field) == "host" and not named:
                yield f"{name} has {field}: host, and no warning says so"


def stale_logs(before: Json, after: Json) -> Iterator[str]:
    """Yield logging options that lead to a port that the stack published before, and not now."""
    moved = set(_published(before)) - set(_published(after))
    for name, service in items(after.get("services")):
        for option, value in mapping(mapping(service.get("logging")).get("options")).items():
            yield from (
                f"{name} logs to {port} ({option}), which has moved"
                for port in re.findall(HOST_PORT, text(value))
                if port in moved
            )


def _published(result: Json) -> Iterator[str]:
    for _, service in items(result.get("services")):
        yield from (text(port.get("published")) for port in mappings(service.get("ports")))
