"""HTTP responses for errors: status, code, message and next step, no details of the machine."""

from composeports.core.ownership import first_names
from composeports.errors import (
    EXIT_BUG,
    EXIT_CONFIG,
    EXIT_ENGINE,
    EXIT_NO_LEASE,
    EXIT_TRY_LATER,
    EXIT_USAGE,
    ComposeportsError,
)

STATUS = {
    EXIT_USAGE: 400,
    EXIT_NO_LEASE: 404,
    EXIT_ENGINE: 503,
    EXIT_TRY_LATER: 409,
    EXIT_CONFIG: 500,
    EXIT_BUG: 500,
}
# The error codes of requests that the server refuses even with a valid key.
FORBIDDEN = frozenset({"outside_roots"})
# The "try later" errors that concern the whole machine and not one session.
BUSY = frozenset({"store_busy"})
# The error codes whose messages are sent: they contain only names of this project, and numbers.
MESSAGES_SENT_UNCHANGED = frozenset(
    {"stack_left", "no_lease", "no_ports_available", "compose_failed"}
)
WORDS = {
    "engine_unreachable": ("the Docker engine did not answer", "start the engine, then try again"),
    "compose_missing": ("Docker or its Compose plugin is missing on the server", ""),
    "session_busy": (
        "a command works on this session's stack right now",
        "wait for its end, then try again",
    ),
    "project_foreign": (
        "another session or program started the project of this session's name; it is not touched",
        "`composeports down` in the session's folder says who",
    ),
    "store_busy": ("the lease store is locked by something else", "try again"),
    "outside_roots": (
        "the session's worktree is in no folder that this server works in (--root)",
        "ask about a worktree below one of the server's folders",
    ),
    "store_unusable": ("the lease store cannot be used", "`composeports doctor` says why"),
}
DEFAULT_MESSAGE = "that failed on the server"
DEFAULT_HINT = "the server's own output says more"


def status_of(error: ComposeportsError) -> int:
    """Return the HTTP status for an error of composeports."""
    if error.code in FORBIDDEN:
        return 403
    return 503 if error.code in BUSY else STATUS.get(error.exit_code, 500)


def body_of(error: ComposeportsError) -> dict[str, object]:
    """Return the JSON document for an error of composeports."""
    if error.code in MESSAGES_SENT_UNCHANGED:
        message, hint = error.message, error.hint
    else:
        message, hint = WORDS.get(error.code, (DEFAULT_MESSAGE, ""))
    names = error.details.get("left") or error.details.get("containers")
    if error.code == "project_foreign" and isinstance(names, list):
        message = f"{message}: {first_names(names)}"
    document = problem(error.code, message, hint or DEFAULT_HINT)
    if "services" in error.details:
        document["details"] = {"services": error.details["services"]}
    return document


def problem(code: str, message: str, hint: str) -> dict[str, object]:
    """Return the JSON document that every failure has."""
    return {"success": False, "error": code, "message": message, "hint": hint}
