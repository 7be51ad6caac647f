"""Images that the file builds with a fixed tag."""

from collections.abc import Iterator, Mapping

from composeports.core.compose_project import Mount, Project, Service
from composeports.core.image_names import full_name, tagged
from composeports.core.plan.change import Change, Node, RuleResult, SharedResource, merge
from composeports.core.plan.default_names import images
from composeports.core.plan.override import Override
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.wording import listed, way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_named
from composeports.core.settings import Settings

WHY = "it is built here, and another session's build would replace it"
NAMED = "it names an image that is built here"
DOCKER_IMAGE = "docker-image://"
REFERENCE = "ref="
# Values of `pull_policy` with which Compose does not pull the image from a registry.
UNASKED = frozenset({"never", "build"})


def built_images(context: PlanContext) -> RuleResult:
    """Add the session's suffix to the tag of every built image, wherever the file names it."""
    shared = () if context.settings.isolate_images else built_names(context.project)
    session_names = new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        fields = _fields(service, session_names)
        if fields:
            nodes.append({"services": {service.name: fields}})
            changes.extend(_changes(service, session_names))
    why = "[isolate] images = false"
    return RuleResult(
        tuple(changes), merge(nodes), tuple(SharedResource("image", name, why) for name in shared)
    )


def new_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name of every built image, by its full name.

    They include the names that plain Compose gives to images without a name in the file.
    """
    return {**default_names(context), **fixed_names(context)}


def default_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name of every built image without a name in the file, by full name."""
    plain_projects = context.host_facts.plain_projects
    pairs = images(context.project, plain_projects, context.project_name)
    return {full_name(before): after for before, after in pairs}


def fixed_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name of every built image with a name in the file, by its full name.

    Return an empty dict if the settings do not isolate images.
    """
    if not context.settings.isolate_images:
        return {}
    names: dict[str, str] = {}
    for name in built_names(context.project):
        names.setdefault(full_name(name), tagged(name, context.project_name))
    return names


def unbuilt_images(project: Project) -> Iterator[str]:
    """Yield the full names of images that services run or mount but the file does not build."""
    built = set(map(full_name, built_names(project)))
    for service in project.services:
        for name in _foreign_images(service):
            if project.is_fixed(name) and name not in built:
                yield name


def is_built(name: str, project: Project) -> bool:
    """Return True if a service builds the image."""
    return full_name(name) in map(full_name, built_names(project))


def _foreign_images(service: Service) -> Iterator[str]:
    """Yield the full names of the images that a service runs or mounts but does not build."""
    if service.image and service.build is None:
        yield full_name(service.image)
    yield from (full_name(mount.source) for mount in _image_mounts(service))


def _image_mounts(service: Service) -> Iterator[Mount]:
    return (mount for mount in service.mounts if mount.kind == "image" and mount.source)


def images_of_scripts(context: PlanContext) -> RuleResult:
    """Warn about images that a script of the worktree builds: all sessions share them."""
    shared: list[SharedResource] = []
    warnings: list[str] = []
    for image, build in {
        full_name(script_build.image): script_build for script_build in context.host_facts.builds
    }.items():
        why = _why_shared(context.settings, image, build.image)
        services = listed(
            service.name
            for service in context.project.services
            if image in _foreign_images(service)
        )
        if why:
            shared.append(SharedResource("image", build.image, why))
        else:
            warnings.append(
                f"{build.where} builds {build.image} ({services}): all sessions run the image that "
                "was built last; `build` in the Compose file gives each session its own, "
                f"{way_out(f'image:{build.image}')}"
            )
    return RuleResult(shared=tuple(shared), warnings=tuple(warnings))


def _why_shared(settings: Settings, *names: str) -> str:
    """Return the setting that makes an image shared; empty if there is none."""
    if is_named(settings, "image", *names):
        return IN_SETTINGS
    return "" if settings.isolate_images else "[isolate] images = false"


def built_names(project: Project) -> tuple[str, ...]:
    """Return the fixed names of all images that services build."""
    names = [
        name
        for service in project.services
        if service.build is not None
        for name in (service.image, *service.build.tags)
        if project.is_fixed(name) and "@" not in name
    ]
    return tuple(dict.fromkeys(names))


def _fields(service: Service, renamed: Mapping[str, str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    after = _new(service.image, renamed)
    if after:
        fields["image"] = after
        if service.pull_policy not in UNASKED:
            fields["pull_policy"] = "never"
    mounts = [
        _mount_entry(mount, after)
        for mount in _image_mounts(service)
        if (after := _new(mount.source, renamed))
    ]
    if mounts:
        fields["volumes"] = mounts
    build = _build_fields(service, renamed)
    return {**fields, "build": build} if build else fields


def _mount_entry(mount: Mount, image: str) -> dict[str, object]:
    """Return the entry of `volumes` that replaces the one with the same target in the file."""
    entry: dict[str, object] = {"type": mount.kind, "source": image, "target": mount.target}
    if mount.read_only:
        entry["read_only"] = True
    return {**entry, "image": {"subpath": mount.subpath}} if mount.subpath else entry


def _new(name: str, renamed: Mapping[str, str]) -> str:
    """Return the session's name of an image; empty if it has none."""
    return renamed.get(full_name(name), "") if name else ""


