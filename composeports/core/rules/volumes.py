"""Volumes with a name of their own, and what external ones have in common."""

from composeports.core.change import Change, Node, Part, Shared, merge
from composeports.core.project import Volume
from composeports.core.rules.context import Context

WHY = "a volume of this name exists once on an engine, and its data would be shared"


def named_volumes(context: Context) -> Part:
    """Give a volume with an explicit name the session's prefix; external ones stay shared."""
    changes: list[Change] = []
    nodes: list[Node] = []
    shared: list[Shared] = []
    for volume in context.project.volumes:
        after = name_of(volume, context)
        if volume.external:
            shared.append(Shared("volume", volume.name, "the Compose file says it is external"))
        elif after != volume.name:
            changes.append(Change("volume", f"volumes.{volume.key}.name", volume.name, after, WHY))
            nodes.append({"volumes": {volume.key: {"name": after}}})
        elif context.project.is_fixed(volume.name):
            shared.append(Shared("volume", volume.name, "[isolate] volumes = false"))
    return Part(tuple(changes), merge(nodes), tuple(shared))


def name_of(volume: Volume, context: Context) -> str:
    """Return the name that the engine will know the volume by."""
    isolated = context.settings.isolate_volumes and not volume.external
    if isolated and context.project.is_fixed(volume.name):
        return context.own_name(volume.name)
    return volume.name
