"""Answers completion requests of a shell: commands, options, services, sessions; never fails.

The protocol between the shell and the program is click's own.
"""

import sys
from collections.abc import Mapping

from click.shell_completion import get_completion_class

from composeports.cli.root import insert_command, root

PROGRAMS = {"composeports": "", "compose-up": "up", "compose-down": "down"}


def variable(program: str) -> str:
    """Return the environment variable in which click's scripts send their request."""
    return f"_{program.upper().replace('-', '_')}_COMPLETE"


def answer(program: str, environ: Mapping[str, str]) -> int:
    """Print the possible next words of the command line and return 0; on failure return 1."""
    try:
        lines = _completions(program, environ[variable(program)])
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()
    except Exception:  # noqa: BLE001 - an error text would disturb the line that the user is typing
        return 1
    return 0


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
