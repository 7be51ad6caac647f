"""Answers completion requests of a shell: commands, options, services, sessions; never fails.

The protocol between the shell and the program is click's own.
"""

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr

from click.shell_completion import get_completion_class

from composeports.cli.root import insert_command, root

# How long a Tab takes at most.
SECONDS = 3.0
PROGRAMS = {"composeports": "", "compose-up": "up", "compose-down": "down"}


def variable(program: str) -> str:
    """Return the environment variable in which click's scripts send their request."""
    return f"_{program.upper().replace('-', '_')}_COMPLETE"


def answer(program: str, environ: Mapping[str, str]) -> int:
    """Print the possible next words of the command line and return 0; on failure return 1."""
    try:
        with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere), _time_limit():
            lines = _completions(program, environ[variable(program)])
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - an error text would disturb the line that the user is typing
        return 1
    return 0


@contextmanager
def _time_limit() -> Iterator[None]:
    """Raise TimeoutError after SECONDS: a shell waits, for example for a store's server."""

    def end(_number: int, _frame: object) -> None:
        raise TimeoutError

    earlier = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, earlier)


def _completions(program: str, instruction: str) -> list[str]:
    shell, _, request = instruction.partition("_")
    kind = get_completion_class(shell)
    if kind is None or request != "complete":
        return []
    completer = kind(root, {}, program, variable(program))
    words, incomplete = completer.get_completion_args()
    if PROGRAMS[program]:
        words = insert_command(words, PROGRAMS[program])
    return [
        completer.format_completion(item) for item in completer.get_completions(words, incomplete)
    ]
