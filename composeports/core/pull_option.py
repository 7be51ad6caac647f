"""`docker compose up --pull`: which services' images may be asked of a registry."""

from collections.abc import Collection, Mapping, Sequence

from composeports.core.compose_project import Project

PULL = "--pull"
# The values with which Compose may ask a registry, also for an image that only exists here.
ASKING = frozenset({"always", "missing"})


def split_pull(arguments: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the value of `--pull` and the other arguments.

    With another value than those of ASKING, return an empty text and all arguments.
    """
    for index, argument in enumerate(arguments):
        name, sign, value = argument.partition("=")
        if name != PULL:
            continue
        end = index + (1 if sign else 2)
        policy = value if sign else "".join(arguments[index + 1 : end])
        if policy in ASKING:
            return policy, (*arguments[:index], *arguments[end:])
    return "", tuple(arguments)


def services_to_pull(
    project: Project, override: Mapping[str, object], started: Collection[str]
) -> tuple[str, ...] | None:
    """Return the started services whose image a registry may have; None if all may.

    No registry has the tag of the session's own image: `override` names it, or the file builds an
    image without a name.
    """
    nodes = override.get("services")
    changed = nodes if isinstance(nodes, Mapping) else {}
    own = {
        service.name
        for service in project.services
        if service.name in started
        and (
            "image" in (changed.get(service.name) or {})
            or (service.build is not None and not service.image)
        )
    }
    return tuple(sorted(set(started) - own)) if own else None
