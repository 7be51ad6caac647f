"""`up`: start a session's stack on ports that nothing else uses."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from composeports.errors import ComposeportsError
from composeports.host.session_lock_file import SessionLock
from composeports.usecases.files_of_main import with_files_of_main
from composeports.usecases.options import DEFAULT_PLAN_OPTIONS, PlanOptions
from composeports.usecases.session import Session
from composeports.usecases.session_lock import hold_session_lock

if TYPE_CHECKING:
    from composeports.core.plan.plan import Plan
    from composeports.usecases.after_up import AfterUp
    from composeports.usecases.compose_up import UpResult
    from composeports.usecases.prepare import PreparedStack
    from composeports.usecases.seed.seed import Seed


class UpRequest(NamedTuple):
    """What one `up` is asked for; `arguments` are options of `docker compose up` and services.

    With `attach`, Compose stays in the foreground. With `as_new`, the session first takes another
    project name if a stack of another store uses its name. `seed` fills empty volumes before the
    start; without it, the settings may name a session whose data fill new volumes, unless
    `no_seed`, and only from a directory for which `may_read` returns True. `while_running` is
    called while Compose runs. With `no_after`, no command of the settings runs afterwards.
    """

    arguments: Sequence[str] = ()
    options: PlanOptions = DEFAULT_PLAN_OPTIONS
    attach: bool = False
    as_new: bool = False
    seed: "Seed | None" = None
    no_seed: bool = False
    no_after: bool = False
    may_read: Callable[[str], bool] | None = None
    while_running: Callable[[], None] | None = None


def up(session: Session, request: UpRequest) -> "UpResult":
    """Reserve the lease, write the session's files and run `docker compose up`.

    If another program took a port or a subnet, or the engine has no address pool left for a
    network, try again with other ports or subnets; PortTakenError if that does not help. If Compose
    fails, the result has the services that failed, and its note says what is left of the stack and
    the lease. Afterwards, run the commands that the settings name for it: NotAllowedError, before
    anything is changed, if this user has not allowed them, AfterFailedError if one fails.
    """
    if "--dry-run" not in request.arguments:
        session = with_files_of_main(session)
    after = _after_up(session, request)
    with _session_lock(session, as_new=request.as_new) as lock, session.queries_in_turn():
        # Compose answers the queries while these modules are imported.
        from composeports.usecases.compose_up import ComposeUp  # noqa: PLC0415
        from composeports.usecases.interrupted import recover  # noqa: PLC0415
        from composeports.usecases.prepare import prepare  # noqa: PLC0415
        from composeports.usecases.start_failure import StartAttempts  # noqa: PLC0415

        must_be_healthy = after is not None and bool(after.commands)
        compose = ComposeUp(
            session, lock, request.arguments, attach=request.attach, must_be_healthy=must_be_healthy
        )
        stack = prepare(session, request.options)
        _tell_missing(session, stack.plan)
        recover(session, lock, stack, compose)
        if after is not None and not compose.is_dry_run:
            after.note_first_up(stack)
        seeded = compose.fill_volumes(
            stack, request.seed or _seed_by_settings(session, stack, request)
        )
        code = compose.start(stack, partial(_do_chores, session, stack, request))
        attempts = StartAttempts(
            session, lock, stack, request.options, foreground=compose.foreground
        )
        while attempts.should_try_again(code, stack):
            stack = attempts.prepare(stack)
            code = compose.start(stack)
        code = compose.wait_until_started(stack, code)
        result = compose.result(stack, code, seeded)
    return result if after is None else after.finish(stack, result)


def _after_up(session: Session, request: UpRequest) -> "AfterUp | None":
    """Return what `up` does with the commands of the settings; most repositories have none."""
    settings = session.settings
    if not (settings.after_first_up or settings.after_up):
        return None
    from composeports.usecases.after_up import AfterUp  # noqa: PLC0415 - few have commands

    return AfterUp(session, request.arguments, attach=request.attach, no_after=request.no_after)


def _tell_missing(session: Session, plan: "Plan") -> None:
    """Say what is missing before the engine makes an empty folder in its place."""
    if session.incoming is None and plan.copies:
        session.context.report(f"would be taken from the main checkout: {', '.join(plan.copies)}")
    for missing in plan.missing:
        session.context.report(f"warning: {missing.why}" if missing.main else missing.why)


def _seed_by_settings(
    session: Session, stack: "PreparedStack", request: UpRequest
) -> "Seed | None":
    """Return the seed of new volumes that the settings name; None if it cannot be used."""
    if not session.settings.seed or request.no_seed or stack.had_containers:
        return None
    from composeports.usecases.seed.by_settings import seed_by_settings  # noqa: PLC0415 - rare

    return seed_by_settings(
        session, stack.lease, stack.project, stack.plan.override, request.may_read
    )


@contextmanager
def _session_lock(session: Session, *, as_new: bool) -> Iterator[SessionLock]:
    """Hold the session lock; with `as_new`, under the new project name."""
    if as_new:
        from composeports.usecases.prepare import take_new_name  # noqa: PLC0415 - rarely needed

        take_new_name(session)
    with hold_session_lock(session, "up") as lock:
        yield lock


def _do_chores(session: Session, stack: "PreparedStack", request: UpRequest) -> None:
    """Do what is due while Compose runs: tidy up, and report data of plain Compose."""
    from composeports.usecases.gc.quick import tidy  # noqa: PLC0415 - while Compose runs

    with suppress(ComposeportsError):
        tidy(session, stack.containers)
    if request.while_running is not None:
        request.while_running()
    if stack.earlier_lease is None and request.seed is None:
        from composeports.usecases.seed.plain_compose import (  # noqa: PLC0415 - the same
            report_plain_data,
        )

        with suppress(ComposeportsError):
            report_plain_data(session, stack.project)
