"""Images that the file builds, named in the Dockerfile of another service."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from composeports.core.compose_project import Build, Service
from composeports.core.image_names import context_name, full_name
from composeports.core.plan.change import Change, Node, RuleResult, join
from composeports.core.plan.dockerfile_images import (
    DockerfileImage,
    dockerfile_images,
    partial_arguments,
)
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import is_kept
from composeports.core.plan.rules.images import DOCKER_IMAGE, new_names
from composeports.core.plan.rules.name_references import NewNames, renamed

WHY = "the Dockerfile names an image that is built here"
WAY_OUT = "give the name in a build argument, or keep tags shared with [isolate] images = false"
OLD_BUILDER = (
    "this builder cannot replace the name (Docker Engine 23 or newer can, with BuildKit and a "
    "builder of the driver `docker`)"
)
IS_STAGE = "the name cannot be replaced, because a stage of the Dockerfile has the same one"

NO_NAMES: Mapping[str, str] = {}


class _Base(NamedTuple):
    """An image that the Dockerfile of a service names and that another service builds.

    `context` is the name of the build context with which BuildKit replaces the image. `is_stage` is
    True if the Dockerfile has a stage of that name; a context would replace the stage, too.
    """

    image: DockerfileImage
    full_name: str
    context: str
    is_stage: bool


def base_images(context: PlanContext) -> RuleResult:
    """Make every build read this session's image where its Dockerfile names a built image."""
    names = new_names(context)
    keep = context.settings.keep_urls
    results: list[RuleResult] = []
    for service in context.project.services:
        if service.build is None or not names:
            continue
        text = context.host_facts.dockerfiles.get(service.name, "")
        partial_names = partial_arguments(text)
        arguments = {
            name: value
            if name in partial_names or is_kept(service.name, name, value, keep)
            else renamed(name, value, _all_names(names), builds=True)[0]
            for name, value in service.build.args.items()
        }
        base_results = [
            _result(service, base, names[base.full_name], context)
            for base in _bases(service, text, arguments, names)
        ]
        is_led = arguments != service.build.args or any(part.changes for part in base_results)
        if service.build.pull and (is_led or _has_context(service.build, names)):
            base_results.append(_without_pull(service))
        results += [
            part for index, part in enumerate(base_results) if part not in base_results[:index]
        ]
    return join(results)


def _has_context(build: Build, names: Mapping[str, str]) -> bool:
    """Return True if one of the build's contexts is one of the images, given in full."""
    return any(
        text.startswith(DOCKER_IMAGE) and full_name(text.removeprefix(DOCKER_IMAGE)) in names
        for text in build.contexts.values()
    )


def _without_pull(service: Service) -> RuleResult:
    """Return the result that keeps a build from asking a registry for the session's own image."""
    why = "no registry has the session's own tag"
    change = Change("image", "build.pull", "true", "false", why, service.name)
    return RuleResult((change,), {"services": {service.name: {"build": {"pull": False}}}})


def names_built_image(service: Service, text: str, names: Iterable[str]) -> bool:
    """Return True if a service's Dockerfile `text` names one of the images, given in full."""
    arguments = service.build.args if service.build else NO_NAMES
    return any(_bases(service, text, arguments, dict.fromkeys(names, "")))


def _all_names(images: Mapping[str, str]) -> NewNames:
    others = dict.fromkeys(("network", "volume", "container_name"), NO_NAMES)
    return NewNames({"image": images, **others}, {"image": NO_NAMES, **others})


def _bases(
    service: Service, text: str, arguments: Mapping[str, str], names: Mapping[str, str]
) -> Iterator[_Base]:
    """Yield the images of `names` in the text; neither the service's own nor the file's contexts.

    With `image: postgres` and `FROM postgres`, the Dockerfile means the image of the registry.
    """
    build = service.build
    if build is None:
        return
    skipped_names = {full_name(name) for name in (service.image, *build.tags) if name}
    images, stages = dockerfile_images(text, arguments)
    for image in images:
        name = full_name(image.name)
        key = context_name(name)
        if name in names and name not in skipped_names and key not in build.contexts:
            yield _Base(image, name, key, is_stage=key in stages)


def _result(service: Service, base: _Base, after: str, context: PlanContext) -> RuleResult:
    argument = base.image.argument
    can_replace = context.host_facts.named_contexts
    if can_replace and not base.is_stage:
        return _change(service, "additional_contexts", base.context, "", f"{DOCKER_IMAGE}{after}")
    if argument:
        return _change(service, "args", argument, base.image.name, after)
    reason = IS_STAGE if can_replace else OLD_BUILDER
    warning = (
        f"{service.name}: its Dockerfile names {base.image.name}, which the file builds; it gets "
        f"the image of plain Compose or of another session, because {reason}; {WAY_OUT}"
    )
    return RuleResult(warnings=(warning,))


def _change(service: Service, field: str, key: str, before: str, after: str) -> RuleResult:
    """Return the result that sets one entry of `build.additional_contexts` or `build.args`."""
    change = Change("image", f"build.{field}.{key}", before, after, WHY, service.name)
    override: Node = {"services": {service.name: {"build": {field: {key: after}}}}}
    return RuleResult((change,), override)
