"""The root command: Compose's own options, and the commands, which are imported when called."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from composeports import __version__
from composeports.cli.call_words import WORDS_BEFORE
from composeports.cli.complete import files, folders, profiles, sessions
from composeports.cli.error_report import guarded
from composeports.usecases.options import Options

# Command -> (module in `composeports.cli`, its line in `--help`), so that `--help` imports none of
# the modules.
COMMANDS = {
    "up": ("up", "Lease ports, plan, and start the stack."),
    "down": ("down", "Take the stack down and release its ports."),
    "plan": ("plan", "Show what `up` would do, and why; changes nothing."),
    "env": ("env", "Print the session's variables, or run a command with them."),
    "url": ("url", "Print the URL of one service."),
    "open": ("open_service", "Open one service in your browser."),
    "status": ("status", "List every session that holds ports."),
    "allocate": ("allocate", "Lease the session's ports only, without a stack."),
    "doctor": ("doctor", "Check everything that composeports needs; say what to do."),
    "explain": ("explain", "Say what an error code means, and what to do."),
    "release": ("release", "Release the session's ports, without a stack."),
    "gc": ("gc", "Clean up after deleted worktrees and expired leases."),
    "prune": ("prune", "The same as `gc`."),
    "allow": ("allow", "Allow the commands that the settings run after `up`."),
    "settings": ("settings", "Show all settings and their origins; set those of the machine."),
    "init": ("init", "Inspect a repository, and set it up as requested."),
    "hook": ("hook", "Let git lease ports for new worktrees."),
    "skills": ("skills", "Install the skills for coding agents; check or remove them."),
    "link": ("link", "Let plain `docker compose` and IDEs use this session's stack."),
    "unlink": ("unlink", "Undo `link`: restore `.env` as it was before."),
    "store": ("store", "Show where leases are kept; move them to another store."),
    "version": ("version", "Print the versions of composeports and of Compose."),
    "completion": ("completion", "Print the completion script for bash, zsh or fish."),
    "serve": ("serve", "Serve the same leases over HTTP."),
    "mcp": ("mcp", "Serve the same leases and stacks to MCP clients."),
}
# Docker Compose's other commands, as of 2.40; each runs on the session's stack.
PASSED_THROUGH = frozenset(
    [
        "attach",
        "bridge",
        "build",
        "commit",
        "config",
        "convert",
        "cp",
        "create",
        "events",
        "exec",
        "export",
        "images",
        "kill",
        "logs",
        "ls",
        "pause",
        "port",
        "ps",
        "publish",
        "pull",
        "push",
        "restart",
        "rm",
        "run",
        "scale",
        "start",
        "stats",
        "stop",
        "top",
        "unpause",
        "volumes",
        "wait",
        "watch",
    ]
)
# What people type for one of our commands, or for one of Compose's.
HABITS = {
    "list": "status",
    "sessions": "status",
    "clean": "gc",
    "browse": "open",
    "shell": "exec",
    "sh": "exec",
    "bash": "exec",
    "destroy": "down",
    "new": "up",
}
# A whole line for a habit whose command needs more than its name.
EXAMPLES = {"exec": "composeports exec SERVICE sh"}
FLAGS = frozenset({"--compatibility", "-q", "--quiet", "--verbose"})
TAKES_VALUE = frozenset(
    {"-f", "--file", "--profile", "--env-file", "--project-directory", "--session"}
    | {"--progress", "--ansi", "--parallel"}
)
EPILOG = """\b
Every other Docker Compose command (logs, ps, exec, run, build, ...) runs on
this session's stack: composeports logs -f web

\b
Example, in each worktree:
  composeports up --wait
  curl "$(composeports url web)"
  composeports down
