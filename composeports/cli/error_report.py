"""The only error handler of the CLI: turns a failure into a message, a hint and an exit code."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import partial

import click

from composeports.cli.output import write_json
from composeports.core.visible_text import visible_lines
from composeports.errors import (
    EXIT_BUG,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    ComposeportsError,
    NoLeaseError,
    NoPortsAvailableError,
)


def guarded(call: Callable[[], int], *, wants_json: bool, environ: Mapping[str, str]) -> int:
    """Return the result of `call`; if it fails, report the failure and return its exit code."""
    try:
        return call()
    except ComposeportsError as error:
        if isinstance(error, NoPortsAvailableError) and not wants_json and _can_ask():
            return guarded(partial(_again, call, error), wants_json=False, environ=environ)
        return _report(error.as_dict(), error.exit_code, wants_json=wants_json)
    except click.exceptions.Exit as end:
        return end.exit_code
    except (click.Abort, KeyboardInterrupt):
        sys.stderr.write("\ninterrupted\n")
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        return _tell_usage(error, wants_json=wants_json)
    except BrokenPipeError:
        _give_up_stdout()
        return 0
    except Exception as error:  # noqa: BLE001 - the last handler: users must not see a traceback
        return _tell_bug(error, environ, wants_json=wants_json)


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _again(call: Callable[[], int], error: NoPortsAvailableError) -> int:
    """Offer to raise the number of sessions: call again if that was done, else report the error."""
    from composeports.cli.more_sessions import offer  # noqa: PLC0415 - only on a terminal

    if offer(error, os.environ):
        return call()
    return _report(error.as_dict(), error.exit_code, wants_json=False)


def _give_up_stdout() -> None:
    """Redirect stdout to /dev/null after its reader has ended.

    Otherwise Python would report an error when it flushes stdout at the end.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: Mapping[str, object], exit_code: int, *, wants_json: bool) -> int:
    if wants_json:
        try:
            write_json({"ok": False, "error": error})
            sys.stdout.flush()
        except BrokenPipeError:
            _give_up_stdout()
        return exit_code
    if error["code"] == NoLeaseError.code and os.environ.get("DIRENV_IN_ENVRC"):
        # direnv runs this in each shell that enters the folder; a stopped stack is no error there.
        sys.stderr.write(f"composeports: no stack's variables yet; {error['hint']}\n")
        return exit_code
    sys.stderr.write(f"error: {visible_lines(error['message'])}\n")
    if error["hint"]:
        sys.stderr.write(f"hint: {visible_lines(error['hint'])}\n")
    tell_page(str(error["code"]))
    return exit_code


def tell_page(code: str) -> None:
    """Write the command that prints the page of an error code to stderr, as the last line."""
    line = f"more: composeports explain {code}"
    is_plain = os.environ.get("NO_COLOR") or not sys.stderr.isatty()
    sys.stderr.write(f"{line if is_plain else click.style(line, dim=True)}\n")


def _tell_usage(error: click.ClickException, *, wants_json: bool) -> int:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "composeports"
    report = {
        "code": "usage",
        "message": error.format_message(),
        "hint": f"`{command} --help` shows what is accepted",
        "details": {},
    }
    return _report(report, EXIT_USAGE, wants_json=wants_json)


def _tell_bug(error: Exception, environ: Mapping[str, str], *, wants_json: bool) -> int:
    from composeports.host.bug_report import write_bug_log  # noqa: PLC0415 - only for bugs

    path = write_bug_log(environ)
    report = {
        "code": "internal",
        "message": f"composeports failed unexpectedly ({type(error).__name__})",
        "hint": f"this is a bug of composeports; please report it with the log file {path}",
        "details": {"log": path},
    }
    return _report(report, EXIT_BUG, wants_json=wants_json)
