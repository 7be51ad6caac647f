"""HTTP responses for errors: status, code, message and next step, no path of the machine."""

import re

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
from composeports.servers.step_words import SHELL, StepWords

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
ON_MACHINE = f"{SHELL} on the server's machine"
IN_FOLDER = f"{SHELL} in the session's folder"
ROUTES = StepWords(
    calls={
        "up": "POST /stacks/up",
        "down": "POST /stacks/down",
        "status": "GET /ports/status",
        "allocate": "POST /ports/allocate",
        "release": "POST /ports/release",
    },
    arguments={"--build": "`build`: true", "--wait": "`wait`: true", "--seed-from": "`seed`: {}"},
    positions={"up": ("`services`: [{}]",), "down": ("`session_id`: {}",)},
    kind="field",
    session="session_id",
    there="`session_id`: the one of that session",
    shell=ON_MACHINE,
    folder_shell=IN_FOLDER,
)
CORRECTED = "correct it, then try again"
# Message and hint of the errors whose own texts contain paths, or are for a command line.
WORDS = {
    "engine_unreachable": ("the Docker engine did not answer", "start the engine, then try again"),
    "compose_missing": (
        "Docker or its Compose plugin is missing on the server",
        "install Docker with its Compose plugin there, on the PATH of the server, then try again",
    ),
    "session_busy": (
        "a command works on this session's stack right now",
        "wait for its end, then try again",
    ),
    "project_foreign": (
        "another session or program started the project of this session's name; it is not touched",
        (
            f"`docker compose -p {{project}} down` {ON_MACHINE} removes it, if it is of no use any "
            f"more; `composeports down` {IN_FOLDER} says who started it"
        ),
    ),
    "store_busy": ("the lease store is locked by something else", "try again"),
    "outside_roots": (
        "the session's worktree is in no folder that this server works in (--root)",
        "ask about a worktree below one of the server's folders",
    ),
    "store_unusable": (
        "the lease store cannot be used",
        "`composeports doctor` says why, and what to do; then try again",
    ),
    "compose_file": (
        "Compose rejects the session's Compose file, or there is none",
        f"`composeports plan` says why; {CORRECTED}",
    ),
    "compose_limit": (
        "Compose took too much time or memory to read the session's files",
        f"`composeports plan` says more; {CORRECTED}",
    ),
    "invalid_config": (
        "a setting of the session's repository, or of the server's machine, is not accepted",
        f"`composeports plan` says which; {CORRECTED}",
    ),
    "file_unsafe": (
        "a file of the session is a pipe, a device, a link or too large, so it is not read",
        f"`composeports plan` says which; {CORRECTED}",
    ),
    "not_isolated": (
        "the stack cannot be isolated, and the settings say strict = true",
        (
            "`composeports plan` says what it shares, and the ways out; without strict = true in "
            "the settings, `composeports up` starts it all the same"
        ),
    ),
}
DEFAULT_MESSAGE = "that failed on the server"
DEFAULT_HINT = "the server's own output says more; `composeports explain {code}` says what to do"
# An absolute path, or one from a home directory; no URL.
_PATH = re.compile(r"(?:^|[\s'\"`(=,;]|:(?!//))[/~]\w")


def status_of(error: ComposeportsError) -> int:
    """Return the HTTP status for an error of composeports."""
    if error.code in FORBIDDEN:
        return 403
    return 503 if error.code in BUSY else STATUS.get(error.exit_code, 500)


def body_of(error: ComposeportsError) -> dict[str, object]:
    """Return the JSON document for an error of composeports.

    It has the words of the routes, and no path: an error whose texts contain one gets the words for
    its code.
    """
    document = problem(error.code, _message(error), ROUTES.say(_hint(error)))
    if "services" in error.details:
        document["details"] = {"services": error.details["services"]}
    return document


def _message(error: ComposeportsError) -> str:
    is_safe = error.code == "usage" and not _PATH.search(error.message)
    if is_safe or error.code in MESSAGES_SENT_UNCHANGED:
        return error.message
    summary = (type(error).__doc__ or DEFAULT_MESSAGE).partition("\n")[0].rstrip(".")
    message = WORDS.get(error.code, (summary, ""))[0]
    names = error.details.get("left") or error.details.get("containers")
    if error.code == "project_foreign" and isinstance(names, list):
        return f"{message}: {first_names(names)}"
    return message


def _hint(error: ComposeportsError) -> str:
    """Return the next step, still in the words of the command line."""
    project, left = error.details.get("project"), error.details.get("left")
    if error.code in WORDS and not left and (project or error.code != "project_foreign"):
        return WORDS[error.code][1].replace("{project}", str(project))
    if error.hint and not _PATH.search(error.hint):
        return error.hint
    if error.code == "usage":
        return "`composeports status` lists the sessions; correct the request"
    return DEFAULT_HINT.replace("{code}", error.code)


def problem(code: str, message: str, hint: str) -> dict[str, object]:
    """Return the JSON document that every failure has."""
    return {"success": False, "error": code, "message": message, "hint": hint}
