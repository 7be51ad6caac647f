"""`composeports skills`: install, check and remove the bundled skills for coding agents."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click

from composeports.cli.context import inform, warn, working_directory
from composeports.cli.help_group import WholeHelpGroup
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.visible_text import visible
from composeports.usecases.skills import skills
from composeports.usecases.skills.policy import (
    CHANGED,
    CURRENT,
    FOREIGN,
    MISSING,
    STALE,
    is_skill_name,
)
from composeports.usecases.skills.skills import AGENTS, RENAMED, SkillResult

EPILOG = """\b
Examples:
  composeports skills install
  composeports skills install --agent claude --user
  composeports skills install --as validate-stack
  composeports skills check
"""


@click.group(
    "skills", cls=WholeHelpGroup, epilog=EPILOG, subcommand_metavar="install|check|uninstall"
)
def command() -> None:
    """Install the skills of composeports for coding agents: composeports and validate-feature.

    They go to .claude/skills, .codex/skills and .gemini/skills at the top of the worktree, or with
    --user in your home. Each installed copy has a marker file. Folders without the marker and
    changed copies are not touched.
    """


def _options(command: click.decorators.FC) -> click.decorators.FC:
    agent = click.option(
        "--agent", "agents", multiple=True, type=click.Choice(list(AGENTS)), help="Only this agent."
    )
    user = click.option("--user", is_flag=True, help="In your home, for all repositories.")
    return agent(user(as_json_option(command)))


def _checked_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str:
    """Return the name of `--as`, empty without one; click.BadParameter if no skill may have it."""
    if name is None:
        return ""
    if not is_skill_name(name):
        raise click.BadParameter("a skill's name has a-z, 0-9 and single hyphens (at most 64)")
    if name != RENAMED and name in skills.shipped_names():
        raise click.BadParameter(f"composeports has another skill of the name {name}")
    return name


@command.command("install")
@click.option(
    "--as",
    "name",
    metavar="NAME",
    callback=_checked_name,
    help=f"Install {RENAMED} under this name, beside another skill of its name.",
)
@_options
def install(agents: tuple[str, ...], name: str, *, user: bool, as_json: bool) -> None:
    """Install the skills, or update copies of an earlier version.

    If composeports did not create a folder with a skill's name, or a user changed a file in the
    copy, the folder stays as it is (exit 78; the rest is done). Later calls of install, check and
    uninstall find a copy with another name by its marker file.
    """
    _print_result(skills.install(_targets(agents, user=user), name), as_json=as_json)


@command.command("uninstall")
@_options
def uninstall(agents: tuple[str, ...], *, user: bool, as_json: bool) -> None:
    """Remove the copies that composeports installed, and nothing else.

    If a user changed a file in a copy, the copy stays as it is (exit 78; the rest is done).
    """
    _print_result(skills.uninstall(_targets(agents, user=user)), as_json=as_json)


@command.command("check")
@_options
def check(agents: tuple[str, ...], *, user: bool, as_json: bool) -> int:
    """Compare the copies with this version's skills; exit 1 with a diff if they differ.

    Without --agent, it checks all agents that have a copy.
    """
    outcomes = skills.check(_targets(agents, user=user), named=bool(agents))
    differences = [outcome for outcome in outcomes if outcome.state != CURRENT]
    if as_json:
        rows = [_row(outcome) | {"diff": outcome.diff} for outcome in outcomes]
        write_json({"ok": not differences, "skills": rows})
        return 1 if differences else 0
    for outcome in outcomes:
        for line in outcome.diff.splitlines():
            write_line("\t".join(map(visible, line.split("\t"))))
    sys.stdout.flush()
    for outcome in outcomes:
        user_files = f" ({', '.join(outcome.theirs)})" if outcome.theirs else ""
        warn(visible(f"{outcome.state}: {outcome.path}{user_files}"))
    if any(outcome.state in {MISSING, STALE} for outcome in differences):
        warn("hint: `composeports skills install` makes what is missing, and updates what is stale")
    if any(outcome.state in {CHANGED, FOREIGN} for outcome in differences):
        warn("hint: what a user changed or made is not touched; move it away, then install")
    return 1 if differences else 0


def _targets(agents: Sequence[str], *, user: bool) -> list[skills.SkillFolder]:
    return skills.targets(agents, working_directory(), os.environ, user=user)


def _row(outcome: SkillResult) -> dict[str, object]:
    row = asdict(outcome)
    del row["diff"]
    return row


def _print_result(outcomes: Sequence[SkillResult], *, as_json: bool) -> None:
    """Print the changes; raise the error that names the folders left unchanged, if any."""
    error = skills.refusal(outcomes)
    if as_json and not error:
        write_json({"ok": True, "skills": [_row(outcome) for outcome in outcomes]})
    if not as_json:
        for outcome in outcomes:
            if not outcome.is_left:
                inform(visible(f"{outcome.done}: {outcome.path}"))
    if error:
        raise error
