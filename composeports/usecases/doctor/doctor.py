"""Run the checks of `doctor`: collect facts, check them, fix what is safe to fix.

An error in one part does not end the run. Only `fix` changes anything.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from composeports.config import Config, with_machine_settings
from composeports.core.engine_identity import NOWHERE, Viewpoint
from composeports.core.engine_traits import OTHER
from composeports.core.lease import Lease
from composeports.docker.engine import Engine
from composeports.errors import ComposeportsError
from composeports.host.kernel_ports import kernel_ports
from composeports.host.ports import taken_ports
from composeports.host.session_lock_file import hold
from composeports.paths import (
    config_cache_folder,
    default_store_url,
    session_lock,
    state_directory,
)
from composeports.stores.memory import MemoryStore
from composeports.usecases.context import Context
from composeports.usecases.doctor.collect_engine import (
    any_builds,
    read_compose,
    read_engine,
    read_pools,
    read_stacks,
)
from composeports.usecases.doctor.collect_store import SeenStore, read_store
from composeports.usecases.doctor.facts import (
    ComposeFacts,
    EngineFacts,
    EngineStack,
    Facts,
    LabelTwin,
    LinkedEnvFile,
    Problem,
    StaleFile,
)
from composeports.usecases.doctor.findings import Finding, Fix
from composeports.usecases.doctor.policy import Checkup, check_up
from composeports.usecases.doctor.stale_files import (
    apply_fix,
    list_state,
    stray_folder,
    stray_locks,
    stray_temporaries,
    temporaries_in,
)
from composeports.usecases.gc.policy import GONE
from composeports.usecases.gc.worktree_probe import probe_session
from composeports.usecases.link.env_file import env_file, linked_project
from composeports.usecases.options import Options
from composeports.usecases.session import Session

Port = tuple[int, str]
ROUNDS = 3


@dataclass(frozen=True)
class DoctorContext:
    """What `doctor` uses of the machine; tests pass their own."""

    environ: Mapping[str, str]
    cwd: str
    engine: Engine
    options: Options = field(default_factory=Options)
    now: Callable[[], float] = time.time
    find_taken_ports: Callable[[Iterable[Port]], frozenset[Port]] = taken_ports


def check(context: DoctorContext) -> tuple[Facts, Checkup]:
    """Collect all facts, run all checks, and return both."""
    facts = observe(context)
    return facts, check_up(facts)


def observe(context: DoctorContext) -> Facts:
    """Return all facts; leave out what cannot be collected, and raise no error for it."""
    troubles: list[Problem] = []
    config = Config()
    with _noting(troubles):
        config = Config.from_env(context.environ)
    is_valid = not troubles
    session = Session(_context(context, config), context.options)
    with _noting(troubles):
        _ = session.settings
    store = _store(context, troubles)
    builds = False
    with _noting(troubles):
        builds = any_builds(session.selection.files)
    view = _view(session) if store.leases else NOWHERE
    elsewhere_ids = frozenset(
        lease.session_id
        for lease in store.leases
        if not (view.has_other_id(lease) or view.is_same(lease))
    )
    facts = Facts(
        store=store.facts,
        settings=tuple(dict.fromkeys(troubles)),
        state=list_state(state_directory(context.environ), store.path),
        sessions=store.leases,
        gone=frozenset(
            lease.session_id
            for lease in store.leases
            if lease.session_id not in elsewhere_ids
            and probe_session(session, lease, store.leases)[0] == GONE
        ),
        elsewhere=elsewhere_ids,
        twins=tuple(_twins(view, store.leases)),
        grid=config.port_allocator.grid if is_valid else None,
        kernel=kernel_ports() if context.engine.is_local else None,
        now=context.now(),
    )
    facts = _with_engine(facts, context.engine, builds=builds)
    facts = replace(facts, listening=_listening(facts, context))
    return replace(
        facts, strays=tuple(_strays(facts, session)), links=tuple(_links(facts, session))
    )


def _view(session: Session) -> Viewpoint:
    """Return the engine to ask; NOWHERE if it does not answer, which another check reports."""
    try:
        return session.view
    except ComposeportsError:
        return NOWHERE


def _twins(view: Viewpoint, leases: Iterable[Lease]) -> Iterator[LabelTwin]:
    """Yield the other engines with this engine's id that have leases, or may have."""
    counts: dict[tuple[str, bool], int] = {}
    for lease in leases:
        if lease.held and not view.has_other_id(lease) and not view.is_same(lease):
            place = lease.traits.name or lease.place.machine or "another machine"
            key = place, view.sameness(lease) == OTHER
            counts[key] = counts.get(key, 0) + 1
    for (place, sure), count in sorted(counts.items()):
        yield LabelTwin(view.engine, place, view.traits.folder, count, sure)


