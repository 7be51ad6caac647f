"""Handlers for the stack of a worktree: plan, up, down and URL, with plain values as results.

All functions block (store, engine, Compose): call them on a thread, not on an event loop.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import isdir
from typing import Any, NamedTuple

from composeports.core.service_status import by_service
from composeports.core.wait_options import wait_option
from composeports.errors import ComposeMissingError, EngineError, NoLeaseError, UsageError
from composeports.host.git import main_checkout
from composeports.servers.lease_handlers import Answer, ComposeFailedError
from composeports.servers.roots import ANYWHERE, Roots
from composeports.usecases import down as down_usecase
from composeports.usecases import plan as plan_usecase
from composeports.usecases import status
from composeports.usecases import up as up_usecase
from composeports.usecases.compose_up import UpResult
from composeports.usecases.context import Context
from composeports.usecases.main_files.main_files import complete
from composeports.usecases.options import DEFAULT_PLAN_OPTIONS, Options, PlanOptions
from composeports.usecases.seed.seed import Seed
from composeports.usecases.session import Session
from composeports.usecases.session_lookup import session_from_record, session_in_worktree

# Service names that Compose accepts; above all, it matches no option.
SERVICE = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StackTarget:
    """The stack to work on: a worktree, and the options that a command line has before the command.

    These options are `files` (Compose files), `profiles` and `session`.
    """

    worktree: str
    files: Sequence[str] = ()
    profiles: Sequence[str] = ()
    session: str | None = None
    roots: Roots = ANYWHERE

    def open_session(self, context: Context) -> Session:
        """Return the session that a command started in the worktree has.

        UsageError if the path is not absolute or not a folder. OutsideRootsError if the worktree,
        a Compose file or the stack is outside `roots`.
        """
        options = Options(
            files=tuple(self.files), profiles=tuple(self.profiles), session=self.session
        )
        session = replace(session_in_worktree(context, self.worktree), options=options)
        self.roots.check_paths(session)
        return self._without_main_outside(session)

    def _without_main_outside(self, session: Session) -> Session:
        """Return a session that does not look at its main checkout, if that is outside `roots`."""
        main = main_checkout(*session.checkout) if session.checkout else ""
        if not main or self.roots.has(main):
            return session
        return replace(session, may_use_main=False)

    def complete_session(self, context: Context) -> Session:
        """Return the same session, with the files that the worktree gets from the main checkout.

        An `.env` among them may name other Compose files, so `roots` are checked again.
        """
        session = self.open_session(context)
        if not session.may_lack_files:
            return session
        session = complete(session)
        self.roots.check_paths(session)
        return session


def plan(context: Context, target: StackTarget, options: PlanOptions) -> Answer:
    """Return what `up` would do and why; nothing is written or leased."""
    session = target.open_session(context).read_only()
    return {"success": True, **plan_usecase.plan(session, options).as_dict()}


def up_flags(*, build: bool, wait: bool | None) -> list[str]:
    """Return the options of `docker compose up`; without `wait`, the settings say whether to."""
    flags = ["--build"] if build else []
    return flags if wait is None else [*flags, wait_option(wait=wait)]


class StartArguments(NamedTuple):
    """What one start of a stack is asked for; `flags` are options of `docker compose up`.

    `seed` is the session of the same repository whose data fill empty volumes; with an empty text,
    no data is copied, whatever the settings say. Without `after`, none of the settings' commands
    runs afterwards.
    """

    services: Sequence[str] = ()
    flags: Sequence[str] = ()
    seed: str | None = None
    after: bool = True


def up(
    context: Context, target: StackTarget, options: PlanOptions, arguments: StartArguments
) -> Answer:
    """Start the stack and return its environment, ports and URLs.

    Sessions outside of the target's `roots` are never a source of data.

    UsageError if a service name is invalid. ComposeFailedError if Compose fails; its details have
    the services that failed.
    """
    for name in arguments.services:
        _check_service(name)
    seed = arguments.seed
    session = target.complete_session(context)
    request = up_usecase.UpRequest(
        (*arguments.flags, *arguments.services),
        options,
        seed=Seed(seed, own_repository=True, may_read=target.roots.has) if seed else None,
        no_seed=seed is not None,
        no_after=not arguments.after,
        may_read=target.roots.has,
    )
    result = up_usecase.up(session, request)
    failed = [service.as_dict() for service in result.failed]
    if result.code:
        note = " ".join((result.note, *result.plan.warnings)).strip()
        raise _compose_failed("up", result.code, note, services=failed, note=result.note)
    statuses = [status.as_dict() for status in by_service(result.statuses)]
    return {
        "success": True,
        **_where(result),
        "services": statuses,
        "failed_services": failed,
        "after": list(result.after),
        "note": result.note,
    }


def up_again(context: Context, session_id: str, roots: Roots, arguments: StartArguments) -> Answer:
    """Start a session's stack in the folder where it was last started, as `up` does there.

    NoLeaseError if the store knows no folder on this machine for the session, or if another session
    has this folder now. ComposeFailedError has no path of this machine.
    """
    roots.check_session(context, session_id)
    recorded = session_from_record(context, session_id)
    place = recorded.place
    if not place.directory or not place.is_on(recorded.machine) or not isdir(place.directory):
        raise NoLeaseError(
            "no stack of this session was started on this machine, or its folder is gone",
            hint="run `composeports up` in a shell in its worktree first",
        )
    given_session = None if session_id == place.session_id else session_id
    target = StackTarget(place.directory, session=given_session, roots=roots)
    if target.open_session(context).session_id != session_id:
        raise NoLeaseError(
            "the folder of this session belongs to another session now",
            hint="`composeports status` shows the sessions",
        )
    try:
        return up(context, target, DEFAULT_PLAN_OPTIONS, arguments)
    except ComposeFailedError as error:
        hint = f"the server's own output has what Compose says; {error.details['note']}"
        raise ComposeFailedError(error.message, hint=hint, **error.details) from None


def _where(started: UpResult) -> dict[str, Any]:
    document = started.plan.as_dict()
    published = [
        {"service": service, "port": port, "url": url}
        for service, port, url, _ in sorted(started.published())
    ]
    names = (
        *("session_id", "name", "compose_project_name", "env", "ports", "urls", "warnings"),
        *("missing", "copies"),
    )
    return {**{name: document[name] for name in names}, "published": published}


def down(context: Context, target: StackTarget) -> Answer:
    """Take the stack down and release its lease; volumes stay.

    ComposeFailedError if Compose fails.
    """
    result = down_usecase.down(target.open_session(context))
    if result.code:
        raise _compose_failed("down", result.code, result.note)
    return {
        "success": True,
        "session_id": result.session_id,
        "compose_project_name": result.project,
        "released": result.released,
        "note": result.note,
    }


def left(context: Context, target: StackTarget) -> str:
    """Return a sentence that says what exists of the stack and what to do next; changes nothing."""
    session = target.open_session(context)
    record = session.record()
    project = session.expected_project_name(record)
    is_held = record is not None and record.held
    lease_text = "its lease is held" if is_held else "it holds no lease"
    try:
        leftovers = down_usecase.leftovers(session, project)
    except (EngineError, ComposeMissingError):
        return (
            f"the engine does not answer, so what runs of {project} is unknown, and {lease_text}: "
            "`composeports status` shows it later"
        )
    if leftovers:
        return (
            f"the stack {project} may be only partly up ({leftovers}), and {lease_text}: "
            "`composeports up` goes on with it, `composeports down` removes it"
        )
    if is_held:
        return (
            f"nothing of {project} exists, and {lease_text}: "
            "`composeports up` starts it, `composeports down` gives its ports back"
        )
    return f"nothing of {project} exists, and {lease_text}: `composeports up` starts it"


def url(context: Context, target: StackTarget, service: str, port: str) -> Answer:
    """Return the URL, or host:port, of a service. The lease is renewed, as by every command."""
    return {
        "success": True,
        "service": service,
        "url": status.url(target.open_session(context), service, port),
    }


def _check_service(name: str) -> None:
    if not SERVICE.fullmatch(name):
        raise UsageError(
            f"{name!a} is no name of a service", hint="give names as the Compose file has them"
        )


def _compose_failed(command: str, code: int, hint: str, **details: object) -> ComposeFailedError:
    message = f"docker compose {command} ended with exit code {code}"
    return ComposeFailedError(message, hint=hint, exit_code=code, **details)
