"""Fixed container names, and the fields that refer to a container by its name."""

from collections.abc import Iterator, Mapping, Sequence

from composeports.core.compose_project import Service
from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.default_names import containers_of, used_host_names
from composeports.core.plan.override import Override
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.external_resources import is_common

BY_CONTAINER = "container:"


def container_names(context: PlanContext) -> RuleResult:
    """Give a fixed container name the session's prefix, and keep the old name as a host name."""
    session_names = new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        after = session_names.get(service.container_name)
        if after is None:
            continue
        fields: dict[str, object] = {"container_name": after}
        aliases = _aliases(service, [service.container_name], context)
        if aliases:
            fields["networks"] = aliases
        nodes.append({"services": {service.name: fields}})
        changes.append(_renamed(service, after, aliases, context))
    return RuleResult(tuple(changes), merge(nodes))


def default_host_names(context: PlanContext) -> RuleResult:
    """Keep the container names of plain Compose as host names where values of the file use them."""
    session_names = default_names(context)
    used_names = used_host_names(context.project, context.host_facts.plain_projects)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        names = [name for name, owner in used_names.items() if owner == service.name]
        aliases = _aliases(service, names, context)
        if aliases:
            nodes.append({"services": {service.name: {"networks": aliases}}})
            changes.extend(
                Change(
                    "container_name",
                    "container_name",
                    name,
                    session_names[name],
                    f"plain Compose names it so; {name} stays its host name inside the stack",
                    service.name,
                )
                for name in names
            )
    return RuleResult(tuple(changes), merge(nodes))


def new_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name for every container name that files or scripts may contain.

    They are the names that the file fixes, and the names that plain Compose makes.
    """
    return {**default_names(context), **fixed_names(context)}


def default_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name for every container name that plain Compose makes."""
    plain_projects = context.host_facts.plain_projects
    return {
        before: after
        for service in context.project.services
        for before, after in containers_of(service, plain_projects, context.project_name)
    }


def fixed_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name for every container name that the file fixes."""
    return {
        service.container_name: f"{context.project_name}-{service.container_name}"
        for service in context.project.services
        if context.project.is_fixed(service.container_name)
    }


def variables_of(context: PlanContext) -> Iterator[tuple[str, str]]:
    """Yield (`CONTAINER_<SERVICE>`, name of the first container) for each service."""
    session_names = new_names(context)
    for service in context.project.services:
        name = session_names.get(service.container_name) or service.container_name
        yield (
            f"CONTAINER_{shell_name(service.name)}",
            name or f"{context.project_name}-{service.name}-1",
        )


def shell_name(service: str) -> str:
    """Return a service's name as a part of a variable name: A-Z, 0-9 and `_`."""
    letters = (char if char.isascii() and char.isalnum() else "_" for char in service.upper())
    return "".join(letters)


def _aliases(service: Service, names: Sequence[str], context: PlanContext) -> dict[str, object]:
    """Return the old names as aliases for each network of the stack that does not have them.

    A network that is shared with other sessions gets no alias: there it would also lead to their
    containers.
    """
    aliases: dict[str, object] = {}
    for attachment in service.networks:
        known_names = {service.name, *attachment.aliases}
        new = [name for name in names if name not in known_names]
        if new and not is_common(attachment.network, context):
            aliases[attachment.network] = {"aliases": new}
    return aliases


def _renamed(
    service: Service, after: str, aliases: Mapping[str, object], context: PlanContext
) -> Change:
    why = "a container name exists once on an engine"
    name = service.container_name
    if aliases:
        why += f"; {name} stays its host name inside the stack"
    networks = [
        attachment.network
        for attachment in service.networks
        if is_common(attachment.network, context)
    ]
    if networks and name != service.name:
        why += f"; on the shared network {', '.join(networks)} it is called {service.name} alone"
    return Change(
        "container_name", "container_name", service.container_name, after, why, service.name
    )


def container_references(context: PlanContext) -> RuleResult:
    """Replace the file's container names by the session's names in fields that refer to them."""
    session_names = new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        for field, before, after in _references(service, session_names):
            value: object = after[0] if isinstance(before, str) else Override(list(after))
            nodes.append({"services": {service.name: {field: value}}})
            changes.extend(
                Change("container_name", field, old, new, "it names a container", service.name)
                for old, new in zip(_listed(before), after, strict=True)
                if old != new
            )
    return RuleResult(tuple(changes), merge(nodes))


def _references(
    service: Service, renamed: Mapping[str, str]
) -> Iterator[tuple[str, str | tuple[str, ...], tuple[str, ...]]]:
    """Yield (field, current value, new texts) of each field with a renamed container."""
    fields: dict[str, str | tuple[str, ...]] = {
        "network_mode": service.network_mode,
        "ipc": service.ipc,
        "pid": service.pid,
        "volumes_from": service.volumes_from,
        "external_links": service.external_links,
    }
    for field, before in fields.items():
        bare = field == "external_links"
        after = tuple(_reference(text, renamed, bare=bare) for text in _listed(before))
        if after != _listed(before):
            yield field, before, after


def _listed(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _reference(text: str, renamed: Mapping[str, str], *, bare: bool) -> str:
    """Return `container:NAME[:...]`, or `NAME[:ALIAS]` if `bare`, with the new name."""
    prefix = "" if bare else BY_CONTAINER
    if not text.startswith(prefix):
        return text
    name, colon, suffix = text.removeprefix(prefix).partition(":")
    if name not in renamed:
        return text
    # A link without an alias uses the container's name as its alias, so the old name becomes one.
    alias = f":{name}" if bare and not colon else f"{colon}{suffix}"
    return f"{prefix}{renamed[name]}{alias}"
