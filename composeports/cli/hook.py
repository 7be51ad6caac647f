"""`composeports hook`: install and remove git's post-checkout hook."""

import os
import sys

import click

from composeports.cli.context import inform
from composeports.cli.help_group import WholeHelpGroup
from composeports.cli.output import as_json_option, write_json
from composeports.core.visible_text import visible
from composeports.usecases.hook import hook as hook_usecase
from composeports.usecases.hook.hook import HookResult

EPILOG = """\b
Examples:
  composeports hook install
  composeports hook uninstall
"""


anywhere_option = click.option(
    "--anywhere", is_flag=True, help="Also write to a core.hooksPath outside of the repository."
)


@click.group("hook", cls=WholeHelpGroup, epilog=EPILOG, subcommand_metavar="install|uninstall")
def command() -> None:
    """Install a post-checkout hook in this repository that leases ports for every new worktree.

    At each checkout, the hook also prints which deleted worktrees still hold ports. It never makes
    git fail. It does nothing if composeports is not on PATH.

    If all blocks are held, the oldest of these leases that no command has used gives way.
    """


@command.command("install")
@anywhere_option
@as_json_option
def install(*, anywhere: bool, as_json: bool) -> None:
    """Add the hook to the hook file, and keep the rest of the file; all worktrees share it.

    Fails (exit 78, with the line to add by hand) if the file is not a shell script, is a link, is
    tracked by git, or also serves other repositories. If core.hooksPath is outside of the
    repository, --anywhere is needed, or a yes on a terminal.
    """
    anywhere = anywhere or _is_agreed(as_json=as_json)
    result = hook_usecase.install(os.getcwd(), os.environ, anywhere=anywhere)
    _print_result(result, "installed", as_json=as_json)


@command.command("uninstall")
@anywhere_option
@as_json_option
def uninstall(*, anywhere: bool, as_json: bool) -> None:
    """Remove the hook, and restore the file as it was before."""
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
    """Do the hook's work; git usually reaches `fast_hook` directly, without click."""
    from composeports.cli.fast_hook import answer  # noqa: PLC0415 - only if git calls it

    return answer(arguments)
