"""Prints the result of `up`: the table of URLs or one JSON document, warnings and notes."""

from composeports.cli.context import inform, warn
from composeports.cli.output import prepare_table, visible, write_json, write_table
from composeports.usecases.compose_up import UpResult

__all__ = ["prepare_table", "show"]


def show(started: UpResult, *, as_json: bool) -> None:
    """Print the result to stdout, and warnings and notes to stderr."""
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
        elif entry.kind == "script":
            inform(visible(f"{entry.where} calls {entry.value}: {entry.why}"))
    shared_resources = [
        f"{resource.kind} {resource.name}"
        for resource in started.plan.shared
        if resource.acknowledged
    ]
    if shared_resources:
        inform(
            visible(f"shared by all sessions, as the settings say: {', '.join(shared_resources)}")
        )
    if started.note:
        (warn if started.code else inform)(visible(started.note))


def _document(started: UpResult) -> dict[str, object]:
    if not started.code:
        copies = [copy.as_dict() for copy in started.seeded]
        return {"ok": True, **started.plan.as_dict(), "seeded": copies}
    error = {
        "code": "compose_failed",
        "message": f"docker compose up ended with exit code {started.code}",
        "hint": started.note,
        "details": {
            "exit_code": started.code,
            "compose_project_name": started.plan.project,
            "warnings": list(started.plan.warnings),
        },
    }
    return {"ok": False, "error": error}


def _show(started: UpResult) -> None:
    rows = sorted(started.published())
    title = f"Project {started.plan.project}"
    if rows:
        write_table(("Service", "Port", "URL"), rows, title=title)
    elif any(container.is_running for container in started.containers):
        inform(f"{title} is up; it publishes no port")
