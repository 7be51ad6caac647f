"""Folders, devices and build caches outside of the worktree, by their real paths."""

import re
from collections.abc import Iterator
from posixpath import join, normpath, relpath

from composeports.core.compose_project import Mount, Service, Volume
from composeports.core.folders import is_within
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.rules import images
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.wording import listed, way_out
from composeports.core.plan.shared_settings import IN_LINK, IN_SETTINGS, is_named, is_path_named
from composeports.core.shell import GIT_COMMON_DIR

ENGINE_SOCKETS = ("/docker.sock", "/podman.sock")
# Paths of the machine itself; sessions do not need their own copies.
OF_THE_HOST = (
    *("/dev", "/proc", "/sys", "/run/udev", "/lib/modules", "/etc/localtime", "/etc/timezone"),
    *("/etc/machine-id", "/tmp/.X11-unix", "/var/lib/docker"),  # noqa: S108 - compared, not created
)
# Devices that many programs use at the same time without seeing each other. The pattern is compiled
# at its first use, because few files have devices.
COMMON_DEVICES = (
    r"/dev/(null|zero|full|random|urandom|fuse|kvm|kmsg|log|tty|ptmx|pts|net(?=/tun$)|dri|kfd|dxg"
    r"|accel|infiniband|shm|snd|(nvidia|vhost-|sgx)[^/]*)(/.*)?"
)
VARIABLE = f"${{{GIT_COMMON_DIR}}}"
LOCAL_DRIVERS = frozenset({"", "local"})
# File systems that are created empty, or that do not exist outside of the container.
OF_NO_PLACE = frozenset({"tmpfs", "ramfs", "proc", "sysfs"})


class _Use:
    """The users of a path outside of the worktree; `written` is True if one of them writes to it.

    `path` is the path in the file. `entry` is the entry of `shared` for it. `kind` is `folder`,
    `device` or `cache`.
    """

    def __init__(self, path: str, entry: str, kind: str = "folder") -> None:
        self.path = path
        self.entry = entry
        self.kind = kind
        self.users: list[str] = []
        self.written = False


def folders(context: PlanContext) -> RuleResult:
    """Warn about paths outside of the worktree that are written, or are in another checkout."""
    shared: list[SharedResource] = []
    warnings: list[str] = []
    for place, use in _uses(context).items():
        checkout = _other_checkout(place, context)
        if not use.written and not checkout:
            continue
        if _is_acknowledged(place, use, context):
            why = IN_LINK if _is_linked(use, context) else IN_SETTINGS
            shared.append(SharedResource(use.kind, place, why))
        else:
            warnings.append(_told(place, use, checkout))
    return RuleResult(shared=tuple(shared), warnings=tuple(warnings))


def _told(place: str, use: _Use, other: str) -> str:
    description = f"{place} (by the link {use.path})" if use.path not in {"", place} else place
    if use.kind == "cache":
        description = f"the build cache {place}"
    effect = "is written by all sessions" if use.written else f"is read from the checkout {other}"
    users = listed(use.users)
    return (
        f"{description} lies outside of the worktree and {effect} ({users}); {way_out(use.entry)}"
    )


def _is_acknowledged(place: str, use: _Use, context: PlanContext) -> bool:
    kind, _, name = use.entry.partition(":")
    if kind in {"volume", "cache"} and is_named(context.settings, kind, name):
        return True
    return is_path_named(context.settings, place, use.path) or _is_linked(use, context)


def _is_linked(use: _Use, context: PlanContext) -> bool:
    """Return True if the settings link this path to the main checkout, and nothing writes to it."""
    return not use.written and any(is_within(use.path, path) for path in context.settings.link)


