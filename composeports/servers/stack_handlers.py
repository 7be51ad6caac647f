"""Handlers for the stack of a worktree: plan, up, down and URL, with plain values as results.

All functions block (store, engine, Compose): call them on a thread, not on an event loop.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from composeports.errors import ComposeMissingError, EngineError, UsageError
from composeports.servers.lease_handlers import Answer, ComposeFailedError
from composeports.servers.roots import ANYWHERE, Roots
from composeports.usecases import down as down_usecase
from composeports.usecases import status
from composeports.usecases import up as up_usecase
from composeports.usecases.observe import PlanOptions
from composeports.usecases.options import Options
from composeports.usecases.session import Context, Session
from composeports.usecases.session_lock import hold_session_lock
from composeports.usecases.session_lookup import session_in_worktree
from composeports.usecases.up import UpResult

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
        return session


def plan(context: Context, target: StackTarget, options: PlanOptions) -> Answer:
    """Return what `up` would do and why; nothing is written or leased."""
    here = target.open_session(context).read_only()
    return {"success": True, **up_usecase.plan(here, options).as_dict()}


def up(
    context: Context,
    target: StackTarget,
    options: PlanOptions,
    services: Sequence[str],
    flags: Sequence[str],
) -> Answer:
    """Start the stack and return its environment, ports and URLs; `flags` are options of Compose.

    UsageError if a service name is invalid. ComposeFailedError if Compose fails.
    """
    for name in services:
        _check_service(name)
    here = target.open_session(context)
    with hold_session_lock(here, "up") as lock:
        started = up_usecase.up(here, lock, (*flags, *services), options)
    if started.code:
        told = " ".join((started.note, *started.plan.warnings)).strip()
        raise _compose_failed("up", started.code, told)
    return {"success": True, **_where(started), "note": started.note}


def _where(started: UpResult) -> dict[str, Any]:
    told = started.plan.as_dict()
    published = [
        {"service": service, "port": port, "url": url}
        for service, port, url in sorted(started.published())
    ]
    named = ("session_id", "compose_project_name", "env", "ports", "urls", "warnings")
    return {**{name: told[name] for name in named}, "published": published}


def down(context: Context, target: StackTarget) -> Answer:
    """Take the stack down and release its lease; volumes stay.

    ComposeFailedError if Compose fails.
    """
    stopped = down_usecase.down(target.open_session(context))
    if stopped.code:
        raise _compose_failed("down", stopped.code, stopped.note)
    return {
        "success": True,
        "session_id": stopped.session_id,
        "compose_project_name": stopped.project,
        "released": stopped.released,
        "note": stopped.note,
    }


def left(context: Context, target: StackTarget) -> str:
    """Return a sentence that says what exists of the stack and what to do next; changes nothing."""
    session = target.open_session(context)
    record = session.record()
    project = session.expected_project_name(record)
    held = record is not None and record.held
    lease = "its lease is held" if held else "it holds no lease"
    try:
        found = down_usecase.leftovers(session, project)
    except (EngineError, ComposeMissingError):
        return (
            f"the engine does not answer, so what runs of {project} is unknown, and {lease}: "
            "`composeports status` tells it later"
        )
    if found:
        return (
            f"the stack {project} may be only partly up ({found}), and {lease}: "
            "`composeports up` goes on with it, `composeports down` removes it"
        )
    if held:
        return (
            f"nothing of {project} exists, and {lease}: "
            "`composeports up` starts it, `composeports down` gives its ports back"
        )
    return f"nothing of {project} exists, and {lease}: `composeports up` starts it"


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


def _compose_failed(command: str, code: int, note: str) -> ComposeFailedError:
    message = f"docker compose {command} ended with exit code {code}"
    return ComposeFailedError(message, hint=note, exit_code=code)
