"""The commands that a repository's settings name for after `up`, and what a user allows of them."""

import json
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from composeports.core.settings import Settings
from composeports.core.wait_options import is_wait, is_wait_said

FIRST_UP, UP = "first-up", "up"


class AfterCommand(NamedTuple):
    """A command line for `sh -c`, and its key in the table `[after]`: "first-up" or "up"."""

    key: str
    line: str


def commands_of(settings: Settings) -> tuple[AfterCommand, ...]:
    """Return the commands of the settings, in the order in which they run."""
    lines = ((FIRST_UP, settings.after_first_up), (UP, settings.after_up))
    return tuple(AfterCommand(key, line) for key, line in lines if line)


def allowed_key(repository: str, folder: str, commands: Sequence[AfterCommand]) -> str:
    """Return the key of the record by which a user allows these commands.

    `repository` is the path of its main checkout, and `folder` that of the settings file, relative
    to the checkout. With another text of a command, or elsewhere, the key is another one.
    """
    content = [repository, folder, *map(list, commands)]
    return sha256(json.dumps(content).encode("utf-8", "surrogateescape")).hexdigest()


def record_text(key: str, repository: str, commands: Iterable[AfterCommand]) -> str:
    """Return the content of the record: the key, and for people what was allowed."""
    document = {"repository": repository, "after": dict(commands)}
    return f"{key}\n{json.dumps(document)}\n"


def is_record_of(text: str, key: str) -> bool:
    """Return True if the record allows the commands with this key."""
    return text.partition("\n")[0] == key


def why_not_run(
    arguments: Sequence[str], started: Collection[str], whole: Collection[str], *, foreground: bool
) -> str:
    """Return why no command runs after this `up`; empty if the commands run.

    They need the whole stack, running and healthy. `started` are the services that this `up`
    starts, `whole` those that an `up` without arguments starts.
    """
    if foreground:
        return "`up` stays in the foreground"
    if is_wait_said(arguments) and not is_wait(arguments):
        return "`up` does not wait for healthy services"
    if not {*whole} <= {*started}:
        return f"`up` starts only {', '.join(sorted(started))}"
    return ""


def shown(command: AfterCommand) -> str:
    """Return the command for people; the further lines of its text are indented."""
    return f"{command.key}: {command.line.strip()}".replace("\n", "\n    ")