def _build_fields(service: Service, renamed: Mapping[str, str]) -> dict[str, object]:
    build = service.build
    if build is None:
        return {}
    fields: dict[str, object] = {}
    lists = {"tags": build.tags, "cache_from": build.cache_from, "cache_to": build.cache_to}
    for field, before in lists.items():
        references = [_reference(text, renamed) or text for text in before]
        if references != list(before):
            fields[field] = Override(references)
    contexts = {
        name: new_reference
        for name, text in build.contexts.items()
        if (new_reference := _reference(text, renamed))
    }
    return {**fields, "additional_contexts": contexts} if contexts else fields


def _reference(text: str, renamed: Mapping[str, str]) -> str:
    """Return a reference to an image with its new name; empty if it has none.

    A reference is a name, `docker-image://NAME`, or `type=registry,ref=NAME`.
    """
    if text.startswith(DOCKER_IMAGE):
        after = _new(text.removeprefix(DOCKER_IMAGE), renamed)
        return after and f"{DOCKER_IMAGE}{after}"
    if "," in text and REFERENCE in text:
        parts = [
            f"{REFERENCE}{after}"
            if part.startswith(REFERENCE) and (after := _new(part.removeprefix(REFERENCE), renamed))
            else part
            for part in text.split(",")
        ]
        return "" if parts == text.split(",") else ",".join(parts)
    return _new(text, renamed)


def _changes(service: Service, renamed: Mapping[str, str]) -> Iterator[Change]:
    after = _new(service.image, renamed)
    if after:
        why = WHY if service.build is not None else "another service of the file builds it"
        yield Change("image", "image", service.image, after, why, service.name)
        if service.pull_policy not in UNASKED:
            why = "no registry has the session's own tag"
            yield Change("image", "pull_policy", service.pull_policy, "never", why, service.name)
    for where, before, why in (*_mount_references(service), *_build_references(service)):
        after = _reference(before, renamed)
        if after:
            yield Change("image", where, before, after, why, service.name)


def _mount_references(service: Service) -> Iterator[tuple[str, str, str]]:
    """Yield (where, image, why) of each image that the service mounts."""
    for mount in _image_mounts(service):
        yield f"volumes.{mount.target}", mount.source, NAMED


def _build_references(service: Service) -> Iterator[tuple[str, str, str]]:
    """Yield (where, text, why) of everything in a service's build that may name an image."""
    build = service.build
    if build is None:
        return
    yield from (("build.tags", tag, WHY) for tag in build.tags)
    yield from (("build.cache_from", text, NAMED) for text in build.cache_from)
    yield from (("build.cache_to", text, NAMED) for text in build.cache_to)
    for name, value in build.contexts.items():
        yield f"build.additional_contexts.{name}", value, NAMED
