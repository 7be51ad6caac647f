"""Volumes with a name of their own; for external ones see external.py."""

from composeports.core.change import Change, Node, Part, Shared, merge
from composeports.core.project import Project, Volume
from composeports.core.rules.context import Context
from composeports.core.settings import Settings

WHY = "a volume of this name exists once on an engine, and its data would be shared"


def named_volumes(context: Context) -> Part:
    """Give a volume with an explicit name the session's prefix."""
    changes: list[Change] = []
    nodes: list[Node] = []
    shared: list[Shared] = []
    for volume in context.project.volumes:
        after = name_of(volume, context)
        if volume.external:
            continue
        if after != volume.name:
            changes.append(Change("volume", f"volumes.{volume.key}.name", volume.name, after, WHY))
            nodes.append({"volumes": {volume.key: {"name": after}}})
        elif context.project.is_fixed(volume.name):
            shared.append(Shared("volume", volume.name, "[isolate] volumes = false"))
    return Part(tuple(changes), merge(nodes), tuple(shared))


def name_of(volume: Volume, context: Context) -> str:
    """Return the name that the engine will know the volume by."""
    return session_volume(volume, context.project, context.tag, context.settings)


def session_volume(volume: Volume, project: Project, tag: str, settings: Settings) -> str:
    """Return the name that a session, whose project is `tag`, has for a volume."""
    isolated = settings.isolate_volumes and not volume.external
    return f"{tag}_{volume.name}" if isolated and project.is_fixed(volume.name) else volume.name
