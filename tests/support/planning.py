"""A plan from what Compose would report, written as Python values."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from composeports.core.compose_reader import read_project
from composeports.core.engine_address import LOCALHOST
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.plan.external_networks import with_own_networks
from composeports.core.plan.host_facts import NO_HOST_FACTS, HostFacts
from composeports.core.plan.override import Override
from composeports.core.plan.plan import ObservedConfig, Plan, make_plan
from composeports.core.plan.variable_effects import compare
from composeports.core.ports import PortBlock
from composeports.core.settings import Settings

PROJECT = "ac-0123abcd"


@dataclass(frozen=True)
class Planned:
    """A plan with its parts in the form that tables compare."""

    plan: Plan

    def changes(self, *kinds: str) -> list[tuple[str, str, str, str]]:
        """Return (service, where, from, to) of the changes of these kinds."""
        return [
            (change.service, change.where, change.before, change.after)
            for change in self.plan.changes
            if change.kind in kinds
        ]

    def override(self, *path: str) -> object:
        """Return the value of the override document at a path; None if there is none."""
        node: object = self.plan.override
        for key in path:
            node = node.get(key) if isinstance(node, Mapping) else None
            node = node.value if isinstance(node, Override) else node
        return node

    @property
    def warnings(self) -> list[str]:
        return list(self.plan.warnings)

    @property
    def left(self) -> list[tuple[str, str, str]]:
        """Return (service, where, value) of all that stays as it is."""
        return [(each.service, each.where, each.value) for each in self.plan.left]

    @property
    def shared(self) -> list[tuple[str, str]]:
        return [(each.kind, each.name) for each in self.plan.shared]

    @property
    def acknowledged(self) -> list[tuple[str, str]]:
        return [(each.kind, each.name) for each in self.plan.shared if each.acknowledged]


def plan_of(
    config: Mapping[str, object],
    *,
    marked: Mapping[str, object] | None = None,
    marks: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    subnets: Mapping[str, str] | None = None,
    pins: Mapping[str, int] | None = None,
    offsets: Mapping[str, int] | None = None,
    size: int = 100,
    worktree: str = "/repo",
    default_ports: bool = False,
    host: str = LOCALHOST,
    required: Collection[str] = (),
    unproved: tuple[str, ...] = (),
    host_facts: HostFacts = NO_HOST_FACTS,
) -> Planned:
    """Plan a file; the keywords are the rest of what a plan depends on."""
    config = {"name": PROJECT, **config}
    lease = Lease(
        "session",
        PortBlock(10000, size),
        PROJECT,
        0,
        60,
        pins=pins or {},
        subnets=subnets or {},
        offsets=offsets or {},
        place=WorktreeLocation(worktree, worktree + "/.git", worktree, "main"),
        stack=ComposeInvocation(default_ports=default_ports),
        host=host,
    )
    effects = compare(config, {"name": PROJECT, **(marked or config)}, marks or {})
    project = with_own_networks(read_project(config), settings or Settings())
    observed = ObservedConfig(
        project, effects, values or {}, config, frozenset(required), unproved, host_facts
    )
    return Planned(make_plan(observed, lease, settings=settings))
