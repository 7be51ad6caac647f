"""Find the existing session that a text on the command line means, and open it in its folder."""

import os
from collections.abc import Iterator
from dataclasses import replace

from composeports.core.lease import Lease
from composeports.core.session import check_session_id
from composeports.core.session_choice import SessionCandidate, choose_session, is_named
from composeports.core.visible_text import visible
from composeports.errors import ComposeportsError, InvalidSessionError, UsageError
from composeports.host.git import read_branch
from composeports.usecases.completion import services_of
from composeports.usecases.down import named_services
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import apart, session_from_record


def find_existing_session(session: Session) -> Session:
    """Return the session that the value of `--session` means; `session` itself without a value.

    Only for commands that need a session with a lease: a command that may start a new session takes
    the value as the id of that session.

    The value is the id of a session that the store knows, or else what `choose_session` accepts: a
    project, folder, branch or readable name of a session that holds a lease on this engine and
    machine, or a part of name, branch or folder that fits one session only. Such a session is
    returned as a command in its folder has it, and a part is reported with the session that it
    means. A value that means no session is taken as an id, so that the command reports that this
    session holds no lease.

    Raise UsageError, which lists the sessions, if several fit, and InvalidSessionError for a value
    that cannot be an id.
    """
    text = session.options.session
    if text is None or session.context.store.get(check_session_id(text)) is not None:
        return session
    return _chosen(session, text) or session


def find_named_session(session: Session, text: str) -> Session | None:
    """Return another session that a word on the command line means; None if it means none.

    The word is the id of a session that holds a lease, or else as for `find_existing_session`, with
    the same errors. Options of `session` that select files are of its own stack and do not count.
    """
    options = Options(quiet=session.options.quiet, adopt=session.options.adopt)
    session = replace(session, options=options)
    record = session.context.store.get(check_session_id(text))
    if record is not None and record.held:
        return open_lease(session, record)
    return _chosen(session, text)


def split_session(session: Session, arguments: tuple[str, ...]) -> tuple[Session, tuple[str, ...]]:
    """Return the session that the only word of the arguments means, and the other arguments.

    Return both unchanged if there are several words or none, if `--session` is given, or if the
    word is a service of this session's stack or means no session. Raise UsageError, which lists the
    sessions, if several fit.
    """
    words = named_services(arguments)
    if len(words) != 1 or session.options.session is not None:
        return session, arguments
    (word,) = words
    if is_own_service(session, word):
        return session, arguments
    try:
        named_session = find_named_session(session, word)
    except InvalidSessionError:
        named_session = None
    if named_session is None:
        return session, arguments
    # The last one, because an option before it may have the same word as its value.
    at = len(arguments) - 1 - arguments[::-1].index(word)
    return named_session, (*arguments[:at], *arguments[at + 1 :])


def split_known_session(
    session: Session, arguments: tuple[str, ...]
) -> tuple[Session, tuple[str, ...]]:
    """Return the same as `split_session`; UsageError if the only word means nothing."""
    found = split_session(session, arguments)
    words = named_services(arguments)
    if found[0] is session and len(words) == 1 and not is_own_service(session, words[0]):
        raise UsageError(
            f"neither a service nor a session is meant by {visible(words[0])!r}",
            hint="`composeports status` lists the sessions, `composeports ps` this one's services",
        )
    return found


def is_own_service(session: Session, word: str) -> bool:
    """Return True if the word is a service of the session's Compose files or of its containers."""
    if word in services_of(session):
        return True
    project = session.expected_project_name(session.record())
    return any(
        container.service == word for container in session.context.engine.containers(project)
    )


def held_here(session: Session) -> list[Lease]:
    """Return the leases of this engine whose worktrees are on this machine, lowest block first."""
    return [lease for lease in session.context.store.held() if lease.place.is_on(session.machine)]


def _chosen(session: Session, text: str) -> Session | None:
    choice = choose_session(text, _existing_path(session, text), _candidates(session))
    if choice is None:
        return None
    if choice.is_part:
        session.context.report(f"session {choice.shown}")
    return open_lease(session, choice.lease)


def _existing_path(session: Session, text: str) -> str:
    """Return the real path of an existing folder that the text names; empty if there is none."""
    path = os.path.join(session.context.cwd, os.path.expanduser(text))
    return os.path.realpath(path) if os.path.isdir(path) else ""


def _candidates(session: Session) -> Iterator[SessionCandidate]:
    for lease in held_here(session):
        git_dir = lease.place.git_dir
        branch = read_branch(git_dir) if git_dir else ""
        yield SessionCandidate(lease, branch or lease.place.branch)


def open_lease(session: Session, lease: Lease) -> Session:
    """Return the session of the lease in its folder; if that is another session now, by its record.

    A session without a folder keeps the folder of the command.
    """
    options = session.options._replace(session=lease.session_id if is_named(lease) else None)
    directory = lease.place.directory
    if not directory:
        return replace(session, options=options)
    if os.path.isdir(directory):
        opened = Session(apart(session.context, directory), options)
        try:
            if opened.session_id == lease.session_id:
                return opened
        except ComposeportsError:
            pass  # for example a copy of a worktree, or a `.env` that cannot be read
    return replace(session_from_record(session.context, lease.session_id), options=options)
