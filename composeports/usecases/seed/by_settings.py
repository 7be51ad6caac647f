"""Fill the new volumes of a session from the session that the settings name."""

from collections.abc import Callable, Mapping

from composeports.core.compose_project import Project
from composeports.core.lease import Lease
from composeports.errors import UsageError
from composeports.host.git import main_git_dir
from composeports.usecases.seed.policy import MAIN, volume_names
from composeports.usecases.seed.seed import Seed, find_seed_source, read_anywhere
from composeports.usecases.session import Session


def seed_by_settings(
    session: Session,
    lease: Lease,
    project: Project,
    override: Mapping[str, object],
    may_read: Callable[[str], bool] | None = None,
) -> Seed | None:
    """Return the seed that `seed` in the settings names, if the session has no volumes yet.

    `may_read` is as in `Seed`. None also in the session that is the source itself. If the source
    cannot be used, a warning says why, and the stack starts with empty volumes.
    """
    if not _makes_volumes(session, lease, project, override):
        return None
    wanted = Seed(
        session.settings.seed,
        own_repository=True,
        may_read=may_read or read_anywhere,
        optional=True,
    )
    if wanted.session == MAIN and _is_main(session):
        return None
    reason = _obstacle(session, lease, wanted)
    if reason:
        session.context.report(
            f"warning: the new volumes stay empty, although the settings have "
            f"seed = {wanted.session!r}: {reason}"
        )
        return None
    return wanted


def _makes_volumes(
    session: Session, lease: Lease, project: Project, override: Mapping[str, object]
) -> bool:
    """Return True if the file has volumes of the session's own, and none of them exists."""
    keys = [volume.key for volume in project.volumes if not volume.external]
    names = volume_names(project, lease.project, override)
    own_names = {names[key] for key in keys}
    return bool(own_names) and own_names.isdisjoint(session.context.engine.volumes(lease.project))


def _is_main(session: Session) -> bool:
    git_dir = session.place.git_dir
    return bool(git_dir) and main_git_dir(git_dir) == git_dir


def _obstacle(session: Session, lease: Lease, wanted: Seed) -> str:
    """Return why the source cannot be used; empty if it can."""
    if session.context.engine.is_podman:
        return "Podman's socket copies files without their owners"
    try:
        find_seed_source(session, wanted, lease)
    except UsageError as error:
        return error.message.removeprefix("--seed-from ")
    return ""