@contextmanager
def _noting(troubles: list[Problem]) -> Iterator[None]:
    """Append a ComposeportsError to `troubles` and continue."""
    try:
        yield
    except ComposeportsError as error:
        troubles.append(Problem(error.message, error.hint))


def _context(context: DoctorContext, config: Config) -> Context:
    return Context(context.environ, context.cwd, config, MemoryStore(), context.engine)


def _store(context: DoctorContext, troubles: list[Problem]) -> SeenStore:
    with _noting(troubles):
        return read_store(_store_url(context), context.engine)
    return SeenStore()


def _store_url(context: DoctorContext) -> str:
    environ = context.environ
    with suppress(ComposeportsError):  # an error of the user's settings file is a fact already
        environ = with_machine_settings(environ)
    return environ.get("COMPOSEPORTS_STORE") or default_store_url(environ)


def _with_engine(facts: Facts, engine: Engine, *, builds: bool) -> Facts:
    engine_facts = read_engine(engine)
    compose = read_compose(engine, builds=builds)
    if engine_facts.trouble is not None:
        return replace(facts, engine=engine_facts, compose=compose, stacks=None, subnets=None)
    try:
        return _with_contents(facts, engine, engine_facts, compose)
    except ComposeportsError as error:
        engine_facts = replace(engine_facts, trouble=Problem(error.message, error.hint))
        return replace(facts, engine=engine_facts, compose=compose, stacks=None, subnets=None)


def _with_contents(facts: Facts, engine: Engine, seen: EngineFacts, compose: ComposeFacts) -> Facts:
    return replace(
        facts,
        engine=seen,
        compose=compose,
        stacks=read_stacks(engine),
        subnets=engine.subnets(),
        pools=read_pools(engine),
    )


def _listening(facts: Facts, context: DoctorContext) -> frozenset[Port]:
    """Return the ports in use in blocks that no session holds.

    Empty if the engine is remote, because its ports are not this machine's ports, and if the port
    settings are not valid.
    """
    if facts.grid is None or not context.engine.is_local:
        return frozenset()
    held_blocks = [lease.block for lease in facts.sessions if lease.held]
    return context.find_taken_ports(
        (port, kind)
        for block in facts.grid.blocks()
        if not any(map(block.overlaps, held_blocks))
        for port in range(block.start, block.last + 1)
        for kind in ("tcp", "udp")
    )


def _strays(facts: Facts, session: Session) -> Iterator[StaleFile]:
    """Yield the files that are not needed any more.

    Locks and folders are included only if the engine and the store could be read and show that no
    stack and no held lease uses them.
    """
    state = state_directory(session.context.environ)
    worktree = _here(session)
    leases = tuple(lease for lease in facts.sessions if lease.place.is_on(session.machine))
    paths = {lease.place.directory for lease in leases if lease.place.directory} | set(worktree[:1])
    yield from temporaries_in(config_cache_folder(session.context.environ))
    for directory in sorted(paths):
        yield from stray_temporaries(directory)
    if facts.stacks is None or not facts.store.is_readable or facts.store.damage:
        return
    running_projects = {stack.project for stack in facts.stacks}
    held_projects = {lease.project for lease in facts.sessions if lease.held}
    yield from stray_locks(state, frozenset(held_projects | running_projects))
    for lease in leases:
        if lease.project not in held_projects | running_projects:
            is_named = lease.shares_place
            yield from stray_folder(lease.place.directory, lease.project, named=is_named)
    if session.context.engine.is_local:  # sessions on a remote engine use a sub-folder
        yield from _stray_here(worktree, leases, facts.stacks)


