"""Warnings for a remote engine: mounts and ports that mean its machine and not this one."""

from collections.abc import Iterator
from posixpath import normpath, relpath

from composeports.core.engine_address import is_this_machine
from composeports.core.folders import is_within
from composeports.core.plan.change import RuleResult
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.folders import ENGINE_SOCKETS, OF_THE_HOST

# The warning shows this many paths and counts the rest.
SHOWN = 5


def remote(context: PlanContext) -> RuleResult:
    """Warn about mounts and loopback ports that mean the machine of a remote engine."""
    if not context.host:
        return RuleResult()
    return RuleResult(warnings=(*_mounted(context), *_on_loopback(context)))


def _mounted(context: PlanContext) -> Iterator[str]:
    sources = list(dict.fromkeys(map(normpath, _sources(context))))
    if sources:
        top = context.lease.place.directory
        names = [_shown(source, top) for source in sources]
        suffix = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        yield (
            f"{', '.join(names[:SHOWN])}{suffix}: what is mounted there are folders and files of "
            f"{context.host}, where the engine is, and not of this machine; `build` and "
            "`docker compose watch` send files"
        )


def _shown(path: str, top: str) -> str:
    """Return the path as it is most likely written in the file."""
    if not top or not is_within(path, top):
        return path
    return "." if path == top else f"./{relpath(path, top)}"


def _sources(context: PlanContext) -> Iterator[str]:
    """Yield the mounted host paths, except paths that every machine has itself."""
    for service in context.project.services:
        for mount in service.mounts:
            if mount.kind == "bind" and not _is_of_any_machine(mount.source):
                yield mount.source
    yield from context.project.handed_files.values()
    for volume in context.project.volumes:
        device = volume.driver_opts.get("device", "")
        if device.startswith("/") and not volume.external and not _is_of_any_machine(device):
            yield device


def _is_of_any_machine(path: str) -> bool:
    return path.endswith(ENGINE_SOCKETS) or any(
        is_within(normpath(path), folder) for folder in OF_THE_HOST
    )


def _on_loopback(context: PlanContext) -> Iterator[str]:
    keys = [
        assigned_port.entry.key
        for assigned_port in context.assigned
        if is_this_machine(assigned_port.entry.port.host_ip)
    ]
    if keys:
        verb = "is" if len(keys) == 1 else "are"
        yield (
            f"{', '.join(keys)} {verb} published for programs of {context.host} alone (host_ip "
            "127.0.0.1 or ::1), and not reached from this machine"
        )