def _uses(context: PlanContext) -> dict[str, _Use]:
    """Return the paths outside of the worktree that sessions share, with their users."""
    uses: dict[str, _Use] = {}
    for service in context.project.services:
        for mount in service.mounts:
            place = bound(mount, context)
            if place:
                use = uses.setdefault(place, _Use(normpath(mount.source), place))
                use.users.append(service.name)
                use.written |= not mount.read_only
        for place, is_written in _built_from(service, context):
            use = uses.setdefault(place, _Use(place, place))
            use.users.append(f"the build of {service.name}")
            use.written |= is_written
        for place, new_use in (*_devices(service, context), *_remote_caches(service, context)):
            use = uses.setdefault(place, new_use)
            use.users.append(_user(service, use.kind))
            use.written = True
    for path in context.project.handed_files.values():
        place = context.host_facts.real(path)
        if _is_outside(place, context):
            use = uses.setdefault(place, _Use(normpath(path), place))
            use.users.append("a config or secret")
    for volume in context.project.volumes:
        for place in _places(volume, context):
            use = uses.setdefault(place, _Use("", f"volume:{volume.key}"))
            use.users.append(f"volume {volume.key}")
            use.written |= _is_written(volume, context)
    return uses


def _user(service: Service, kind: str) -> str:
    return f"the build of {service.name}" if kind == "cache" else service.name


def _built_from(service: Service, context: PlanContext) -> Iterator[tuple[str, bool]]:
    """Yield (real path, is written) of the paths outside of the worktree that a build uses."""
    if service.build is None:
        return
    uses = [(folder, False) for folder in service.build.folders]
    uses += [(folder, True) for folder in service.build.cache_folders]
    for folder, is_written in uses:
        place = context.host_facts.real(join(context.lease.place.directory, folder))
        if _is_outside(place, context):
            yield place, is_written


def _devices(service: Service, context: PlanContext) -> Iterator[tuple[str, _Use]]:
    """Yield the real path of each device that sessions take from each other or write to."""
    for device in service.devices:
        place = context.host_facts.real(device)
        is_common = any(re.fullmatch(COMMON_DEVICES, path) for path in (normpath(device), place))
        if not is_common and _is_outside(place, context):
            yield place, _Use(normpath(device), place, "device")


def _remote_caches(service: Service, context: PlanContext) -> Iterator[tuple[str, _Use]]:
    """Yield each cache outside of this machine, except the tags of images that are built here."""
    for cache in service.build.remote_caches if service.build else ():
        if context.project.is_fixed(cache) and not images.is_built(cache, context.project):
            yield cache, _Use("", f"cache:{cache}", "cache")


def bound(mount: Mount, context: PlanContext) -> str:
    """Return the real path of a bind mount that is outside of the worktree.

    Return an empty string for other mounts, for engine sockets and for folders of the machine
    itself.
    """
    if mount.kind != "bind" or not mount.source:
        return ""
    place = context.host_facts.real(mount.source)
    paths = (normpath(mount.source), place)
    is_of_the_host = any(is_within(path, folder) for path in paths for folder in OF_THE_HOST)
    if is_of_the_host or any(path.endswith(ENGINE_SOCKETS) for path in paths):
        return ""
    return place if _is_outside(place, context) else ""


def _is_outside(place: str, context: PlanContext) -> bool:
    """Return True if a path is not in the worktree and does not contain the project name."""
    top = context.lease.place.worktree or context.lease.place.directory
    return bool(top) and not is_within(place, top) and context.project.is_fixed(place)


def _places(volume: Volume, context: PlanContext) -> Iterator[str]:
    """Yield the location that the options of a volume lead to, if all sessions share it."""
    if volume.external:
        return
    options = volume.driver_opts
    if volume.driver not in LOCAL_DRIVERS:
        text = ",".join(f"{name}={value}" for name, value in sorted(options.items()))
        if text and context.project.is_fixed(text):
            yield f"{volume.driver} ({text})"
        return
    kind, device = options.get("type", ""), options.get("device", "")
    if (
        not device
        or kind in OF_NO_PLACE
        or not context.project.is_fixed(",".join(options.values()))
    ):
        return
    if kind == "overlay":
        yield from _overlay(options.get("o", ""), context)
    elif not device.startswith("/") or device.startswith("//"):
        yield f"{kind} {_address(options.get('o', ''))}{device}".strip()
    elif _is_outside(context.host_facts.real(device), context):
        yield context.host_facts.real(device)