"""


class LazyGroup(click.Group):
    """A click group that imports a command only when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return composeports' own commands, in the order of their usual use."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Return a command of composeports, or one that passes through to Compose.

        None for an unknown name.
        """
        if name in COMMANDS:
            module = importlib.import_module(f"composeports.cli.{COMMANDS[name][0]}")
            command: click.Command = module.command
            return command
        if name in PASSED_THROUGH:
            from composeports.cli.passthrough import passing_command  # noqa: PLC0415

            return passing_command(name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; for an unknown name, raise UsageError with the closest name."""
        if ctx.resilient_parsing:  # shell completion: the command may not be typed yet
            return super().resolve_command(ctx, args)
        if self.get_command(ctx, args[0]) is None:
            from composeports.core.close_names import closest_name  # noqa: PLC0415 - a failure

            meant = HABITS.get(args[0]) or closest_name(args[0], COMMANDS, PASSED_THROUGH)
            suggestion = f" Did you mean {meant!r}?" if meant else " See `composeports --help`."
            if meant in EXAMPLES:
                suggestion += f" For example: {EXAMPLES[meant]}"
            message = f"There is no command {args[0]!r}.{suggestion}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return the options, or commands without importing them, that start with `incomplete`."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for shells

        # fish would cut the text at a comma.
        lines = {name: line.replace(",", ";") for name, (_, line) in COMMANDS.items()}
        own_items = [CompletionItem(name, help=line) for name, line in lines.items()]
        compose_items = [
            CompletionItem(name, help="Docker Compose's own; on this stack")
            for name in sorted(PASSED_THROUGH)
        ]
        return [item for item in (*own_items, *compose_items) if item.value.startswith(incomplete)]


def _no_project_name(ctx: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        message = (
            "composeports names the project itself. To choose a session, use --session "
            f"(for example --session {value})."
        )
        raise click.UsageError(message, ctx)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
    subcommand_metavar="COMMAND [ARGS]...",
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    metavar="FILE",
    help="Compose file, as in Compose.",
    shell_complete=files,
)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    help="Profile to switch on, as in Compose.",
    shell_complete=profiles,
)
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    metavar="FILE",
    help="Env file instead of `.env`.",
    shell_complete=files,
)
@click.option(
    "--project-directory",
    metavar="DIR",
    help="Working directory, as in Compose.",
    shell_complete=folders,
)
@click.option(
    "--session",
    metavar="ID",
    help="Use this session instead of the worktree's.",
    shell_complete=sessions,
)
@click.option("-p", "--project-name", hidden=True, expose_value=False, callback=_no_project_name)
@click.option("--progress", hidden=True)
@click.option("--ansi", hidden=True)
@click.option("--parallel", hidden=True)
@click.option("--compatibility", is_flag=True, hidden=True)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors and warnings, no progress.")
@click.option("--verbose", is_flag=True, help="Print every command that runs, and its time.")
@click.version_option(__version__, "-v", "--version", message="composeports %(version)s")
@click.pass_context
def root(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    profiles: tuple[str, ...],
    env_files: tuple[str, ...],
    project_directory: str | None,
    session: str | None,
    progress: str | None,
    ansi: str | None,
    parallel: str | None,
    compatibility: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Run this repository's Docker Compose stack in every git worktree at once.

    Each worktree is a session with its own host ports. composeports does not change Compose files.
    """
    if verbose:
        from composeports.cli.trace import print_commands  # noqa: PLC0415 - only with --verbose

        print_commands()
    progress = progress or ("quiet" if quiet else None)
    value_options = {"--progress": progress, "--ansi": ansi, "--parallel": parallel}
    flags = [part for name, value in value_options.items() if value for part in (name, value)]
    flags += ["--compatibility"] if compatibility else []
    ctx.obj = Options(files, env_files, profiles, project_directory, session, tuple(flags), quiet)


def insert_command(arguments: Sequence[str], command: str) -> list[str]:
    """Return the arguments with the command inserted after the global options."""
    position = _command_position(arguments)
    return [*arguments[:position], command, *arguments[position:]]


def _command_position(arguments: Sequence[str]) -> int:
    """Return the number of words that are global options and their values."""
    position = 0
    while position < len(arguments):
        name, separator, _ = arguments[position].partition("=")
        if name in TAKES_VALUE:
            position += 1 if separator else 2
        elif name in FLAGS or name.startswith("-f"):
            position += 1
        else:
            break
    return position


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; every failure is reported as a message."""
    wants_json = (
        "--json" in arguments[: arguments.index("--")]
        if "--" in arguments
        else "--json" in arguments
    )
    return guarded(lambda: _call(arguments), wants_json=wants_json, environ=os.environ)


def _call(arguments: Sequence[str]) -> int:
    # Not `root.main`: it ends the program itself if the reader of a pipe has ended.
    with root.make_context("composeports", list(arguments)) as context:
        position = _command_position(arguments)
        context.meta[WORDS_BEFORE] = tuple(arguments[:position])
        try:
            result = root.invoke(context)
        except click.NoSuchOption as error:
            from composeports.cli.option_order import (  # noqa: PLC0415 - a failure
                check_unknown_option,
            )

            check_unknown_option(error, arguments[position + 1 :])
            raise
    sys.stdout.flush()
    return result if isinstance(result, int) else 0
