"""Fill a new session's volumes from another session's volumes, completely or not at all."""

import os
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from composeports.core.compose_project import Project
from composeports.core.engine_resources import EngineVolume
from composeports.core.lease import Lease
from composeports.docker.engine import Engine
from composeports.docker.sdk import EngineClient
from composeports.docker.volumes import (
    SEED_LABEL,
    HelperContainers,
    VolumeMount,
    clear,
    connect,
    copy_volume,
    create_volume,
    find_volumes,
    pause,
    remove_unused_volume,
    unpause,
    users_of,
    volumes_of,
)
from composeports.errors import EngineError, SeedBusyError, SeedError, UsageError
from composeports.host.git import find_checkout, main_git_dir, read_branch
from composeports.host.signals import DeferredSignals, signals_kept_back
from composeports.paths import seed_read_lock, seed_record
from composeports.usecases.seed.journal import CopyEntry, CopyJournal, hold_lock, hold_record
from composeports.usecases.seed.plain_compose import plain_main
from composeports.usecases.seed.policy import (
    MAIN,
    SeedCandidate,
    SeedQuery,
    SeedSource,
    VolumeCopy,
    choose,
    find_source,
    labels_of,
    plain_source,
    shown_bytes,
    volume_names,
)
from composeports.usecases.session import Session


@dataclass(frozen=True, slots=True)
class Seeded:
    """One filled volume: its key in the Compose file, both names, and how many bytes it got."""

    volume: str
    source: str
    target: str
    count: int

    def as_dict(self) -> dict[str, object]:
        """Return this volume as an entry of `seeded` in JSON."""
        return {
            "volume": self.volume,
            "from": self.source,
            "to": self.target,
            "bytes": self.count,
        }


class Progress(Protocol):
    """A callback that shows the progress of a copy."""

    def __call__(self, so_far: Seeded, *, whole: bool) -> None:
        """Show one volume; `whole` is True in the last call, when it is complete."""
        ...


def read_anywhere(_directory: str) -> bool:
    """Return True: the data of every session may be read."""
    return True


def _ignore_progress(so_far: Seeded, *, whole: bool) -> None:
    """Ignore the progress."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What `up --seed-from` asks for: the source, and whether its containers are paused.

    With `own_repository`, only a session of the same repository is a source. `may_read` returns
    True for the directories whose sessions may be read. If it is `optional`, a source without
    volumes is no error.
    """

    session: str
    pause: bool = True
    progress: Progress = _ignore_progress
    own_repository: bool = False
    may_read: Callable[[str], bool] = read_anywhere
    optional: bool = False


def seed(
    session: Session,
    wanted: Seed | None,
    lease: Lease,
    project: Project,
    override: Mapping[str, object],
) -> tuple[Seeded, ...]:
    """Fill the session's empty volumes from those of another session; keep volumes with content.

    If `wanted` is None, only a copy that was killed is removed and made again. After an error or an
    interrupt, no volume of the copy is left and no container is paused. Raises SeedBusyError if
    another process is filling these volumes.
    """
    with signals_kept_back() as signals, _record(session, lease.project) as record:
        entry = _recover(session, record, signals)
        if entry is not None and wanted is None:
            session.context.report(f"the copy from {entry.session} did not end: it is made again")
            wanted = Seed(entry.session)
        if wanted is None:
            return ()
        source = find_seed_source(session, wanted, lease)
        _refuse_half_filled(session, source)
        _refuse_podman(session.context.engine)
        with connect(session.context.engine) as client:
            seeding = _Seeding(session, client, wanted, lease, source, record, signals)
            return seeding.run(project, override)


def repair(session: Session, project: str) -> None:
    """Remove what a killed copy left, and unpause the containers of its source."""
    with signals_kept_back() as signals, _record(session, project) as record:
        _recover(session, record, signals)


@contextmanager
def _record(session: Session, project: str) -> Iterator[CopyJournal]:
    with hold_record(seed_record(session.context.environ, project)) as record:
        if record is None:
            message = f"volumes of {project} are being filled by another process"
            raise SeedBusyError(message, hint="wait for its end, then try again", project=project)
        yield record


def _recover(session: Session, record: CopyJournal, signals: DeferredSignals) -> CopyEntry | None:
    """Undo a copy that was started and did not end, and return it; None if there is none."""
    entry = record.read()
    if entry is None:
        return None
    with connect(session.context.engine) as client:
        if entry.finished:  # its volumes are complete and may be in use
            clear(client, entry.token, volumes=False)
        else:
            with _hold_copy_lock(session, entry.project, signals):
                _undo(client, entry)
    record.clear()
    return None if entry.finished else entry


