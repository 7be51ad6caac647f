"""How a failure looks over HTTP: a status, a code and a next step, and nothing of the machine."""

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
# What the server does not do for anybody, whatever the key.
FORBIDDEN = frozenset({"outside_roots"})
# "Try later" that is about the whole machine and not about the one session.
BUSY = frozenset({"store_busy"})
# Their own words name the session, the project and numbers, and nothing else.
TOLD_AS_THEY_ARE = frozenset({"stack_left", "no_lease", "no_ports_available", "compose_failed"})
WORDS = {
    "engine_unreachable": ("the Docker engine did not answer", "start the engine, then try again"),
    "compose_missing": ("Docker or its Compose plugin is missing on the server", ""),
    "session_busy": (
        "a command works on this session's stack right now",
        "wait for its end, then try again",
    ),
    "project_foreign": (
        "somebody else started the project of this session's name, and it is left alone",
        "`composeports down` in the session's folder says who",
    ),
    "store_busy": ("the lease store is locked by something else", "try again"),
    "outside_roots": (
        "the session's worktree is in no folder that this server works in (--root)",
        "ask about a worktree below one of the server's folders",
    ),
    "store_unusable": ("the lease store cannot be used", "`composeports doctor` says why"),
}
UNSAID = "that failed on the server"
LOOK_THERE = "the server's own output says more"


def status_of(error: ComposeportsError) -> int:
    """Return the HTTP status for one of our errors."""
    if error.code in FORBIDDEN:
        return 403
    return 503 if error.code in BUSY else STATUS.get(error.exit_code, 500)


def body_of(error: ComposeportsError) -> dict[str, object]:
    """Return the JSON document for one of our errors."""
    if error.code in TOLD_AS_THEY_ARE:
        message, hint = error.message, error.hint
    else:
        message, hint = WORDS.get(error.code, (UNSAID, ""))
    return problem(error.code, message, hint or LOOK_THERE)


def problem(code: str, message: str, hint: str) -> dict[str, object]:
    """Return the one form that a failure has."""
    return {"success": False, "error": code, "message": message, "hint": hint}
