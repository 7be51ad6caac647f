"""What no plan can isolate: told as warnings, each once, with the services it concerns."""

from collections.abc import Iterator
from posixpath import basename, normpath

from composeports.core.change import Part
from composeports.core.project import Mount, Service
from composeports.core.rules.containers import BY_CONTAINER, new_names
from composeports.core.rules.context import Context

ENGINE_SOCKETS = ("/docker.sock", "/podman.sock")
# Of the machine itself; nobody expects a copy of these for each session.
OF_THE_HOST = (
    *("/dev", "/proc", "/sys", "/run/udev", "/lib/modules", "/etc/localtime", "/etc/timezone"),
    *("/etc/machine-id", "/tmp/.X11-unix", "/var/lib/docker"),  # noqa: S108 - read, not made
)


def limits(context: Context) -> Part:
    """Say what stays common to all sessions although the file does not declare it so."""
    rules = (_host_network, _replicas, _foreign_containers, _engine_socket, _shared_folders)
    return Part(warnings=tuple(text for rule in rules for text in rule(context)))


def _host_network(context: Context) -> Iterator[str]:
    names = [each.name for each in context.project.services if each.network_mode == "host"]
    if names:
        files = ", ".join(basename(path) for path in context.lease.stack.files)
        where = f" (in {files})" if files else ""
        yield (
            f"{_services(names)} the host's network{where}: ports there cannot be moved, so only "
            "one session can run it"
        )


def _replicas(context: Context) -> Iterator[str]:
    moved = {each.entry.port.service for each in context.moved if each.entry.port.number}
    for service in context.project.services:
        if service.replicas > 1 and service.name in moved:
            yield (
                f"service {service.name} wants {service.replicas} containers and a fixed host "
                "port, which only one of them can have; give the port without a host part"
            )


def _foreign_containers(context: Context) -> Iterator[str]:
    own = {*new_names(context), *(service.name for service in context.project.services)}
    for service in context.project.services:
        names = [name for name in _named(service) if name not in own]
        if names:
            listed = ", ".join(names)
            yield f"service {service.name} uses containers of others ({listed}): they stay shared"


def _named(service: Service) -> Iterator[str]:
    yield from (link.partition(":")[0] for link in service.external_links)
    fields = (service.network_mode, service.ipc, service.pid, *service.volumes_from)
    for text in fields:
        if text.startswith(BY_CONTAINER):
            yield text.split(":")[1]


def _engine_socket(context: Context) -> Iterator[str]:
    names = [
        service.name
        for service in context.project.services
        if any(mount.source.endswith(ENGINE_SOCKETS) for mount in service.mounts)
    ]
    if names:
        yield (
            f"{_services(names)} the engine's socket: what it does there is seen by all sessions "
            "and moved by no plan"
        )


def _shared_folders(context: Context) -> Iterator[str]:
    place = context.lease.place
    top = place.worktree or place.directory
    sharing: dict[str, list[str]] = {}
    for service in context.project.services:
        for mount in service.mounts:
            source = normpath(mount.source)
            if _is_shared(mount, source, top):
                sharing.setdefault(source, []).append(service.name)
    for volume in context.project.volumes:
        device = volume.driver_opts.get("device", "")
        device = device and normpath(device)
        if device.startswith("/") and not below(device, top) and not volume.external:
            sharing.setdefault(device, []).append(f"volume {volume.key}")
    for source, users in sharing.items():
        listed = ", ".join(dict.fromkeys(users))
        yield f"{source} lies outside of the worktree and is written by all sessions ({listed})"


def _is_shared(mount: Mount, source: str, top: str) -> bool:
    return (
        mount.kind == "bind"
        and not mount.read_only
        and not source.endswith(ENGINE_SOCKETS)
        and not any(below(source, each) for each in OF_THE_HOST)
        and bool(top)
        and not below(source, top)
    )


def below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _services(names: list[str]) -> str:
    return f"service {names[0]} uses" if len(names) == 1 else f"services {', '.join(names)} use"
