"""Addresses of the host in commands: a warning for advertised ones, or a change by a setting."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from composeports.core.compose_project import Service
from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.local_urls import PUBLIC, renumbered
from composeports.core.plan.override import Override
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import numbers_of, reach_of

_SPACE = re.compile(r"(\s+)")
# The container itself calls the address that follows one of these, so it is not changed.
CLIENTS = frozenset({"curl", "wget", "nc", "http"})
NEAR = 4


class _Address(NamedTuple):
    """A part of a command's word that leads to a moved port, and the option it belongs to."""

    position: int
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
                for address in addresses:
                    new_words[address.position] = new_words[address.position].replace(
                        address.before, address.after
                    )
                nodes.append({"services": {service.name: {field: Override(new_words)}}})
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
    for position, word in enumerate(words):
        for part in _SPACE.split(word):
            if not part or part.isspace():
                continue
            is_client_call = not CLIENTS.isdisjoint(
                previous_part.rpartition("/")[2] for previous_part in previous_parts[-NEAR:]
            )
            option = _option(part, previous_parts[-1] if previous_parts else "")
            after = renumbered(option, part, numbers.get, reach)
            if after != part and not is_client_call:
                advertised_option = option.lstrip("-") if PUBLIC.search(option.upper()) else ""
                yield _Address(position, advertised_option, part, after)
            previous_parts.append(part)


def _option(part: str, before: str) -> str:
    """Return the option or variable that a part of a command belongs to; empty if none."""
    name, equals, _ = part.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", name):
        return name
    return before if before.startswith("-") and "=" not in before else ""
