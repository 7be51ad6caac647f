"""`composeports env`: print the session's variables, or run one command with them."""

import click

from composeports.cli.context import existing_session_option, open_existing_session, verbose_option
from composeports.cli.output import write_line
from composeports.core.environment import FORMATS
from composeports.errors import UsageError
from composeports.host.process import NOT_FOUND, exec_program
from composeports.host.wrapper import PROJECT, is_on, unwrapped_variables
from composeports.usecases.options import Options
from composeports.usecases.status import environment

EPILOG = """\b
Examples:
  eval "$(composeports env)"
  composeports env --format fish | source
  composeports env --format dotenv > .env.session
  composeports env -- npm test
  composeports env -- make reset
  eval "$(composeports env --wrap)"
"""


@click.command(
    "env",
    epilog=EPILOG,
    context_settings={"allow_interspersed_args": False},
    short_help="Print the session's variables, or run a command with them.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    help="The format: for a POSIX shell, an env file, fish, or a program.  [default: export]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--wrap/--no-wrap",
    default=None,
    help="Put a wrapper of docker first on PATH. If a script names a Compose file, a project or a "
    "container, the wrapper replaces it by this session's. On by default for a COMMAND.",
)
@verbose_option
@existing_session_option
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]")
@click.pass_obj
def command(
    options: Options,
    form: str | None,
    session_id: str | None,
    argv: tuple[str, ...],
    *,
    as_json: bool,
    wrap: bool | None,
    verbose: bool,
) -> int:
    """Print the session's variables, or run COMMAND with them.

    They include COMPOSE_FILE and COMPOSE_ENV_FILES, so that plain `docker compose` in that shell
    uses this session's stack.
    """
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json and --format {form} contradict each other")
    with open_existing_session(options, session_id) as session:
        pairs = environment(session)
        if wrap or (wrap is None and (argv or is_on(session.context.environ))):
            # Imported late: most calls only print variables, and a prompt may wait for them.
            from composeports.usecases.wrapped import wrapped, wrapped_if_possible  # noqa: PLC0415

            pairs = (wrapped if wrap else wrapped_if_possible)(session, pairs, verbose=verbose)
        elif wrap is False:
            pairs = (*pairs, *unwrapped_variables(session.context.environ))
        environ = {**session.environ, **dict(pairs)}
    if not argv:
        write_line(FORMATS["json" if as_json else form or "export"](pairs).rstrip("\n"))
        return 0
    if environ.get(PROJECT):
        from composeports.cli.wrapper_options import warn_of_bypasses  # noqa: PLC0415 - not in prompts

        warn_of_bypasses(argv)
    code = exec_program(argv, environ, as_users_own=True)
    reason = "was not found" if code == NOT_FOUND else "cannot be run"
    raise CommandNotStartedError(f"the command {argv[0]!r} {reason}", exit_code=code)


class CommandNotStartedError(UsageError):
    """The command after `env --` did not start; the exit code is the one of env(1)."""

    code = "command_not_started"

    def __init__(self, message: str, *, exit_code: int) -> None:
        """Keep the exit code that env(1) would return."""
        super().__init__(message, hint="check its name and PATH")
        self.exit_code = exit_code
