"""Volumes with an explicit name; external volumes are in external_resources.py."""

from composeports.core.compose_project import Project, Volume
from composeports.core.labels import UNMARKED
from composeports.core.plan.change import Change, Node, RuleResult, SharedResource, merge
from composeports.core.plan.rules.context import PlanContext
from composeports.core.settings import Settings

WHY = "a volume of this name exists once on an engine, and its data would be shared"


def named_volumes(context: PlanContext) -> RuleResult:
    """Give a volume with an explicit name the session's prefix."""
    changes: list[Change] = []
    nodes: list[Node] = []
    shared: list[SharedResource] = []
    for volume in context.project.volumes:
        after = name_of(volume, context)
        if volume.external:
            continue
        if after != volume.name:
            changes.append(Change("volume", f"volumes.{volume.key}.name", volume.name, after, WHY))
            nodes.append({"volumes": {volume.key: {"name": after}}})
        elif context.project.is_fixed(volume.name):
            shared.append(SharedResource("volume", volume.name, "[isolate] volumes = false"))
    return RuleResult(tuple(changes), merge(nodes), tuple(shared))


def seeded_volumes(context: PlanContext) -> RuleResult:
    """Note that the session's volumes are filled when they are made."""
    seed = context.settings.seed
    keys = [volume.key for volume in context.project.volumes if not volume.external]
    if not seed or not keys:
        return RuleResult()
    note = (
        f"`up` fills new volumes ({', '.join(keys)}) with a copy of the data of {seed}, as "
        "`seed` in the settings says; `up --no-seed` does not"
    )
    return RuleResult(notes=(note,))


def volumes_of_other_stores(context: PlanContext) -> RuleResult:
    """Warn about volumes from a session of the same name with a lease in another store."""
    lease = context.lease
    own_stores = {"", lease.store, *lease.former_stores}
    marks = lease.marks if lease.store and lease.marks else {}
    names = [
        name_of(volume, context)
        for volume in context.project.volumes
        if not volume.external
        and marks.get(f"volume:{volume.key}", UNMARKED).store not in own_stores
    ]
    if not names:
        return RuleResult()
    warning = (
        f"{', '.join(names)}: a session whose lease is in another store made it, and its data are "
        "used: a runner with the same path, or this session before its state directory was lost; "
        "`composeports up --adopt` takes it as this session's own, `composeports up --as-new` "
        "gives this session volumes of its own"
    )
    return RuleResult(warnings=(warning,))


def name_of(volume: Volume, context: PlanContext) -> str:
    """Return the volume's name on the engine."""
    return session_volume(volume, context.project, context.project_name, context.settings)


def session_volume(volume: Volume, project: Project, project_name: str, settings: Settings) -> str:
    """Return a session's name for a volume; `project_name` is the session's own."""
    is_isolated = settings.isolate_volumes and not volume.external
    return (
        f"{project_name}_{volume.name}"
        if is_isolated and project.is_fixed(volume.name)
        else volume.name
    )