@contextmanager
def _hold_copy_lock(session: Session, project: str, signals: DeferredSignals) -> Iterator[None]:
    """Hold the lock for copies from the project; wait while another copy has it.

    Without the lock, this copy would unpause the containers that the other one has paused.
    """

    def wait() -> None:
        session.context.report(f"waiting for another copy of the volumes of {project}")

    lock = seed_read_lock(session.context.environ, project)
    with ExitStack() as stack:
        with signals.let_in():
            stack.enter_context(hold_lock(lock, wait))
        yield


def _undo(client: EngineClient, begun: CopyEntry) -> None:
    if begun.paused:
        unpause(client, begun.paused)
    clear(client, begun.token, volumes=True)


def find_seed_source(session: Session, wanted: Seed, lease: Lease) -> SeedSource:
    """Return the source of the copy: a session, or a stack that plain Compose started.

    UsageError if no session, several sessions, or only this one is meant.
    """
    text = wanted.session
    source = plain_source(text)
    if source is not None:
        return source
    try:
        named_lease = _session(session, wanted, lease)
    except UsageError:
        if text != MAIN or not session.may_use_main:
            raise
        source = plain_main(session)
        if source is None:
            raise
        return source
    return SeedSource(named_lease.session_id, named_lease.project)


def _session(session: Session, wanted: Seed, lease: Lease) -> Lease:
    """Return the lease of the session that is the source."""
    text, own = wanted.session, _known(lease)
    path = os.path.realpath(os.path.join(session.context.cwd, os.path.expanduser(text)))
    checkout = find_checkout(path) if os.path.exists(path) else None
    query = SeedQuery(
        text,
        path if os.path.exists(path) else "",
        checkout[1] if checkout is not None else "",
    )
    # A lock here does not stop commands on another machine while its volumes are read.
    leases = session.context.store.known()
    candidates = [
        _known(known_lease)
        for known_lease in leases
        if known_lease.place.is_on(session.machine) and wanted.may_read(known_lease.place.directory)
    ]
    if wanted.own_repository:
        query = SeedQuery(text)
        candidates = [
            candidate
            for candidate in candidates
            if own.repository and candidate.repository == own.repository
        ]
    return find_source(query, own, candidates)


def _refuse_half_filled(session: Session, source: SeedSource) -> None:
    """Raise SeedBusyError if the source's own volumes are not complete.

    Another process is filling them, or was killed while it filled them.
    """
    if os.path.exists(seed_record(session.context.environ, source.project)):
        message = f"the volumes of {source.name} ({source.project}) are not whole yet"
        hint = "wait for `composeports up` there, or run it again"
        raise SeedBusyError(message, hint=hint, project=source.project)


def _refuse_podman(engine: Engine) -> None:
    """Raise SeedError for Podman.

    Podman makes root the owner of all files that it copies, and then a database does not start.
    """
    if engine.is_podman:
        raise SeedError(
            "Podman's socket copies files without their owners, so nothing was copied",
            hint="copy each volume where Podman runs, while nothing uses it: "
            "podman volume export OLD | podman volume import NEW -; or leave out --seed-from",
        )


def _known(lease: Lease) -> SeedCandidate:
    git_dir = lease.place.git_dir
    if not git_dir:
        return SeedCandidate(lease)
    return SeedCandidate(lease, main_git_dir(git_dir), read_branch(git_dir) or lease.place.branch)


