"""What a variable moves, found by comparing Compose's answer with and without a marker value.

Compose alone knows how it reads a file. So it is asked twice, the second time with an unlikely
number in each variable that could be a port: what differs is what the variable moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from composeports.core.plan.compose_project import Json, Project, PublishedPort, is_port
from composeports.core.plan.local_urls import leads_elsewhere, leads_only_there
from composeports.core.ports import HIGHEST_PORT
from composeports.core.protected_names import is_settable

FIXED_PORT_VARIABLES = (
    "AGENT_COORDINATOR_DB_PORT",
    "AGENT_COORDINATOR_REST_PORT",
    "AGENT_COORDINATOR_REALTIME_PORT",
    "API_PORT",
)
URL_VARIABLE = "SUPABASE_URL"
Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class PortField:
    """A field of one `ports` entry: `published` or `target` of the service's n-th entry."""

    service: str
    index: int
    field: str


class VariableEffects(NamedTuple):
    """For each port variable: the `ports` fields it moves, and the paths where else it stands.

    What follows a published port by itself, a URL that leads from the host to it, does not count
    as elsewhere. SUPABASE_URL stands elsewhere where its value is another machine's or container's.
    """

    slots: Mapping[str, tuple[PortField, ...]]
    elsewhere: Mapping[str, tuple[Path, ...]]

    def variable_of(self, service: str, index: int, field: str) -> str:
        """Return the variable that alone gives this field its number; empty where none does."""
        wanted = PortField(service, index, field)
        return next((name for name, slots in self.slots.items() if wanted in slots), "")

    def is_pure(self, variable: str) -> bool:
        """Tell whether the variable moves published host ports, URLs to them, and nothing else."""
        slots = self.slots.get(variable, ())
        published = all(slot.field == "published" for slot in slots)
        return bool(slots) and published and not self.elsewhere.get(variable)

    def other_places(self, variable: str) -> tuple[str, ...]:
        """Return, as texts, what the variable moves beside published ports and their URLs."""
        targets = [
            f"services.{slot.service}.ports.{slot.index}.target"
            for slot in self.slots.get(variable, ())
            if slot.field == "target"
        ]
        paths = (".".join(map(str, path)) for path in self.elsewhere.get(variable, ()))
        return (*targets, *paths)


NO_MOVES = VariableEffects({}, {})


def port_variables(project: Project, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that may give a port: their value is a number the file publishes.

    The four fixed port variables and SUPABASE_URL are always among them where the file mentions
    them, a name that programs obey never: Compose itself would obey the marker.
    """
    numbers = {port.published for port in project.ports}
    always = {*FIXED_PORT_VARIABLES, URL_VARIABLE}
    return tuple(
        name
        for name, value in sorted(values.items())
        if name in always or (is_port(value) and value in numbers and is_settable(name))
    )


def possible_port_variables(project: Project, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the candidates, and every other variable that is a whole number now.

    One file may give a variable several defaults (`${SSL_PORT:-443}` and `${SSL_PORT:--1}`), and
    Compose names any one of them.
    """
    certain = port_variables(project, values)
    return (
        *certain,
        *(
            name
            for name, value in sorted(values.items())
            if name not in certain and value.removeprefix("-").isdecimal() and is_settable(name)
        ),
    )


def marker_values(variables: Sequence[str], config_text: str) -> dict[str, str]:
    """Return a port number for each variable that stands nowhere in the text yet."""
    unused = (str(port) for port in range(HIGHEST_PORT, 0, -1) if str(port) not in config_text)
    return dict(zip(variables, unused, strict=False))


def compare(plain: Json, marked: Json, marks: Mapping[str, str]) -> VariableEffects:
    """Return what each marker moved between Compose's two answers."""
    slots: dict[str, list[PortField]] = {}
    elsewhere: dict[str, list[Path]] = {}
    for path, before, after in _differences(plain, marked, ()):
        keys = [key for key in path if isinstance(key, str)]
        for variable, mark in marks.items():
            slot = _slot(path)
            if any(mark in key for key in keys):
                elsewhere.setdefault(variable, []).append(path)
            elif mark not in after:
                continue
            elif variable == URL_VARIABLE:
                if leads_elsewhere(_without_mark(before, after, mark)):
                    elsewhere.setdefault(variable, []).append(path)
            elif slot is not None and after == mark:
                slots.setdefault(variable, []).append(slot)
            elif not _leads_to_host(path, after, int(mark)):
                elsewhere.setdefault(variable, []).append(path)
    return VariableEffects(
        {name: tuple(found) for name, found in slots.items()},
        {name: tuple(found) for name, found in elsewhere.items()},
    )


def _without_mark(before: object, after: str, mark: str) -> str:
    """Return what stood in the text where the marker stands now."""
    text = "" if before is None else str(before)
    start, _, end = after.partition(mark)
    return text[len(start) : len(text) - len(end)]


def _leads_to_host(path: Sequence[str | int], text: str, mark: int) -> bool:
    match path:
        case ("services", _, "environment", str(name)) | (
            "services",
            _,
            "build",
            "args",
            str(name),
        ):
            return leads_only_there(name, text, mark)
        case _:
            return False


def _slot(path: Sequence[str | int]) -> PortField | None:
    match path:
        case ("services", str(service), "ports", int(index), "published" | "target" as field):
            return PortField(service, index, str(field))
        case _:
            return None


def _differences(before: object, after: object, path: Path) -> Iterator[tuple[Path, object, str]]:
    """Yield (path, old value, new text) of every leaf that differs; a changed shape is one leaf."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _differences(before.get(key), after.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from _differences(*pair, (*path, index))
    else:
        yield path, before, str(after)


def moved_target(
    port: PublishedPort, index: int, moves: VariableEffects, values: Mapping[str, str]
) -> int:
    """Return the container port that Compose will see once `values` are set."""
    variable = moves.variable_of(port.service, index, "target")
    return int(values[variable]) if variable in values else port.target
