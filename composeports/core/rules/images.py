"""Fixed tags of images that the file builds."""

from collections.abc import Iterator, Mapping

from composeports.core.change import Change, Node, Part, Shared, merge
from composeports.core.override import Override
from composeports.core.project import Service
from composeports.core.rules.context import Context

LONGEST_TAG = 128
WHY = "it is built here, and another session's build would replace it"
# With these, `up` takes the image from a registry although the file can build it.
PULLED = ("always", "daily", "weekly", "every_")


def built_images(context: Context) -> Part:
    """Give the tag of every image that is built the session's suffix, wherever it is named."""
    fixed = _built(context)
    if not context.settings.isolate_images:
        return Part(
            shared=tuple(Shared("image", name, "[isolate] images = false") for name in fixed)
        )
    renamed = {name: _tagged(name, context.tag) for name in fixed}
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        fields = _fields(service, renamed)
        if fields:
            nodes.append({"services": {service.name: fields}})
            changes.extend(_changes(service, renamed))
    return Part(tuple(changes), merge(nodes))


def _built(context: Context) -> tuple[str, ...]:
    """Return the fixed names of all images that some service builds."""
    names = [
        name
        for service in context.project.services
        if service.build is not None and not service.pull_policy.startswith(PULLED)
        for name in (service.image, *service.build.tags)
        if context.project.is_fixed(name) and "@" not in name
    ]
    return tuple(dict.fromkeys(names))


def _tagged(name: str, suffix: str) -> str:
    """Return `shop/web:1-ac-0123abcd` for `shop/web:1`; a port of a registry is no tag."""
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    return f"{repository}:{tag[: LONGEST_TAG - len(suffix) - 1]}-{suffix}"


def _fields(service: Service, renamed: Mapping[str, str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    if service.image in renamed:
        fields["image"] = renamed[service.image]
    build = {} if service.build is None else _build_fields(service, renamed)
    return {**fields, "build": build} if build else fields


def _build_fields(service: Service, renamed: Mapping[str, str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    build = service.build
    if build is not None and any(tag in renamed for tag in build.tags):
        fields["tags"] = Override([renamed.get(tag, tag) for tag in build.tags])
    args = dict(_args(service, renamed))
    return {**fields, "args": args} if args else fields


def _args(service: Service, renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield build arguments that name an image which is built here, as `FROM ${BASE}` needs."""
    for name, value in service.build.args.items() if service.build is not None else ():
        if value in renamed:
            yield name, renamed[value]


def _changes(service: Service, renamed: Mapping[str, str]) -> Iterator[Change]:
    if service.image in renamed:
        after = renamed[service.image]
        why = WHY if service.build is not None else "another service of the file builds it"
        yield Change("image", "image", service.image, after, why, service.name)
    for tag in service.build.tags if service.build is not None else ():
        if tag in renamed:
            yield Change("image", "build.tags", tag, renamed[tag], WHY, service.name)
    for name, value in _args(service, renamed):
        before = "" if service.build is None else service.build.args[name]
        why = "it names an image that is built here"
        yield Change("image", f"build.args.{name}", before, value, why, service.name)
