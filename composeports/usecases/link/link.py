"""Let plain `docker compose` use the session's stack: a block in the project's own `.env`."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from composeports.core.lease import Lease
from composeports.errors import ComposeportsError, NoLeaseError
from composeports.host.atomic_files import read_file
from composeports.host.session_files import OWN_ENV
from composeports.usecases.lease import renew_lease
from composeports.usecases.link import env_file
from composeports.usecases.link.policy import overridden
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock
from composeports.usecases.status import variables_of


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What `link` did: the file, whether it was changed, and notes for the user.

    `overridden` are variables whose own lines in the file have no effect while it is linked.
    """

    path: str
    project: str
    changed: bool
    overridden: tuple[str, ...]
    notes: tuple[str, ...]


def link(session: Session) -> LinkResult:
    """Write the session's variables into the project's `.env`.

    Raises NoLeaseError if no stack was started, and UserFileError if the file must not be changed.
    """
    with hold_session_lock(session, "link"):
        lease = renew_lease(session)
        folder = session.folder.path
        if not lease.stack.files or not os.path.exists(os.path.join(folder, OWN_ENV)):
            raise NoLeaseError(
                f"this session holds ports, but no stack was started: {session.session_id}",
                hint="`composeports up` starts it; then link",
                session_id=session.session_id,
            )
        directory = session.selection.directory
        path = env_file.env_file(directory)
        previous_project = env_file.linked_project(directory)
        pairs = variables_of(lease, folder)
        is_changed = env_file.put_in(directory, lease.project, pairs, session.environ)
        overridden_names = tuple(overridden(read_file(path) or b"", pairs))
        return LinkResult(
            path, lease.project, is_changed, overridden_names, _notes(lease, path, previous_project)
        )


def _notes(lease: Lease, path: str, before: str) -> tuple[str, ...]:
    notes = []
    if before not in {"", lease.project}:
        notes.append(f"it was linked to {before} before")
    other_files = [
        file for file in lease.stack.env_files if os.path.realpath(file) != os.path.realpath(path)
    ]
    if other_files:
        notes.append(f"plain `docker compose` does not read {', '.join(other_files)}")
    if any(b"env_file" in (read_file(file, follow=True) or b"") for file in lease.stack.files):
        notes.append(
            "services with `env_file: .env` get these variables, too, and are recreated by the "
            "next `up`"
        )
    return tuple(notes)


@dataclass(frozen=True, slots=True)
class UnlinkResult:
    """What `unlink` did: the file, and whether it was changed."""

    path: str
    changed: bool


def unlink(session: Session) -> UnlinkResult:
    """Restore the project's `.env`, whatever project it is linked to; needs no lease."""
    directory = session.selection.directory
    is_changed = env_file.take_out(directory)
    record = session.record()
    if record is not None:
        remove_link_of(record, session.context.report)  # a killed `link` may have left an entry
    return UnlinkResult(env_file.env_file(directory), changed=is_changed)


def update_link(session: Session, lease: Lease) -> None:
    """Update a linked `.env` to the new plan.

    An error is reported to the user and not raised. A file that is linked to another project is
    left, with a message to the user.
    """
    directory = session.selection.directory
    path = env_file.env_file(directory)
    project = env_file.linked_project(directory)
    if project and project != lease.project:
        session.context.report(
            f"{path} is linked to {project}, which is not this session: `composeports link` links "
            "it to this one, `composeports unlink` to none"
        )
        return

    def renew() -> None:
        if env_file.renew(directory, project, variables_of(lease, session.folder.path)):
            session.context.report(f"{path} is linked to what is planned now")

    if project:
        _report_failure(session.context.report, renew)


def remove_link(directory: str, project: str, report: Callable[[str], None]) -> None:
    """Restore `.env` if it is linked to the project, whose ports are being released.

    Otherwise plain `docker compose up` would start on ports that no session holds.
    """

    def take_out() -> None:
        if env_file.linked_project(directory) == project and env_file.take_out(directory):
            report(f"unlinked: {env_file.env_file(directory)}")

    _report_failure(report, take_out)


def remove_link_of(lease: Lease, report: Callable[[str], None]) -> None:
    """Remove the session's entry from git's exclude file.

    A deleted worktree or a killed command may have left it there.
    """
    git_dir = lease.place.git_dir

    def take_out() -> None:
        if git_dir and env_file.is_excluded(git_dir, lease.project):
            env_file.remove_git_exclusion(git_dir, lease.project)

    _report_failure(report, take_out)


def _report_failure(report: Callable[[str], None], action: Callable[[], None]) -> None:
    try:
        action()
    except ComposeportsError as error:
        report(f"{error.message}; {error.hint}")
