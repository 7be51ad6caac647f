"""From what Compose and the engine said to a lease with its plan; nothing is started here."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from composeports.core.labels import Mark, session_label
from composeports.core.lease import ComposeInvocation, Lease
from composeports.core.ledger import StoreSnapshot
from composeports.core.plan.external_networks import with_own_networks
from composeports.core.plan.plan import ObservedConfig, Plan, make_plan
from composeports.core.plan.port_pins import pins_of
from composeports.core.ports import PortBlock
from composeports.core.protected_names import settable
from composeports.core.settings import Settings
from composeports.core.subnets import SubnetNeed, needs_of
from composeports.docker.compose_config import ConfigAnswer, ConfigQuery
from composeports.docker.containers import Container
from composeports.errors import ComposeMissingError, EngineError, NotIsolatedError
from composeports.host.git import is_linked
from composeports.usecases.host_facts import look_around
from composeports.usecases.lease import subnets_in_use, with_subnets
from composeports.usecases.session import Session


class PlanOptions(NamedTuple):
    """What one command wants of its plan, beyond the settings.

    `strict` refuses a plan with warnings; `default_ports` keeps the file's own host ports; `spill`
    gives every network a subnet of ours, for an engine whose own pools are used up; blocks in
    `avoid` are not taken, or given up.
    """

    strict: bool = False
    default_ports: bool = False
    spill: bool = False
    avoid: frozenset[PortBlock] = frozenset()


NO_WISHES = PlanOptions()


class ExistingResources(NamedTuple):
    """The marks of what the engine has of a project, beside containers."""

    project: str
    marks: Mapping[str, Mark]


class PlanDraft(NamedTuple):
    """Everything that a plan is made from, but for the lease."""

    observed: ObservedConfig
    settings: Settings
    stack: ComposeInvocation
    pins: Mapping[str, int]
    needs: tuple[SubnetNeed, ...]
    in_use: tuple[str, ...]
    strict: bool
    lasting: ExistingResources | None = None
    adopted: tuple[str, ...] = ()
    adopts: bool = False

    def finish(self, lease: Lease, ledger: StoreSnapshot) -> Lease:
        """Return a granted lease with all that its plan gives out, to be stored in one step.

        NotIsolatedError where the plan has warnings and none are wanted.
        """
        if self.needs:
            pool = self.settings.subnet_pool
            lease = with_subnets(lease, ledger, self.needs, self.in_use, pool)
        lease = replace(
            lease,
            stack=self.stack,
            marks=self._marks(lease),
            former_stores=self._former_stores(lease),
        )
        made = self.plan(lease)
        if self.strict and made.warnings:
            raise _not_isolated(made)
        return replace(
            lease,
            offsets=made.offsets,
            ports=made.ports,
            urls=made.urls,
            environment=settable(made.variables),
            standings=made.standings,
            stack=self.stack._replace(overridden=bool(made.override)),
        )

    def _marks(self, lease: Lease) -> Mapping[str, Mark] | None:
        """Return what volumes and networks are marked with, from when the stack was begun."""
        if self.lasting is None:
            return lease.marks
        # A session whose likely name is another one's gets the next name, and nothing is there.
        return self.lasting.marks if self.lasting.project == lease.project else {}

    def _former_stores(self, lease: Lease) -> tuple[str, ...]:
        """Return the ids of former stores, with those whose stack is adopted."""
        adopted = list(self.adopted)
        if self.adopts:
            named = session_label(lease.session_id)
            marks = self._marks(lease) or {}
            adopted += [each.store for each in marks.values() if each.session == named]
        found = dict.fromkeys((*lease.former_stores, *adopted))
        return tuple(each for each in found if each not in {"", lease.store})

    def plan(self, lease: Lease) -> Plan:
        """Return the plan on a lease."""
        return make_plan(self.observed, lease, settings=self.settings)


def _not_isolated(made: Plan) -> NotIsolatedError:
    listed = "\n".join(f"  {text}" for text in made.warnings)
    return NotIsolatedError(
        f"the stack cannot be isolated:\n{listed}",
        hint="each line says a way out; without --strict (strict = true in the settings) they are "
        "warnings; nothing was started",
        warnings=list(made.warnings),
    )


def observe(
    session: Session, *, engine_needed: bool = True
) -> tuple[ConfigAnswer, tuple[Container, ...] | None]:
    """Ask Compose and the engine side by side; what Compose refuses is told first."""
    answer = ConfigQuery(session.queries).finish()
    try:
        return answer, session.queries.listing.containers()
    except (EngineError, ComposeMissingError) as error:
        if engine_needed:
            raise
        session.context.say(f"{error.message}; what runs, and on which ports, is unknown")
        return answer, None


def draft(
    session: Session,
    observed: ObservedConfig,
    containers: tuple[Container, ...] | None,
    options: PlanOptions,
    *,
    engine_needed: bool = True,
) -> PlanDraft:
    """Work out what the session wants of its lease, and look at what is around the project."""
    settings = session.settings
    project = with_own_networks(observed.project, settings)
    around = look_around(session, project, containers)
    observed = observed._replace(project=project, around=around)
    default_ports = options.default_ports or (settings.main_keeps_ports and _is_main(session))
    needs = tuple(_needs(session, observed, spill=options.spill))
    return PlanDraft(
        observed=observed,
        settings=settings,
        stack=session.stack._replace(default_ports=default_ports),
        pins=pins_of(observed.project, observed.moves, settings, default_ports=default_ports),
        needs=needs,
        in_use=_in_use(session, engine_needed=engine_needed) if needs else (),
        lasting=_lasting(session, engine_needed=engine_needed),
        strict=options.strict or settings.strict,
        adopts=session.options.adopt,
    )


def _lasting(session: Session, *, engine_needed: bool) -> ExistingResources | None:
    """Return what is left of an earlier stack, where this one is begun and the engine says it."""
    asked = session.queries.lasting
    if asked is None:
        return None
    try:
        return ExistingResources(session.queries.project, asked.marks())
    except (EngineError, ComposeMissingError):
        if engine_needed:
            raise
        return None


def _is_main(session: Session) -> bool:
    """Tell whether this is the main checkout of a repository, and its own session."""
    git_dir = session.place.git_dir
    return bool(git_dir) and session.given_session is None and not is_linked(git_dir)


def _needs(session: Session, observed: ObservedConfig, *, spill: bool) -> Iterator[SubnetNeed]:
    """Yield what the file fixes, and once the engine's pools were used up, the rest as well.

    A network that got a subnet of ours then keeps it, as Compose would have to make it anew.
    """
    record = session.record()
    known = record.subnets if record else {}
    standing = _standing_networks(session) if spill else frozenset()
    for need in needs_of(observed.project, spill=spill or bool(known)):
        if need.old or need.key in known or (spill and need.network not in standing):
            yield need


def _standing_networks(session: Session) -> frozenset[str]:
    """Return the keys of the networks that the stack has; what they have is left as it is."""
    project = session.expected_project_name(session.record())
    return frozenset(session.context.engine.network_keys(project))


def _in_use(session: Session, *, engine_needed: bool) -> tuple[str, ...]:
    if engine_needed:
        return subnets_in_use(session)
    with suppress(EngineError, ComposeMissingError):
        return subnets_in_use(session)
    return ()
