"""`composeports hook`: git's post-checkout hook, put in and taken out."""

import os

import click

from composeports.cli.opening import note
from composeports.cli.output import as_json_option, visible, write_json
from composeports.host import hooks
from composeports.host.hooks import Changed

EPILOG = """\b
Examples:
  composeports hook install
  composeports hook uninstall
"""


@click.group("hook", epilog=EPILOG, subcommand_metavar="install|uninstall")
def command() -> None:
    """Let git lease ports for every new worktree, by a post-checkout hook of this repository.

    At each checkout it tells of worktrees that are gone and still hold ports. It never makes git
    fail, and does nothing where composeports is not on PATH.
    """


@command.command("install")
@as_json_option
def install(*, as_json: bool) -> None:
    """Put the hook in, beside what is in the file already; all worktrees share it.

    Refused (exit 78, with the line to add by hand) where the file is not a shell script, is
    tracked by git, or serves other repositories, too.
    """
    _tell(hooks.install(os.getcwd(), os.environ), "installed", as_json=as_json)


@command.command("uninstall")
@as_json_option
def uninstall(*, as_json: bool) -> None:
    """Take the hook out, and leave the file as it was before."""
    _tell(hooks.uninstall(os.getcwd(), os.environ), "uninstalled", as_json=as_json)


def _tell(done: Changed, word: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"ok": True, "path": done.path, "changed": done.changed})
    elif done.changed:
        note(visible(f"{word}: {done.path}"))
    else:
        note(visible(f"nothing to do: {done.path} is {word} already"))


@command.command("run", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> int:
    """Do what the hook is for; mostly reached by the short way, without click."""
    from composeports.cli.quick_hook import answer  # noqa: PLC0415 - only where git calls

    return answer(arguments)
