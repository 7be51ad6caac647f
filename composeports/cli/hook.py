"""`composeports hook`: install and remove git's post-checkout hook."""

import os
import sys

import click

from composeports.cli.context import inform
from composeports.cli.output import as_json_option, visible, write_json
from composeports.usecases.hook import hook as hook_usecase
from composeports.usecases.hook.hook import HookResult

EPILOG = """\b
Examples:
  composeports hook install
  composeports hook uninstall
"""


anywhere_option = click.option(
    "--anywhere", is_flag=True, help="Write to a core.hooksPath outside of the repository, too."
)


@click.group("hook", epilog=EPILOG, subcommand_metavar="install|uninstall")
def command() -> None:
    """Let git lease ports for every new worktree, by a post-checkout hook of this repository.

    At each checkout it tells of worktrees that are gone and still hold ports. It never makes git
    fail, and does nothing where composeports is not on PATH.
    """


@command.command("install")
@anywhere_option
@as_json_option
def install(*, anywhere: bool, as_json: bool) -> None:
    """Put the hook in, beside what is in the file already; all worktrees share it.

    Refused (exit 78, with the line to add by hand) where the file is not a shell script, is a
    link, is tracked by git, or serves other repositories, too. A core.hooksPath outside of the
    repository needs --anywhere, or a yes on a terminal.
    """
    anywhere = anywhere or _is_agreed(as_json=as_json)
    result = hook_usecase.install(os.getcwd(), os.environ, anywhere=anywhere)
    _print_result(result, "installed", as_json=as_json)


@command.command("uninstall")
@anywhere_option
@as_json_option
def uninstall(*, anywhere: bool, as_json: bool) -> None:
    """Take the hook out, and leave the file as it was before."""
    anywhere = anywhere or _is_agreed(as_json=as_json)
    result = hook_usecase.uninstall(os.getcwd(), os.environ, anywhere=anywhere)
    _print_result(result, "uninstalled", as_json=as_json)


def _is_agreed(*, as_json: bool) -> bool:
    """Return True if the user agrees, on a terminal, to a change outside the repository."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    hook = hook_usecase.find_hook(os.getcwd(), os.environ)
    question = f"core.hooksPath leads out of the repository. Change {hook.path}?"
    return hook.is_elsewhere and click.confirm(visible(question), default=False, err=True)


def _print_result(done: HookResult, word: str, *, as_json: bool) -> None:
    if as_json:
        write_json({"ok": True, "path": done.path, "changed": done.changed})
    elif done.changed:
        inform(visible(f"{word}: {done.path}"))
    else:
        inform(visible(f"nothing to do: {done.path} is {word} already"))


@command.command("run", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> int:
    """Do what the hook is for; mostly reached by the short way, without click."""
    from composeports.cli.fast_hook import answer  # noqa: PLC0415 - only if git calls it

    return answer(arguments)
