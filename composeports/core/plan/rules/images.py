"""Images that the file builds with a fixed tag."""

from collections.abc import Iterator, Mapping

from composeports.core.compose_project import Project, Service
from composeports.core.plan.change import Change, Node, RuleResult, SharedResource, merge
from composeports.core.plan.image_names import full_name, tagged
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
    names = built_names(context.project)
    if not context.settings.isolate_images:
        return RuleResult(
            shared=tuple(
                SharedResource("image", name, "[isolate] images = false") for name in names
            )
        )
    session_names = new_names(context)
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        fields = _fields(service, session_names)
        if fields:
            nodes.append({"services": {service.name: fields}})
            changes.extend(_changes(service, session_names))
    return RuleResult(tuple(changes), merge(nodes))


def new_names(context: PlanContext) -> dict[str, str]:
    """Return the session's name of every built image, by its full name.

    Return an empty dict if the settings do not isolate images.
    """
    if not context.settings.isolate_images:
        return {}
    names: dict[str, str] = {}
    for name in built_names(context.project):
        names.setdefault(full_name(name), tagged(name, context.project_name))
    return names


def unbuilt_images(project: Project) -> Iterator[str]:
    """Yield the full names of images that services run but that the file does not build."""
    built = set(map(full_name, built_names(project)))
    for service in project.services:
        name = full_name(service.image) if service.image else ""
        if service.build is None and project.is_fixed(name) and name not in built:
            yield name


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
            if service.image and full_name(service.image) == image
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
    build = _build_fields(service, renamed)
    return {**fields, "build": build} if build else fields


def _new(name: str, renamed: Mapping[str, str]) -> str:
    """Return the session's name of an image; empty if it has none."""
    return renamed.get(full_name(name), "") if name else ""


def _build_fields(service: Service, renamed: Mapping[str, str]) -> dict[str, object]:
    build = service.build
    if build is None:
        return {}
    fields: dict[str, object] = {}
    for field, before in (("tags", build.tags), ("cache_from", build.cache_from)):
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
    for where, before, why in _build_references(service):
        after = _reference(before, renamed)
        if after:
            yield Change("image", where, before, after, why, service.name)


def _build_references(service: Service) -> Iterator[tuple[str, str, str]]:
    """Yield (where, text, why) of everything in a service's build that may name an image."""
    build = service.build
    if build is None:
        return
    yield from (("build.tags", tag, WHY) for tag in build.tags)
    yield from (("build.cache_from", text, NAMED) for text in build.cache_from)
    for name, value in build.contexts.items():
        yield f"build.additional_contexts.{name}", value, NAMED