def _address(options: str) -> str:
    """Return the server of a network file system from its mount options; empty if none."""
    return next(
        (
            option.removeprefix("addr=")
            for option in options.split(",")
            if option.startswith("addr=")
        ),
        "",
    )


def _overlay(options: str, context: PlanContext) -> Iterator[str]:
    """Yield the folder outside of the worktree that an overlay writes to."""
    for option in options.split(","):
        name, _, path = option.partition("=")
        if name == "upperdir" and _is_outside(context.host_facts.real(path), context):
            yield context.host_facts.real(path)


def _is_written(volume: Volume, context: PlanContext) -> bool:
    """Return True if a service may write to the volume.

    Return False if the volume's options have `ro`, or if all its mounts are read-only.
    """
    if volume.driver in LOCAL_DRIVERS and "ro" in volume.driver_opts.get("o", "").split(","):
        return False
    mounts = [
        mount
        for service in context.project.services
        for mount in service.mounts
        if (mount.kind, mount.source) == ("volume", volume.key)
    ]
    return not mounts or not all(mount.read_only for mount in mounts)


def _other_checkout(place: str, context: PlanContext) -> str:
    """Return the innermost other checkout of the repository that has the path; empty if none."""
    checkout = context.host_facts.checkout
    if checkout.common_dir and is_within(place, checkout.common_dir):
        return ""
    checkouts = [path for path in checkout.others if is_within(place, path)]
    return max(checkouts, key=len, default="")


def git_inside(context: PlanContext) -> RuleResult:
    """Add a note on what to mount if a container has the worktree but git cannot work in it."""
    notes = {
        text: None
        for service in context.project.services
        for mount in service.mounts
        for text in _missing_git(service, mount, context)
    }
    return RuleResult(notes=tuple(notes))


def _missing_git(service: Service, mount: Mount, context: PlanContext) -> Iterator[str]:
    checkout, top = context.host_facts.checkout, context.lease.place.worktree
    source = context.host_facts.real(mount.source)
    if mount.kind != "bind" or not checkout.link or source == "/" or not is_within(top, source):
        return
    folder = normpath(join(mount.target, top[len(source) :].lstrip("/")))
    link = join(top, ".git")
    if any(
        normpath(other_mount.target) == join(folder, ".git")
        and context.host_facts.real(other_mount.source) != link
        for other_mount in service.mounts
    ):
        return
    git_dir = normpath(join(folder, checkout.link))
    common_dir = normpath(join(git_dir, relpath(checkout.common_dir, checkout.git_dir)))
    pairs = ((git_dir, checkout.git_dir), (common_dir, checkout.common_dir))
    if any(_on_the_host(path, service, context) != real_path for path, real_path in pairs):
        target = VARIABLE if common_dir == checkout.common_dir else common_dir
        yield (
            f"git does not work in service {service.name} at {folder}, since the repository's git "
            f"folder is not mounted: add `{VARIABLE}:{target}` to its volumes (`:ro` behind it is "
            f"enough for reading)"
        )


def _on_the_host(path: str, service: Service, context: PlanContext) -> str:
    """Return the host path of a container's path; empty if no bind mount covers it."""
    binds = [mount for mount in service.mounts if is_within(path, normpath(mount.target))]
    nearest_mount = max(binds, key=lambda mount: len(normpath(mount.target)), default=None)
    if nearest_mount is None or nearest_mount.kind != "bind":
        return ""
    subpath = path[len(normpath(nearest_mount.target)) :].lstrip("/")
    return normpath(join(context.host_facts.real(nearest_mount.source), subpath))
