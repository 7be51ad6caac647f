"""Clean up sessions that are over: inspect, decide, check again under the session lock, remove."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from shlex import quote

from composeports.core.engine_resources import EngineResource
from composeports.core.lease import Lease
from composeports.core.session_name import name_of
from composeports.docker.config_cache import forget_abandoned
from composeports.docker.resources import list_resources, remove, stop
from composeports.errors import FileAccessError, SeedBusyError
from composeports.host.record_file import is_on_record, remove_record
from composeports.host.session_folder import OwnFolder, files_in
from composeports.host.session_lock_file import SessionLock, hold, is_held
from composeports.paths import config_cache_folder, first_up_record, seed_record, session_lock
from composeports.usecases.gc.policy import (
    EXPIRED,
    REASONS,
    WORKTREE_GONE,
    GcDecision,
    confirm,
    doubt,
    is_sessions_image,
    judge,
    of_another_engine,
    of_twin_engine,
    settle,
    unproven,
)
from composeports.usecases.gc.worktree_probe import probe_session
from composeports.usecases.link.link import remove_link_of as forget_link
from composeports.usecases.other_engine import on_another_engine
from composeports.usecases.release import remove_link_of_released
from composeports.usecases.seed.journal import hold_record
from composeports.usecases.session import Session

KINDS = ("container", "network", "image", "volume")


def _ignore_message(_text: str) -> None:
    """Ignore the text."""


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was removed of one session, or would be removed by a real run after `--dry-run`.

    `left` has one line for each thing that was not removed, with the reason.
    """

    lease: Lease
    why: str
    removed: tuple[EngineResource, ...] = ()
    left_volumes: tuple[str, ...] = ()
    released: bool = False
    left: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Return the reason as text."""
        return REASONS[self.why]

    def names(self, kind: str) -> list[str]:
        """Return the names of the removed things of one kind."""
        return [resource.name for resource in self.removed if resource.kind == kind]

    def as_dict(self) -> dict[str, object]:
        """Return this result as an entry of `gc --json`."""
        return {
            "session_id": self.lease.session_id,
            "name": name_of(self.lease),
            "compose_project_name": self.lease.project,
            "worktree": self.lease.place.worktree,
            "why": self.why,
            "removed": {f"{kind}s": self.names(kind) for kind in KINDS},
            "left_volumes": list(self.left_volumes),
            "released": self.released,
            "left": list(self.left),
        }


@dataclass(frozen=True, slots=True)
class _GcRun:
    """One run of `gc` over all sessions that the store knows.

    `seen` are the engine's resources and `known` are the leases, both read before the run. `at` is
    called with a text before a session is cleaned up.
    """

    session: Session
    dry_run: bool = False
    volumes: bool = False
    seen: Sequence[EngineResource] = ()
    known: Sequence[Lease] = ()
    at: Callable[[str], None] = _ignore_message

    def run(self) -> Iterator[GcResult]:
        holders = {lease.project: lease.session_id for lease in self.known if lease.held}
        for lease in self.known:
            # The project belongs to the session that holds a lease with this project name.
            if holders.get(lease.project, lease.session_id) != lease.session_id:
                continue
            verdict = self.judge(lease, _of_project(self.seen, lease.project), tell=True)
            if verdict.why:
                result = self.preview(verdict) if self.dry_run else self.clean(verdict)
                if result is not None and _is_told(result):
                    yield result

    def judge(
        self, lease: Lease, found: Sequence[EngineResource], *, tell: bool = False
    ) -> GcDecision:
        state, probe = probe_session(self.session, lease, self.known)
        verdict = judge(lease, state, found, self.session.context.now())
        marks = (resource.mark for resource in found if resource.kind == "container")
        if on_another_engine(self.session, lease, marks):
            verdict = GcDecision(lease, kept=self.elsewhere(verdict))
        message = verdict.kept or ("" if verdict.why else doubt(lease, state, probe))
        if tell and message:
            self.session.context.report(message)
        return verdict

    def elsewhere(self, verdict: GcDecision) -> str:
        """Return the message for a lease that is kept because it is on another engine.

        Empty for a lease that is not held. On an engine with the same id it is also empty for a
        lease that would be kept anyway.
        """
        lease = verdict.lease
        if self.session.view.has_other_id(lease):
            return of_another_engine(lease) if lease.held else ""
        return of_twin_engine(lease) if lease.held and verdict.why else ""

    def preview(self, verdict: GcDecision) -> GcResult | None:
        """Return what `clean` would do; change nothing.

        None if another command holds the session lock or copies from the session's volumes.
        """
        lease = verdict.lease
        environ = self.session.context.environ
        paths = (session_lock(environ, lease.project), _read_lock(self.session, lease))
        if any(map(is_held, paths)):
            self.report_locked(lease)
            return None
        resources = _of_project(self.seen, lease.project)
        removals, kept_volumes = self.split(verdict, resources)
        leftovers = self.unproven(verdict, resources)
        return GcResult(
            lease, verdict.why, tuple(removals), kept_volumes, released=lease.held, left=leftovers
        )

    def split(
        self, verdict: GcDecision, found: Iterable[EngineResource]
    ) -> tuple[list[EngineResource], tuple[str, ...]]:
        """Return the things to remove, in this order, and the names of the volumes to keep."""
        kinds = self.kinds(verdict)
        found = list(found)
        unproven_resources = unproven(verdict.lease, found)
        removals = [resource for kind in kinds for resource in found if resource.kind == kind]
        removals = [resource for resource in removals if resource not in unproven_resources]
        return removals, tuple(resource.name for resource in found if resource.kind not in kinds)

    def kinds(self, verdict: GcDecision) -> tuple[str, ...]:
        """Return the kinds of things to remove, in this order.

        Volumes are included only for a deleted worktree, and only if the user asked for it.
        """
        return KINDS if self.volumes and verdict.why == WORKTREE_GONE else KINDS[:-1]

    def unproven(self, verdict: GcDecision, found: Iterable[EngineResource]) -> tuple[str, ...]:
        """Return one line for each thing that is kept because another owner may have made it."""
        kinds = self.kinds(verdict)
        return tuple(
            f"{resource.kind} {resource.name}: its labels do not say that it is this session's; "
            f"`docker {resource.kind} rm {quote(resource.name)}` removes it, if it is of no use"
            for resource in unproven(verdict.lease, found)
            if resource.kind in kinds
        )

    def clean(self, verdict: GcDecision) -> GcResult | None:
        """Take the session lock, decide again, and clean up if the decision is still the same.

        Return None if another process holds the lock or copies the session's volumes, or if the
        decision has changed. If the session holds no lease at the end, its lock file is deleted.
        """
        self.at(f"cleaning up after {verdict.lease.project}")
        with exclusive(self.session, verdict.lease) as lock:
            if lock is None:
                self.report_locked(verdict.lease)
                return None
            try:
                return self.clean_with_lock(verdict)
            except SeedBusyError:
                self.report_locked(verdict.lease)
                return None
            finally:
                record = self.session.context.store.get(verdict.lease.session_id)
                if record is None or not record.held:
                    lock.remove()

    def clean_with_lock(self, verdict: GcDecision) -> GcResult | None:
        context, lease = self.session.context, verdict.lease
        resources = _of_project(list_resources(context.engine, lease.project), lease.project)
        if self.judge(lease, resources) != verdict or not self.confirmed(lease):
            return None
        if is_on_record(seed_record(context.environ, lease.project)):
            from composeports.usecases.seed import seed as seeding  # noqa: PLC0415 - after a kill

            seeding.repair(self.session, lease.project)
            resources = _of_project(list_resources(context.engine, lease.project), lease.project)
        removals, kept_volumes = self.split(verdict, resources)
        removed_resources, failures = self.remove(verdict, removals)
        leftovers = (*self.unproven(verdict, resources), *failures)
        is_blocked = any(line.startswith(("container", "network")) for line in failures)
        is_released = False if is_blocked else self.settle(verdict, [*kept_volumes, *leftovers])
        return GcResult(
            lease,
            verdict.why,
            removed_resources,
            kept_volumes,
            released=is_released,
            left=leftovers,
        )

    def confirmed(self, lease: Lease) -> bool:
        outcome = self.session.context.store.update(
            lease.session_id, lambda snapshot: confirm(snapshot, lease)
        )
        return outcome.lease is not None

    def remove(
        self, verdict: GcDecision, things: Sequence[EngineResource]
    ) -> tuple[tuple[EngineResource, ...], tuple[str, ...]]:
        """Remove the things; return the removed ones, and one line for each failure.

        Running containers are removed only for a deleted worktree, and `docker stop` lets them end
        first.
        """
        engine = self.session.context.engine
        worktree_gone = verdict.why == WORKTREE_GONE
        if worktree_gone:
            stop(engine, [resource.id for resource in things if resource.running])
        removed_resources: list[EngineResource] = []
        failures: list[str] = []
        for resource in things:
            reason = remove(
                engine, resource, force=worktree_gone, volumes=self.volumes and worktree_gone
            )
            if reason:
                failures.append(f"{resource.kind} {resource.name}: {reason}")
            else:
                removed_resources.append(resource)
        return tuple(removed_resources), tuple(failures)

    def settle(self, verdict: GcDecision, left: Sequence[str]) -> bool:
        """Release the lease; return True if it was held and now is not.

        The session's whole record is deleted if its worktree is deleted and nothing was left,
        volumes included. For an expired lease of this machine the session's folder and the link in
        its `.env` are removed as well.
        """
        lease = verdict.lease
        forget = verdict.why == WORKTREE_GONE and not left
        outcome = self.session.context.store.update(
            lease.session_id, lambda snapshot: settle(snapshot, lease, forget=forget)
        )
        is_settled = outcome.forget or outcome.lease is not None
        is_local = lease.place.is_on(self.session.machine)
        if is_settled and is_local and verdict.why == EXPIRED and lease.place.directory:
            _own_folder(lease).remove()
            remove_link_of_released(self.session, lease)
        elif is_settled and verdict.why == WORKTREE_GONE:
            forget_link(lease, self.session.context.report)
        return is_settled and lease.held

    def report_locked(self, lease: Lease) -> None:
        self.session.context.report(f"{lease.project} is kept: another command is using it")


def clean(
    session: Session,
    *,
    dry_run: bool = False,
    volumes: bool = False,
    at: Callable[[str], None] = _ignore_message,
) -> Iterator[GcResult]:
    """Clean up, one by one, each session whose worktree is deleted or whose lease is over.

    `dry_run` changes nothing. `volumes` also removes the volumes of deleted worktrees. `at` is
    called with a text before each session is cleaned up. Raises EngineError if the engine does not
    answer, because nothing can be concluded then; nothing is changed in that case.
    """
    session.refresh_engine_identity()
    resources = list_resources(session.context.engine)
    leases = session.context.store.known()
    yield from _GcRun(session, dry_run, volumes, resources, leases, at).run()
    if not dry_run:
        _forget_locks(session)


def _forget_locks(session: Session) -> None:
    """Delete the lock files and records of unknown sessions that no process holds.

    Also delete the temporary files of killed processes in the config cache.
    """
    environ = session.context.environ
    forget_abandoned(config_cache_folder(environ))
    projects = {lease.project for lease in session.context.store.known()}
    for path in files_in(os.path.dirname(session_lock(environ, "any"))):
        if os.path.basename(path) not in projects:
            with suppress(FileAccessError), hold(path, "gc", 0, lambda _: None) as lock:
                if lock is not None:
                    lock.remove()
    for path in files_in(os.path.dirname(seed_record(environ, "any"))):
        if os.path.basename(path).partition(".")[0] not in projects:
            with suppress(FileAccessError), hold_record(path):
                pass  # releasing an empty record deletes its file
    for path in files_in(os.path.dirname(first_up_record(environ, "any"))):
        if os.path.basename(path) not in projects:
            remove_record(path)


@contextmanager
def exclusive(session: Session, lease: Lease) -> Iterator[SessionLock | None]:
    """Hold the session lock, and keep other sessions from copying the session's volumes.

    Yield None if another process holds the session lock or copies the volumes.
    """
    path = session_lock(session.context.environ, lease.project)
    with hold(path, "gc", 0, lambda _: None) as lock:
        if lock is None:
            yield None
            return
        # Another session may be copying this session's volumes.
        with hold_record(_read_lock(session, lease)) as read_lock:
            yield lock if read_lock is not None else None


def _of_project(found: Iterable[EngineResource], project: str) -> list[EngineResource]:
    """Return the resources that belong to the project.

    An image in this list has some project's label, but the list does not say which. It belongs to
    the project if its name says so.
    """
    return [
        resource
        for resource in found
        if resource.project == project
        or (resource.kind == "image" and is_sessions_image(resource.name, project))
    ]


def _is_told(cleaned: GcResult) -> bool:
    return bool(cleaned.removed or cleaned.left_volumes or cleaned.left or cleaned.released)


def _read_lock(session: Session, lease: Lease) -> str:
    return seed_record(session.context.environ, lease.project) + ".read"


def _own_folder(lease: Lease) -> OwnFolder:
    return OwnFolder(lease.place.directory, lease.project if lease.shares_place else "")
