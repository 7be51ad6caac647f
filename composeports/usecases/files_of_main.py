"""Give a new worktree the ignored files of the main checkout before a command reads them."""

from composeports.usecases.session import Session


def with_files_of_main(session: Session) -> Session:
    """Copy the files that the settings name and that are missing here; return the session after it.

    Most worktrees have nothing to copy, which is known without the modules that copy.
    """
    if not session.may_lack_files:
        return session
    from composeports.usecases.main_files.main_files import complete  # noqa: PLC0415 - rarely due

    return complete(session)
