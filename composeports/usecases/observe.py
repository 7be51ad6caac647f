"""Draft a lease and its plan from the answers of Compose and the engine; start nothing."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from composeports.core.labels import Mark, Tags, session_label, settled_tags, tags_of
from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.plan.external_networks import with_own_networks
from composeports.core.plan.plan import ObservedConfig, Plan, make_plan
from composeports.core.plan.port_pins import pins_of
from composeports.core.settings import Settings
from composeports.core.snapshot import StoreSnapshot
from composeports.core.subnets import SubnetNeed, needs_of
from composeports.docker.compose_config import ConfigAnswer, ConfigQuery
from composeports.docker.containers import Container
from composeports.errors import ComposeFileError, ComposeMissingError, EngineError, NotIsolatedError
from composeports.host.git import is_linked
from composeports.usecases.host_facts import collect_host_facts
from composeports.usecases.missing_files import with_missing_files
from composeports.usecases.options import PlanOptions
from composeports.usecases.reserve import subnets_in_use, with_subnets
from composeports.usecases.session import Session


class ExistingResources(NamedTuple):
    """The labels of a project's volumes and networks on the engine: marks and tags, by key."""

    project: str
    marks: Mapping[str, Mark]
    tags: Mapping[str, Tags]
    has_containers: bool


NOTHING_EXISTS = ExistingResources("", {}, {}, has_containers=False)


class PlanDraft(NamedTuple):
    """Everything that a plan is made from, except the lease."""

    observed: ObservedConfig
    settings: Settings
    stack: ComposeInvocation
    pins: Mapping[str, int]
    needs: tuple[SubnetNeed, ...]
    in_use: tuple[str, ...]
    strict: bool
    existing_resources: ExistingResources | None = None
    adopted_stores: tuple[str, ...] = ()
    adopt_allowed: bool = False

    def with_planned_ports(self, lease: Lease, snapshot: StoreSnapshot) -> Lease:
        """Return a granted lease with all results of its plan, to be stored in one step.

        NotIsolatedError if the plan has warnings and `strict` is set.
        """
        if self.needs:
            pool = self.settings.subnet_pool
            lease = with_subnets(lease, snapshot, self.needs, self.in_use, pool)
        lease = lease._replace(
            stack=self.stack,
            marks=self._marks(lease),
            tags=self._tags(lease),
            former_stores=self._former_stores(lease),
        )
        plan = self.plan(lease)
        if self.strict and plan.warnings:
            raise _not_isolated(plan)
        return lease._replace(
            offsets=plan.offsets,
            ports=plan.ports,
            urls=plan.urls,
            environment=plan.variables,
            standings=plan.standings,
            stack=self.stack._replace(overridden=bool(plan.override)),
        )

    def _marks(self, lease: Lease) -> Mapping[str, Mark] | None:
        """Return the marks of volumes and networks before the first start; None if unknown."""
        existing_resources = self._existing(lease)
        if existing_resources is None or lease.marks is not None:
            return lease.marks
        return existing_resources.marks

    def _tags(self, lease: Lease) -> Mapping[str, Tags] | None:
        """Return the labels for people, which stay the same while the stack exists."""
        existing_resources = self._existing(lease)
        if existing_resources is None:
            return lease.tags
        return settled_tags(
            lease.tags,
            existing_resources.tags,
            tags_of(lease.name, lease.place.branch, lease.place.worktree),
            has_containers=existing_resources.has_containers,
        )

    def _existing(self, lease: Lease) -> ExistingResources | None:
        """Return what exists of the lease's project; None if the engine was not asked."""
        existing_resources = self.existing_resources
        # If another session has the expected name, the lease has the next name, with no resources.
        if existing_resources is not None and existing_resources.project != lease.project:
            return NOTHING_EXISTS
        return existing_resources

    def _former_stores(self, lease: Lease) -> tuple[str, ...]:
        """Return the ids of the former stores, including the stores of an adopted stack."""
        store_ids = list(self.adopted_stores)
        if self.adopt_allowed:
            label = session_label(lease.session_id)
            marks = self._marks(lease) or {}
            store_ids += [mark.store for mark in marks.values() if mark.session == label]
        unique_ids = dict.fromkeys((*lease.former_stores, *store_ids))
        return tuple(store_id for store_id in unique_ids if store_id not in {"", lease.store})

    def plan(self, lease: Lease) -> Plan:
        """Return the plan for a lease."""
        return make_plan(self.observed, lease, settings=self.settings)


