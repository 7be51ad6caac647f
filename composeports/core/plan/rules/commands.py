"""Addresses of the host in commands: a warning for advertised ones, or a change by a setting."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from composeports.core.compose_project import Service, is_port
from composeports.core.engine_address import is_this_machine
from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.local_urls import PUBLIC, renumbered
from composeports.core.plan.override import Override
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import is_kept, numbers_of, reach_of
from composeports.core.plan.rules.wording import quoted

_WORD = re.compile(r"\S+")
# Options with an address for browsers and other clients, in addition to names with PUBLIC.
_FOR_CLIENTS = r"(ROOT|BASE|SITE|HOSTNAME|FRONTEND|ISSUER|CALLBACK|REDIRECT)[-_.]?UR[IL]"
# Options of Redis Sentinel, which follow `--sentinel`.
ANNOUNCE = "announce-"
_PORT = r"[-_.]?PORT$"
_HOST = r"(HOST|HOSTNAME|IP|ADDR|ADDRESS)$"
# A member of MongoDB's replica set: clients connect to the address that the set names.
_REPLICA_SET = r"rs\.(initiate|reconfig|add)\b|replSetInitiate"
_MEMBER = r"""\bhost["']?\s*:\s*["'](?P<host>(?:localhost|127\.0\.0\.1):(?P<port>\d{1,5}))\b"""
# The container itself calls the address that follows one of these, so it is not changed.
CLIENTS = frozenset({"curl", "wget", "nc", "http"})
NEAR = 4


class _Address(NamedTuple):
    """A part of a command's word that leads to a moved port, and the option it belongs to.

    `start` is the part's position in the word.
    """

    position: int
    start: int
    option: str
    before: str
    after: str


def commands(context: PlanContext) -> RuleResult:
    """Move addresses in commands if `[urls] command` is true; else warn about advertised ones."""
    changes: list[Change] = []
    nodes: list[Node] = []
    warnings: list[str] = []
    for service in context.project.services:
        for field, words in (("command", service.command), ("entrypoint", service.entrypoint)):
            addresses = tuple(_addresses(service, words, context))
            if not context.settings.command_urls:
                warnings.extend(
                    _told(service, field, address) for address in addresses if address.option
                )
            elif addresses:
                changes.extend(_change(service, field, address) for address in addresses)
                new_words = list(words)
                for address in reversed(addresses):
                    word, end = new_words[address.position], address.start + len(address.before)
                    new_words[address.position] = word[: address.start] + address.after + word[end:]
                nodes.append({"services": {service.name: {field: Override(new_words)}}})
        warnings.extend(_replica_sets(service, context))
    return RuleResult(tuple(changes), merge(nodes), warnings=tuple(dict.fromkeys(warnings)))


def _change(service: Service, field: str, found: _Address) -> Change:
    why = "it leads to a port that has moved ([urls] command = true)"
    return Change("url", f"{field}.{found.position}", found.before, found.after, why, service.name)


def _told(service: Service, field: str, found: _Address) -> str:
    return (
        f"the {field} of service {service.name} gives clients {found.before} ({found.option}), "
        f"which is {found.after} in this session: give it by a variable of `environment`, or set "
        "`command = true` in [urls] of composeports.toml"
    )


def _addresses(
    service: Service, words: tuple[str, ...], context: PlanContext
) -> Iterator[_Address]:
    """Yield the parts of words that lead to a moved port.

    `option` is empty if the address may be the container's own.
    """
    numbers = numbers_of(service, context) if words else {}
    if not numbers:
        return
    reach = reach_of(context, service)
    previous_parts: list[str] = []
    has_local_hosts = _has_local_hosts(words)
    for position, word in enumerate(words):
        for match in _WORD.finditer(word):
            part = match[0]
            is_client_call = not CLIENTS.isdisjoint(
                previous_part.rpartition("/")[2] for previous_part in previous_parts[-NEAR:]
            )
            option = _option(part, previous_parts[-1] if previous_parts else "")
            after = renumbered(option, part, numbers.get, reach)
            if has_local_hosts and _is_port_for_clients(option):
                after = _with_new_port(part, numbers)
            if after != part and not is_client_call:
                is_advertised = _is_for_clients(option) or _is_port_for_clients(option)
                name = option.lstrip("-") if is_advertised else ""
                yield _Address(position, match.start(), name, part, after)
            previous_parts.append(part)


def _option(part: str, before: str) -> str:
    """Return the option or variable that a part of a command belongs to; empty if none."""
    name, equals, _ = part.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", name):
        return name
    is_option = before.startswith("-") or before.lower().startswith(ANNOUNCE)
    return before if is_option and "=" not in before else ""


def _is_for_clients(option: str) -> bool:
    """Return True if the option's name says that its address is for clients."""
    return bool(PUBLIC.search(option.upper()) or re.search(_FOR_CLIENTS, option.upper()))


def _is_port_for_clients(option: str) -> bool:
    """Return True if the option gives clients a port."""
    name = option.upper()
    is_public = PUBLIC.search(name) is not None or name.lstrip("-").startswith("HOSTNAME")
    return is_public and re.search(_PORT, name) is not None


def _has_local_hosts(words: tuple[str, ...]) -> bool:
    """Return True if no option gives clients a host other than this machine."""
    previous = ""
    for part in _WORD.findall(" ".join(words)):
        option, value = _option(part, previous), part.rpartition("=")[2]
        previous = part
        is_host = re.search(_HOST, option.upper()) is not None and _is_for_clients(option)
        if is_host and not is_this_machine(value.strip("[]\"'")):
            return False
    return True


def _with_new_port(part: str, numbers: Mapping[int, int]) -> str:
    """Return `9092` or `--port=9092` with the new number, if that port has moved."""
    before, equals, text = part.rpartition("=")
    old = int(text) if is_port(text) else 0
    return f"{before}{equals}{numbers[old]}" if old in numbers else part


def _replica_sets(service: Service, context: PlanContext) -> Iterator[str]:
    """Yield a warning for each address of localhost that clients get as a replica set's member."""
    numbers = numbers_of(service, context)
    fields = {"command": service.command, "entrypoint": service.entrypoint}
    for field, words in {**fields, "healthcheck": service.health_test}.items():
        text = " ".join(words)
        member = re.search(_MEMBER, text) if numbers and re.search(_REPLICA_SET, text) else None
        new = numbers.get(int(member["port"])) if member else None
        if member and new and not is_kept(service.name, field, text, context.settings.keep_urls):
            keep = quoted(f"{service.name}.{field}")
            yield (
                f"the {field} of service {service.name} gives clients {member['host']} "
                f"(rs.initiate), which is localhost:{new} in this session: name the service there, "
                f"and let clients of the host use directConnection=true, or [urls] keep = [{keep}] "
                "in the settings says that this is meant"
            )