def _links(facts: Facts, session: Session) -> Iterator[LinkedEnvFile]:
    """Yield the `.env` files that `composeports link` changed, here and in known directories."""
    places = [lease.place for lease in facts.sessions if lease.place.is_on(session.machine)]
    directories = {place.directory for place in places if place.directory}
    for directory in sorted(directories | set(_here(session)[:1])):
        with suppress(OSError, ComposeportsError):
            project = linked_project(directory)
            if project:
                yield LinkedEnvFile(directory, env_file(directory), project)


def _here(session: Session) -> tuple[str, ...]:
    """Return the directory, session id and expected project name of this worktree.

    Empty if it has no session.
    """
    try:
        return (
            session.place.directory,
            session.session_id,
            session.expected_project_name(None),
        )
    except ComposeportsError:
        return ()


def _stray_here(
    session_folder: tuple[str, ...], leases: tuple[Lease, ...], stacks: tuple[EngineStack, ...]
) -> Iterator[StaleFile]:
    """Yield the stale files of the current directory if no session of the store uses it."""
    if not session_folder or session_folder[1] in {lease.session_id for lease in leases}:
        return
    directory, _, project = session_folder
    directories = {lease.place.directory for lease in leases} | {
        stack.directory for stack in stacks
    }
    if directory not in directories:
        yield from stray_folder(directory, project, named=False)


@dataclass(frozen=True, slots=True)
class FixResult:
    """What `--fix` did, one line each, and what it could not do."""

    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


def fix(context: DoctorContext, found: Checkup) -> FixResult:
    """Fix what is safe to fix; never touch containers, volumes or leases.

    Run up to ROUNDS times, because one fix may reveal the next: a file may have the same wrong mode
    as its folder had.
    """
    changes: list[str] = []
    for _ in range(ROUNDS):
        lines, failures = _apply_fixes(context, found.findings)
        changes += lines
        if not lines:
            break
        _, found = check(context)
    return FixResult(tuple(changes), tuple(failures))


def _apply_fixes(
    context: DoctorContext, findings: Iterable[tuple[str, Finding]]
) -> tuple[list[str], list[str]]:
    changes: list[str] = []
    failures: list[str] = []
    for _, finding in findings:
        if finding.fix is None:
            continue
        try:
            changes += _apply_fix(context, finding.fix)
        except (OSError, ComposeportsError) as error:
            reason = getattr(error, "strerror", "") or error
            failures.append(f"cannot fix {finding.fix.path}: {reason}")
    return changes, failures


def _apply_fix(context: DoctorContext, fix: Fix) -> list[str]:
    """Apply one fix and return a line for each change.

    A session's folder is removed only while this process holds the session lock, and only if the
    session has not taken a lease again.
    """
    if fix.kind != "folder":
        return [apply_fix(fix)]
    with hold(session_lock(context.environ, fix.project), "doctor", 0, lambda _: None) as lock:
        if lock is None or _is_used_again(context, fix.project):
            return []
        changes = [apply_fix(fix)]
        lock.remove()
        return changes


def _is_used_again(context: DoctorContext, project: str) -> bool:
    """Return True if a session has taken a lease on the folder's project since the check.

    Also True if the store cannot be read.
    """
    store = read_store(_store_url(context), context.engine)
    return not store.facts.is_readable or any(
        lease.held and lease.project == project for lease in store.leases
    )