def _not_isolated(made: Plan) -> NotIsolatedError:
    lines = "\n".join(f"  {text}" for text in made.warnings)
    return NotIsolatedError(
        f"the stack cannot be isolated:\n{lines}",
        hint="each line says a way out; without --strict (or strict = true in the settings) "
        "`composeports up` starts it all the same; nothing was started",
        warnings=list(made.warnings),
    )


def observe(
    session: Session, *, engine_needed: bool = True
) -> tuple[ConfigAnswer, tuple[Container, ...] | None]:
    """Return the answers of Compose and of the engine, which were asked in parallel.

    An error of Compose is raised first. If the engine does not answer and `engine_needed` is False,
    report that and return None for the containers.
    """
    try:
        answer = ConfigQuery(session.queries.compose).finish()
    except ComposeFileError as error:
        from composeports.usecases.missing_files import explained  # noqa: PLC0415 - only an error

        raise explained(session, error) from None
    try:
        return answer, session.queries.listing.containers()
    except (EngineError, ComposeMissingError) as error:
        if engine_needed:
            raise
        session.context.report(f"{error.message}; what runs, and on which ports, is unknown")
        return answer, None


def draft(
    session: Session,
    observed: ObservedConfig,
    containers: tuple[Container, ...] | None,
    options: PlanOptions,
    *,
    engine_needed: bool = True,
) -> PlanDraft:
    """Return the draft of a plan: the needs of the session and the facts about the host."""
    settings = session.settings
    project = with_own_networks(observed.project, settings)
    host_facts = collect_host_facts(session, project, containers)
    host_facts = with_missing_files(session, observed, host_facts)
    observed = observed._replace(project=project, host_facts=host_facts)
    default_ports = options.default_ports or (settings.main_keeps_ports and _is_main(session))
    needs = tuple(_needs(session, observed, spill=options.spill))
    return PlanDraft(
        observed=observed,
        settings=settings,
        stack=session.stack._replace(default_ports=default_ports),
        pins=pins_of(observed.project, observed.effects, settings, default_ports=default_ports),
        needs=needs,
        in_use=_in_use(session, engine_needed=engine_needed) if needs else (),
        existing_resources=_existing_resources(
            session, containers or (), engine_needed=engine_needed
        ),
        strict=options.strict or settings.strict,
        adopt_allowed=session.options.adopt,
    )


def _existing_resources(
    session: Session, containers: Iterable[Container], *, engine_needed: bool
) -> ExistingResources | None:
    """Return the resources of an earlier stack; None if the lease knows the labels of its stack.

    Also None if the engine does not answer and `engine_needed` is False.
    """
    query = session.queries.existing_marks
    if query is None:
        return None
    try:
        labels = query.labels()
    except (EngineError, ComposeMissingError):
        if engine_needed:
            raise
        return None
    project = session.queries.project
    return ExistingResources(
        project,
        {key: own_labels.mark for key, own_labels in labels.items()},
        {key: own_labels.tags for key, own_labels in labels.items()},
        has_containers=any(container.project == project for container in containers),
    )


def _is_main(session: Session) -> bool:
    """Return True if this is the main checkout of a repository and the session has no given id."""
    git_dir = session.place.git_dir
    return bool(git_dir) and session.given_session is None and not is_linked(git_dir)


def _needs(session: Session, observed: ObservedConfig, *, spill: bool) -> Iterator[SubnetNeed]:
    """Yield a need for each subnet that the file sets and, with `spill`, for the other networks.

    `spill` means that the engine's address pools are used up. A network that got a subnet that way
    keeps it, because Compose would have to recreate the network with another one.
    """
    record = session.record()
    subnets = record.subnets if record else {}
    existing_networks = _existing_networks(session) if spill else frozenset()
    for need in needs_of(observed.project, spill=spill or bool(subnets)):
        if need.old or need.key in subnets or (spill and need.network not in existing_networks):
            yield need


def _existing_networks(session: Session) -> frozenset[str]:
    """Return the keys of the stack's existing networks; `spill` does not change their subnets."""
    project = session.expected_project_name(session.record())
    return frozenset(session.context.engine.network_keys(project))


def _in_use(session: Session, *, engine_needed: bool) -> tuple[str, ...]:
    if engine_needed:
        return subnets_in_use(session)
    with suppress(EngineError, ComposeMissingError):
        return subnets_in_use(session)
    return ()