@dataclass(frozen=True)
class _Seeding:
    """One copy, from the choice of the volumes to the last byte."""

    session: Session
    client: EngineClient
    wanted: Seed
    lease: Lease
    source: SeedSource
    record: CopyJournal
    signals: DeferredSignals

    def report(self, text: str) -> None:
        self.session.context.report(text)

    def run(self, project: Project, override: Mapping[str, object]) -> tuple[Seeded, ...]:
        names = volume_names(project, self.lease.project, override)
        source_volumes = volumes_of(self.client, self.source.project)
        choice = choose(project.volumes, names, source_volumes)
        for skipped_volume in choice.skipped:
            self.report(f"volume {skipped_volume.key} is not copied: {skipped_volume.why}")
        if not choice.copies:
            self._refuse_nothing(source_volumes)
            return ()
        entry = CopyEntry(os.urandom(8).hex(), self.source.name, self.source.project)
        self.record.write(entry)
        try:
            seeded_volumes = self._copy_all(choice.copies, entry, override)
        except BaseException:
            self._undo()
            raise
        self.record.finish(entry)
        clear(self.client, entry.token, volumes=False)
        self.record.clear()
        return seeded_volumes

    def _refuse_nothing(self, volumes: Sequence[EngineVolume]) -> None:
        if not volumes and not self.wanted.optional:
            message = f"{self.source.name} ({self.source.project}) has no volumes to copy"
            hint = "start its stack first, or leave out --seed-from"
            raise UsageError(message, hint=hint, session=self.source.name)

    def _undo(self) -> None:
        """Remove everything that the copy made and unpause its source.

        If the engine refuses, report it to the user; the next `up` or `down` tries again.
        """
        entry = self.record.read()
        if entry is None or entry.finished:
            return
        try:
            _undo(self.client, entry)
        except (EngineError, SeedError) as error:
            self.report(f"{error.message}; the next `composeports up` or `down` tries again")
        else:
            self.record.clear()

    def _copy_all(
        self, copies: Sequence[VolumeCopy], begun: CopyEntry, override: Mapping[str, object]
    ) -> tuple[Seeded, ...]:
        helpers = HelperContainers(self.client, begun.token)
        free_copies = self._into_empty(copies, helpers)
        if not free_copies:
            return ()
        with _hold_copy_lock(self.session, self.source.project, self.signals):
            try:
                self._pause(free_copies, begun)
                seeded_volumes = self._copy(free_copies, helpers, begun.token, override)
            finally:
                self._let_go_on(begun)
        total = shown_bytes(sum(seeded_volume.count for seeded_volume in seeded_volumes))
        volumes = "1 volume" if len(seeded_volumes) == 1 else f"{len(seeded_volumes)} volumes"
        self.report(f"copied {volumes} of {self.source.project}, {total} in all")
        return seeded_volumes

    def _into_empty(
        self, copies: Sequence[VolumeCopy], helpers: HelperContainers
    ) -> list[VolumeCopy]:
        """Return the copies whose target volume does not exist.

        A target that exists, is empty, is of this project and is not in use is removed first.
        """
        existing_volumes = {
            volume.name: volume
            for volume in find_volumes(self.client, [copy.target for copy in copies])
        }
        mount = helpers.mount(list(existing_volumes), read_only=True) if existing_volumes else None
        full_names = {
            name for name in existing_volumes if mount is not None and not mount.is_empty(name)
        }
        if mount is not None:
            mount.remove()
        return [
            volume
            for volume in copies
            if self._is_free(volume, existing_volumes.get(volume.target), full_names)
        ]

    def _is_free(self, copy: VolumeCopy, volume: EngineVolume | None, full: Container[str]) -> bool:
        if volume is None:
            return True
        if volume.name in full:
            reason = "has content, which stays (`composeports down -v` would remove it)"
        elif volume.project != self.lease.project:
            reason = "exists and is not of this project"
        elif not remove_unused_volume(self.client, volume.name):
            reason = "is used by a container (`composeports down` first)"
        else:
            return True
        self.report(f"volume {copy.key} is not copied: {volume.name} {reason}")
        return False

    def _pause(self, copies: Sequence[VolumeCopy], begun: CopyEntry) -> None:
        """Pause the source's running containers that use the volumes.

        Their ids are on record before. A container of another project is not paused; warn about it.
        """
        if not self.wanted.pause:
            return
        users = users_of(self.client, (container.source for container in copies))
        running_users = [container for container in users if container.state == "running"]
        for container in running_users:
            if container.project != self.source.project:
                self.report(f"warning: {container.name} uses a volume too, and is not paused")
        ids = tuple(
            container.id for container in running_users if container.project == self.source.project
        )
        if ids:
            self.record.write(replace(begun, paused=ids))
            pause(self.client, ids)

    def _let_go_on(self, begun: CopyEntry) -> None:
        entry = self.record.read()
        if entry is not None and entry.paused:
            unpause(self.client, entry.paused)
            self.record.write(begun)

    def _copy(
        self,
        copies: Sequence[VolumeCopy],
        helpers: HelperContainers,
        token: str,
        override: Mapping[str, object],
    ) -> tuple[Seeded, ...]:
        for copy in copies:
            labels = {**labels_of(copy, self.lease.project, override), SEED_LABEL: token}
            driver, options = copy.volume.driver or "local", copy.volume.driver_opts
            volume = EngineVolume(copy.target, driver=driver, options=options)
            create_volume(self.client, volume, labels)
        sources = helpers.mount([copy.source for copy in copies], read_only=True)
        targets = helpers.mount([copy.target for copy in copies], read_only=False)
        return tuple(self._copy_one(copy, sources, targets) for copy in copies)

    def _copy_one(self, copy: VolumeCopy, sources: VolumeMount, targets: VolumeMount) -> Seeded:
        volume = Seeded(copy.key, copy.source, copy.target, 0)
        number = targets.names.index(copy.target)

        def tell(count: int) -> None:
            self.wanted.progress(replace(volume, count=count), whole=False)

        with self.signals.let_in():
            count = copy_volume(sources, targets, number, tell)
        filled_volume = replace(volume, count=count)
        self.wanted.progress(filled_volume, whole=True)
        return filled_volume
