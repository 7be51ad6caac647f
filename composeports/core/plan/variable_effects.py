"""What each variable moves, found by comparing Compose's output with and without markers.

Only Compose knows how it reads a file. So Compose is queried twice, the second time with an
unlikely number (a marker) in each variable that could be a port. The values that differ are the
values that the variable moves.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from composeports.core.compose_project import Json, Project, PublishedPort, is_port
from composeports.core.plan.local_urls import leads_elsewhere, leads_only_there
from composeports.core.plan.port_candidates import FIXED_PORT_VARIABLES, URL_VARIABLE
from composeports.core.protected_names import is_settable

Path: TypeAlias = "tuple[str | int, ...]"


class PortField(NamedTuple):
    """A field of one `ports` entry: `published` or `target` of the service's entry `position`."""

    service: str
    position: int
    field: str


class VariableEffects(NamedTuple):
    """For each port variable: the `ports` fields it moves, and all other paths that use it.

    `port_fields` has the fields. `other_uses` has the paths, without URLs that lead from the host
    to a published port, because these follow the port. SUPABASE_URL counts as used elsewhere only
    if its value leads to another machine or container.
    """

    port_fields: Mapping[str, tuple[PortField, ...]]
    other_uses: Mapping[str, tuple[Path, ...]]

    def variable_of(self, service: str, position: int, field: str) -> str:
        """Return the variable that alone gives this field its number; empty if there is none."""
        port_field = PortField(service, position, field)
        return next(
            (name for name, port_fields in self.port_fields.items() if port_field in port_fields),
            "",
        )

    def only_publishes(self, variable: str) -> bool:
        """Return True if the variable moves only published host ports and URLs to them."""
        port_fields = self.port_fields.get(variable, ())
        only_host_ports = all(port_field.field == "published" for port_field in port_fields)
        return bool(port_fields) and only_host_ports and not self.other_uses.get(variable)

    def other_places(self, variable: str) -> tuple[str, ...]:
        """Return, as text, what the variable moves besides published ports and URLs to them."""
        targets = [
            f"services.{port_field.service}.ports.{port_field.position}.target"
            for port_field in self.port_fields.get(variable, ())
            if port_field.field == "target"
        ]
        paths = (".".join(map(str, path)) for path in self.other_uses.get(variable, ()))
        return (*targets, *paths)


NO_EFFECTS = VariableEffects({}, {})


def port_variables(project: Project, values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that may give a port: their value is a number that the file publishes.

    The four fixed port variables and SUPABASE_URL are always included if the file mentions them. A
    protected name, which programs obey, is never included: Compose itself would obey the marker.
    """
    numbers = {port.published for port in project.ports}
    fixed_names = {*FIXED_PORT_VARIABLES, URL_VARIABLE}
    return tuple(
        name
        for name, value in sorted(values.items())
        if name in fixed_names or (is_port(value) and value in numbers and is_settable(name))
    )


def compare(plain: Json, marked: Json, marks: Mapping[str, str]) -> VariableEffects:
    """Return what each marker moved, from Compose's output without and with markers."""
    port_fields: dict[str, list[PortField]] = {}
    other_uses: dict[str, list[Path]] = {}
    for path, before, after in _differences(plain, marked, ()):
        keys = [key for key in path if isinstance(key, str)]
        for variable, mark in marks.items():
            port_field = _port_field(path)
            if any(mark in key for key in keys):
                other_uses.setdefault(variable, []).append(path)
            elif mark not in after:
                continue
            elif variable == URL_VARIABLE:
                if leads_elsewhere(_without_mark(before, after, mark)):
                    other_uses.setdefault(variable, []).append(path)
            elif port_field is not None and after == mark:
                port_fields.setdefault(variable, []).append(port_field)
            elif not _leads_to_host(path, after, int(mark)):
                other_uses.setdefault(variable, []).append(path)
    return VariableEffects(
        {name: tuple(uses) for name, uses in port_fields.items()},
        {name: tuple(uses) for name, uses in other_uses.items()},
    )


def _without_mark(before: object, after: str, mark: str) -> str:
    """Return the old text at the position where the marker is now."""
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


def _port_field(path: Sequence[str | int]) -> PortField | None:
    match path:
        case ("services", str(service), "ports", int(index), "published" | "target" as field):
            return PortField(service, index, str(field))
        case _:
            return None


def _differences(before: object, after: object, path: Path) -> Iterator[tuple[Path, object, str]]:
    """Yield (path, old value, new text) of every leaf that differs.

    If the type of a node or the length of a list differs, the whole node is one leaf.
    """
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
    port: PublishedPort, index: int, effects: VariableEffects, values: Mapping[str, str]
) -> int:
    """Return the container port that Compose will see once `values` are set."""
    variable = effects.variable_of(port.service, index, "target")
    return int(values[variable]) if variable in values else port.target
