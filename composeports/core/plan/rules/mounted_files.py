"""Warnings about files that containers read and that have addresses which the plan changes."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from posixpath import relpath
from typing import NamedTuple

from composeports.core.compose_project import Service
from composeports.core.folders import is_within
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.local_urls import Reach, addresses, port_in, renumbered
from composeports.core.plan.rules.addresses import Mover, address_mover
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import key_of_line, numbers_of, reach_of
from composeports.core.plan.rules.wording import listed, way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named

COMMENTS = ("#", "//", ";", "--", "<!--")
_IPV4 = r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])"


class _FileAddress(NamedTuple):
    """An address in a line of a file, and what this session has in its place."""

    line: int
    address: str
    own: str


def addresses_in_files(context: PlanContext) -> RuleResult:
    """Warn about mounted files, configs and secrets that lead to what the plan moves.

    The file keeps the address, which leads to the stack that has the port of the Compose file.
    """
    shared: list[SharedResource] = []
    warnings: list[str] = []
    move = address_mover(context)
    for path, text in context.host_facts.file_texts.items():
        users = _users(path, context)
        found = list(_found(text, users, move, context)) if users else []
        if not found:
            continue
        shown_path = relpath(path, context.lease.place.directory)
        if is_named(context.settings, "file", shown_path):
            shared.append(SharedResource("file", shown_path, IN_SETTINGS))
        else:
            warnings.append(_warning(shown_path, found, users))
    return RuleResult(shared=tuple(shared), warnings=tuple(warnings))


def _warning(path: str, found: Sequence[_FileAddress], users: Iterable[Service]) -> str:
    first, others = found[0], len(found) - 1
    more = f"; {others} more such address{'es' * (others > 1)} in it" if others else ""
    return (
        f"{path}:{first.line} (read by {listed(service.name for service in users)}) has "
        f"{first.address}, which is {first.own} in this session: the file is not changed, so this "
        f"address leads to another stack{more}; use the name of the service, or a variable; "
        f"{way_out(f'file:{path}')}"
    )


def _users(path: str, context: PlanContext) -> tuple[Service, ...]:
    """Return the services that read the file; for a secret, all of them."""
    services = context.project.services
    keys = [
        where.split(".")[:2] for where, file in context.project.handed_files.items() if file == path
    ]
    configs = {key for kind, key in keys if kind == "configs"}
    if any(kind == "secrets" for kind, _ in keys):
        return services
    return tuple(
        service
        for service in services
        if configs & {*service.configs}
        or any(mount.kind == "bind" and is_within(path, mount.source) for mount in service.mounts)
    )


def _found(
    text: str, users: tuple[Service, ...], move: Mover, context: PlanContext
) -> Iterator[_FileAddress]:
    numbers, reach = numbers_of(users[0], context), reach_of(context, *users)
    keep = {*context.settings.keep_urls}
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(COMMENTS):
            continue
        for address, own in (*_ports(line, numbers, reach), *_fixed(line, move)):
            if address not in keep:
                yield _FileAddress(number, address, own)


def _ports(line: str, numbers: Mapping[int, int], reach: Reach) -> Iterator[tuple[str, str]]:
    """Yield the addresses with a port that has moved, without user and password.

    A URL of localhost with a port on which the service itself listens is an address of the service,
    unless it is the value of a key.
    """
    key = key_of_line(line, "")
    for match in addresses(reach.engine_hosts).finditer(line):
        port, host = port_in(match), match["host"]
        is_own = port in reach.listens_on and host.lower() not in reach.engine_hosts
        new_text = renumbered(key, match[0], numbers.get, reach)
        if port is None or new_text == match[0] or (is_own and not key):
            continue
        scheme = f"{match['scheme']}://" if match["scheme"] else ""
        own_host = reach.host if reach.host and host.lower() not in reach.engine_hosts else host
        yield f"{scheme}{host}:{port}", f"{scheme}{own_host}:{numbers[port]}"


def _fixed(line: str, move: Mover) -> Iterator[tuple[str, str]]:
    """Yield the addresses of containers in a subnet that has moved."""
    for match in re.finditer(_IPV4, line):
        if move(match[0]) != match[0]:
            yield match[0], move(match[0])
