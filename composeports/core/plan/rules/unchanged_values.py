"""Values that contain the number of a moved port but stay as they are, each with the reason."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from composeports.core.compose_project import Service
from composeports.core.plan.change import Change, UnchangedValue
from composeports.core.plan.local_urls import has_engine_host, is_internal, is_listening, is_local
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import is_kept, listening, numbers_of
from composeports.core.plan.rules.name_references import NewNames, new_names, unchanged

LONGEST = 200

Reason = Callable[[str, str, int], str]


def left_values(context: PlanContext, changes: Sequence[Change]) -> tuple[UnchangedValue, ...]:
    """Return the values that have a moved port's number or an old name even after `changes`."""
    after = {(change.service, change.where): change.after for change in changes}
    names = new_names(context)
    entries: list[UnchangedValue] = []
    for service in context.project.services:
        entries.extend(_of_service(service, context, after, names))
    numbers = {
        port.entry.port.number: port.number
        for port in context.assigned
        if port.entry.port.number not in {None, port.number}
    }
    for key, text in context.project.contents.items():
        where = f"configs.{key}.content"
        entries.extend(_numbers("", where, after.get(("", where), text), numbers, _why_config))
    for where, text in context.host_facts.handed_values.items():
        name = context.project.handed_variables[where]
        if name not in context.effects.port_fields:
            found = _numbers("", where, text, numbers, lambda *_: "the text of a variable stays")
            entries.extend(entry._replace(value=f"${name}") for entry in found)
    return tuple(entries)


def _of_service(
    service: Service, context: PlanContext, after: Mapping[tuple[str, str], str], names: NewNames
) -> Iterator[UnchangedValue]:
    pairs = numbers_of(service, context).items()
    numbers = {old: new for old, new in pairs if old != new}
    for where, texts, reason in _places(service, context):
        for name, text in texts:
            place = f"{where}.{name}"
            new_text = after.get((service.name, place), text)
            if numbers:
                yield from _numbers(service.name, place, new_text, numbers, reason)
            if new_text == text:
                yield from _names(service.name, place, text, names)


def _places(
    service: Service, context: PlanContext
) -> Iterator[tuple[str, Sequence[tuple[str, str]], Reason]]:
    """Yield (path, named values, reason) of each part of a service; `reason` says why they stay."""
    kept_urls = context.settings.keep_urls
    listens_on = listening(service, context)
    host_names = set(_hosts(context))

    def why(name: str, text: str, number: int) -> str:
        reasons = {
            "[urls] keep lists it": is_kept(service.name, name, text, kept_urls),
            "its name says that it is where the program listens": is_listening(name),
            "its name says that it is used inside the container": is_internal(name),
            f"a plain number, and {service.name} listens on it inside": (
                text.strip() == str(number) and number in listens_on
            ),
            "a plain number does not say of which host it is a port": text.strip() == str(number),
            "it leads to a container, where the port is the same in every session": (
                not host_names.isdisjoint(re.findall(rf"([\w.-]+):{number}\b", text))
            ),
            "it has a name of the host, but not in a form that composeports knows": (
                has_engine_host(text)
            ),
            "inside a container this address most likely leads to the container itself": (
                is_local(text)
            ),
        }
        return next(
            (reason for reason, is_true in reasons.items() if is_true),
            "it is no address of the host",
        )

    arguments = service.build.args if service.build else {}
    yield "environment", list(service.environment.items()), why
    yield "build.args", list(arguments.items()), why
    yield "labels", list(service.labels.items()), lambda *_: "labels stay as they are"
    commands = {"command": service.command, "entrypoint": service.entrypoint}
    for field, words in commands.items():
        yield field, list(_numbered(words)), _why_command
    checks = list(_numbered(service.health_test))
    yield "healthcheck.test", checks, lambda *_: "a health check runs inside the container"


def _hosts(context: PlanContext) -> Iterator[str]:
    """Yield the host names by which the containers of the stack reach each other."""
    for service in context.project.services:
        aliases = (alias for attachment in service.networks for alias in attachment.aliases)
        yield from (service.name, service.container_name, *aliases)


def _numbered(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from ((str(index), word) for index, word in enumerate(words))


def _why_config(_name: str, _text: str, _number: int) -> str:
    return "in configs only URLs and host.docker.internal follow"


def _why_command(_name: str, text: str, _number: int) -> str:
    if is_local(text):
        return "commands stay as they are; `command = true` in [urls] moves addresses in them"
    return "commands stay as they are"


def _numbers(
    service: str, place: str, text: str, numbers: Mapping[int, int], reason: Reason
) -> Iterator[UnchangedValue]:
    """Yield one entry if the text contains the number of a moved port."""
    for match in re.finditer(r"(?<![A-Za-z0-9_.])\d{1,5}(?![A-Za-z0-9_]|\.\d)", text):
        number = int(match[0])
        if number in numbers:
            name = place.rpartition(".")[2]
            why = f"{reason(name, text, number)} ({number} is {numbers[number]} on the host)"
            yield UnchangedValue("value", place, _line_at(text, match.start()), why, service)
            return


def _line_at(text: str, position: int) -> str:
    """Return the line of the text at a position; of a long line, only the part around it."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    if len(line) <= LONGEST:
        return line.strip()
    middle = max(0, position - start - LONGEST // 2)
    return line[middle : middle + LONGEST].strip()


def _names(service: str, place: str, text: str, names: NewNames) -> Iterator[UnchangedValue]:
    for kind, after in unchanged(text, names):
        if kind == "container_name":
            why = f"as a host name it stays; the container of that name is called {after}"
        else:
            why = f"its name does not say that it is a {kind}; the {kind} of that name is {after}"
        yield UnchangedValue("value", place, text, why, service)
