"""Features that no plan can isolate: one warning each, with the services that use them."""

from collections.abc import Iterator
from posixpath import basename

from composeports.core.compose_project import Mount, Service
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.rules.containers import BY_CONTAINER, new_names
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.folders import ENGINE_SOCKETS
from composeports.core.plan.rules.wording import way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named, is_path_named

# Fields that put a service into a namespace of the host, and what that namespace contains.
NAMESPACES = {"ipc": "shared memory", "pid": "processes", "uts": "name"}

# No provider, and the model runner, from which sessions only read.
READ_ONLY_PROVIDERS = frozenset({"", "model"})


def limits(context: PlanContext) -> RuleResult:
    """Warn about what all sessions share although the file does not declare it as shared."""
    rules = (
        *(_host_network, _host_namespaces, _replicas, _foreign_containers, _engine_socket),
        _providers,
    )
    findings = [finding for rule in rules for finding in rule(context)]
    return RuleResult(
        shared=tuple(finding for finding in findings if isinstance(finding, SharedResource)),
        warnings=tuple(finding for finding in findings if isinstance(finding, str)),
    )


def _host_network(context: PlanContext) -> Iterator[SharedResource | str]:
    names = [service.name for service in context.project.services if service.network_mode == "host"]
    if names and is_named(context.settings, "network", "host"):
        yield SharedResource("network", "host", f"{_services(names)} it; {IN_SETTINGS}")
    elif names:
        files = ", ".join(basename(path) for path in context.lease.stack.files)
        suffix = f" (in {files})" if files else ""
        yield (
            f"{_services(names)} the host's network{suffix}: ports there cannot be moved, so only "
            f"one session can run it; {way_out('network:host')}"
        )


def _host_namespaces(context: PlanContext) -> Iterator[SharedResource | str]:
    for kind, label in NAMESPACES.items():
        names = [
            service.name for service in context.project.services if getattr(service, kind) == "host"
        ]
        if names and is_named(context.settings, kind, "host"):
            yield SharedResource(kind, "host", f"{_services(names)} it; {IN_SETTINGS}")
        elif names:
            yield (
                f"{_services(names)} the host's {label} ({kind}: host), which all sessions have in "
                f"common; {way_out(f'{kind}:host')}"
            )


def _replicas(context: PlanContext) -> Iterator[str]:
    moved_services = {
        assigned_port.entry.port.service
        for assigned_port in context.assigned
        if assigned_port.entry.port.number
    }
    for service in context.project.services:
        if service.replicas > 1 and service.name in moved_services:
            yield (
                f"service {service.name} wants {service.replicas} containers and a fixed host "
                "port, which only one of them can have; give the port without a host part"
            )


def _foreign_containers(context: PlanContext) -> Iterator[SharedResource | str]:
    own_names = {*new_names(context), *(service.name for service in context.project.services)}
    for service in context.project.services:
        names = [
            name
            for name in _named(service)
            if name not in own_names and context.project.is_fixed(name)
        ]
        shared_names = [name for name in names if is_named(context.settings, "container", name)]
        yield from (SharedResource("container", name, IN_SETTINGS) for name in shared_names)
        containers = [name for name in names if name not in shared_names]
        if containers:
            yield (
                f"service {service.name} uses containers of others ({', '.join(containers)}): they "
                f"stay shared; {way_out(*(f'container:{name}' for name in containers))}"
            )


def _named(service: Service) -> Iterator[str]:
    yield from (link.partition(":")[0] for link in service.external_links)
    fields = (service.network_mode, service.ipc, service.pid, *service.volumes_from)
    for text in fields:
        if text.startswith(BY_CONTAINER):
            yield text.split(":")[1]


def _engine_socket(context: PlanContext) -> Iterator[SharedResource | str]:
    names, sockets = [], []
    for service in context.project.services:
        sources = [socket.source for socket in service.mounts if is_engine_socket(socket, context)]
        if sources:
            names.append(service.name)
            sockets += sources
    if names and all(is_path_named(context.settings, socket) for socket in sockets):
        yield SharedResource("folder", sockets[0], IN_SETTINGS)
    elif names:
        yield (
            f"{_services(names)} the engine's socket: what it does there is seen by all sessions "
            f"and moved by no plan; {way_out(*dict.fromkeys(sockets))}"
        )


def _providers(context: PlanContext) -> Iterator[SharedResource | str]:
    for service in context.project.services:
        if service.provider in READ_ONLY_PROVIDERS:
            continue
        if is_named(context.settings, "provider", service.name):
            yield SharedResource("provider", service.name, IN_SETTINGS)
        else:
            yield (
                f"service {service.name} is made by a program of the host (provider: "
                f"{service.provider}), which may give all sessions the same; "
                f"{way_out(f'provider:{service.name}')}"
            )


def is_engine_socket(mount: Mount, context: PlanContext) -> bool:
    """Return True if a mount is the engine's socket, also through a symbolic link."""
    return mount.kind == "bind" and any(
        path.endswith(ENGINE_SOCKETS)
        for path in (mount.source, context.host_facts.real(mount.source))
    )


def _services(names: list[str]) -> str:
    return f"service {names[0]} uses" if len(names) == 1 else f"services {', '.join(names)} use"
