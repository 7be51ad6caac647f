"""Prints the result of `up`: the table of URLs or one JSON document, warnings and notes."""

from collections.abc import Sequence

from composeports.cli.context import inform, warn
from composeports.cli.error_report import tell_page
from composeports.cli.output import prepare_table, write_json, write_table
from composeports.core.port_keys import port_order
from composeports.core.service_status import by_service
from composeports.core.visible_text import visible
from composeports.usecases.compose_up import UpResult

__all__ = ["prepare_table", "show"]

COMPOSE_FAILED = "compose_failed"


NO_PORT = "-"


def show(started: UpResult, *, as_json: bool) -> None:
    """Print the result to stdout, and warnings, failed services and notes to stderr."""
    if as_json:
        write_json(_document(started))
    elif not started.code and started.containers:
        _show(started)
    for warning in started.plan.warnings:
        warn(f"warning: {visible(warning)}")
    for entry in started.plan.left if not started.code else ():
        if entry.kind == "variable":
            inform(
                visible(
                    f"{entry.where} stays {entry.value or 'as it is'} in the stack: {entry.why}"
                )
            )
    shared_resources = [
        f"{resource.kind} {resource.name}"
        for resource in started.plan.shared
        if resource.acknowledged
    ]
    if shared_resources:
        inform(
            visible(f"shared by all sessions, as the settings say: {', '.join(shared_resources)}")
        )
    _tell_end(started, as_json=as_json)


def _tell_end(started: UpResult, *, as_json: bool) -> None:
    """Print the services that failed, and the note."""
    kind = "failed" if started.code else "note"
    for service in started.failed:
        warn(f"{kind}: {service.text}")
    if started.note:
        (warn if started.code else inform)(visible(started.note))
    if started.code and not as_json:
        tell_page(COMPOSE_FAILED)


def _document(started: UpResult) -> dict[str, object]:
    failed = [service.as_dict() for service in started.failed]
    if not started.code:
        return {
            "ok": True,
            **started.plan.as_dict(),
            "seeded": [copy.as_dict() for copy in started.seeded],
            "services": [status.as_dict() for status in by_service(started.statuses)],
            "failed_services": failed,
            "after": list(started.after),
            "note": started.note,
        }
    error = {
        "code": COMPOSE_FAILED,
        "message": f"docker compose up ended with exit code {started.code}",
        "hint": started.note,
        "details": {
            "exit_code": started.code,
            "compose_project_name": started.plan.project,
            "warnings": list(started.plan.warnings),
            "services": failed,
        },
    }
    return {"ok": False, "error": error}


def _show(started: UpResult) -> None:
    rows = [(*entry[:3], entry.status.words) for entry in started.published()]
    published = {row[0] for row in rows}
    others = [status for status in started.statuses if status.service not in published]
    if rows or not all(status.is_plain for status in others):
        rows += [(status.service, NO_PORT, NO_PORT, status.words) for status in others]
    title = f"Session {started.plan.name}, project {started.plan.project}"
    if rows:
        write_table(("Service", "Port", "URL", "State"), sorted(rows, key=_order), title=title)
    elif any(container.is_running for container in started.containers):
        inform(f"{title} is up; it publishes no port")


def _order(row: Sequence[str]) -> tuple[str, tuple[str, int, str, int], Sequence[str]]:
    """Return a sort key for rows: by service, then by the container port as a number."""
    return row[0], port_order(row[1]), row[2:]
