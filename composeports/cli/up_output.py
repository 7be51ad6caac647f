"""Prints the result of `up`: the table of URLs or one JSON document, warnings and notes."""

from composeports.cli.context import inform, warn
from composeports.cli.output import prepare_table as prepare
from composeports.cli.output import visible, write_json, write_table
from composeports.usecases.up import UpResult

__all__ = ["prepare", "show"]


def show(started: UpResult, *, as_json: bool) -> None:
    """Print the result to stdout, and warnings and notes to stderr."""
    if as_json:
        write_json(_document(started))
    elif not started.code and started.containers:
        _show(started)
    for warning in started.plan.warnings:
        warn(f"warning: {visible(warning)}")
    for kept in started.plan.left if not started.code else ():
        if kept.kind == "variable":
            inform(
                visible(f"{kept.where} stays {kept.value or 'as it is'} in the stack: {kept.why}")
            )
        elif kept.kind == "script":
            inform(visible(f"{kept.where} calls {kept.value}: {kept.why}"))
    meant = [f"{each.kind} {each.name}" for each in started.plan.shared if each.acknowledged]
    if meant:
        inform(visible(f"shared by all sessions, as the settings say: {', '.join(meant)}"))
    if started.note:
        (warn if started.code else inform)(visible(started.note))


def _document(started: UpResult) -> dict[str, object]:
    if not started.code:
        seeded = [each.as_dict() for each in started.seeded]
        return {"ok": True, **started.plan.as_dict(), "seeded": seeded}
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
