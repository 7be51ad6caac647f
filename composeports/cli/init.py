"""`composeports init`: inspect a repository, and write the files that the user asks for."""

import os
import sys
from collections.abc import Sequence

import click

from composeports.cli.context import inform, open_session, warn, working_directory
from composeports.cli.output import as_json_option, write_json, write_line
from composeports.core.plan.plan import Plan
from composeports.core.visible_text import visible
from composeports.errors import ComposeportsError
from composeports.usecases.init.init import (
    CI,
    InitOptions,
    Repository,
    inspect_repository,
    refusal,
    work_out,
    write,
)
from composeports.usecases.init.policy import LEFT, InitStep, next_step
from composeports.usecases.init.skills import install_skills
from composeports.usecases.options import Options

CLIENTS = ("claude", "codex", "gemini", "vscode")
ENVRC = ".envrc"
EPILOG = """\b
Examples:
  composeports init
  composeports init --settings --direnv --dry-run
  composeports init --mcp claude --mcp codex --skills --ci github
"""


@click.command("init", epilog=EPILOG)
@click.option("--settings", is_flag=True, help="Write composeports.toml; it explains each setting.")
@click.option("--direnv", is_flag=True, help="Write .envrc; it gives shells the stack's variables.")
@click.option(
    "--mcp", "clients", multiple=True, type=click.Choice(CLIENTS), help="Write this client's file."
)
@click.option("--skills", is_flag=True, help="Install the skills for coding agents.")
@click.option(
    "--ci", multiple=True, type=click.Choice(list(CI)), help="Write a CI job with the stack."
)
@click.option(
    "--template",
    is_flag=True,
    help="Without a Compose file: write the agent-coordinator stack.",
)
@click.option("--dry-run", is_flag=True, help="Show the changes as diffs; write nothing.")
@as_json_option
@click.pass_obj
def command(
    options: Options,
    clients: tuple[str, ...],
    ci: tuple[str, ...],
    *,
    settings: bool,
    direnv: bool,
    skills: bool,
    template: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Inspect a repository, and write the requested files at its top.

    Without a flag it shows the Compose files and what `up` would do with them; on a terminal it
    asks what to write. It never overwrites existing content: it adds to a file if that is safe,
    else it leaves the file (exit 78; it does the rest). Running it again changes nothing.
    """
    repository = inspect_repository(working_directory(), os.environ)
    plan = _plan(options) if repository.files else None
    if not as_json:
        _show(repository, plan)
    if not any((settings, direnv, clients, ci, template, skills)) and _can_ask(as_json=as_json):
        settings, direnv, clients, skills, ci, template = _ask(repository)
    init_options = InitOptions(settings, direnv, template, ci, _servers(clients))
    steps = work_out(repository, init_options)
    if not dry_run:
        write(repository, steps)
    skill_states = install_skills(repository.top, os.environ, dry_run=dry_run) if skills else {}
    error = refusal(steps)
    if error is not None and as_json and not dry_run:
        raise error
    if as_json:
        write_json(_document(repository, plan, steps, skill_states, dry_run=dry_run))
    else:
        _print_result(steps, skill_states, dry_run=dry_run)
    if error is not None and not dry_run:
        raise error
    if not as_json and not steps and not skill_states:
        inform(
            "nothing was asked for, so nothing is written: `composeports init --help` has the list"
        )
    if not as_json and not dry_run:
        if any(step.path == ENVRC and step.is_to_write for step in steps):
            inform(f"next: direnv allow, since {ENVRC} is new to it")
        found = inspect_repository(working_directory(), os.environ)
        inform(f"next: {visible(next_step(found.files, found.below))}")


def _plan(options: Options) -> Plan | None:
    """Return the plan of `up`; if there is none, print the reason to stderr and return None."""
    from composeports.usecases.plan import plan  # noqa: PLC0415 - only with a Compose file

    try:
        with open_session(options) as session:
            return plan(session.read_only())
    except ComposeportsError as error:
        warn(f"no plan: {visible(error.message)}")
        return None


def _show(found: Repository, made: Plan | None) -> None:
    write_line(f"Repository     {visible(found.top)}")
    write_line(f"Compose files  {_listed(found.files or found.below)}")
    if not found.files and found.below:
        write_line(
            f"               not found by Compose from here; --settings names {found.proposed[0]}"
        )
    if made is None:
        return
    write_line(f"Ports          {_listed(tuple(made.ports))}")
    write_line(f"Changes        {len(made.changes)}, as `composeports plan` shows")
    for shared in made.shared:
        write_line(visible(f"Shared         {shared.kind} {shared.name}: {shared.why}"))
    for warning in made.warnings:
        write_line(f"Not isolated   {visible(warning)}")


def _listed(names: Sequence[str]) -> str:
    return visible(", ".join(names)) or "none"


def _can_ask(*, as_json: bool) -> bool:
    return not as_json and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(
    found: Repository,
) -> tuple[bool, bool, tuple[str, ...], bool, tuple[str, ...], bool]:
    """Ask for the choices that flags would make; the default answer selects nothing."""
    template = False
    if not found.files and not found.below:
        template = _yes("Write the agent-coordinator stack (docker-compose.yml)?")
    settings = _yes("Write composeports.toml?")
    direnv = _yes("Write .envrc, for direnv?")
    clients = _several("MCP clients to configure for composeports", CLIENTS)
    skills = _yes("Install the skills for coding agents?")
    ci = _several("CI jobs to write", tuple(CI))
    return settings, direnv, clients, skills, ci, template


def _yes(question: str) -> bool:
    return click.confirm(question, default=False, err=True)


def _several(question: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    text = f"{question} ({', '.join(choices)}; empty for none)"

    def parted(answer: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(answer.replace(",", " ").split()))
        for name in names:
            if name not in choices:
                # click prints this and asks again, so that a typo does not lose all the answers.
                raise click.UsageError(f"{visible(name)!r} is none of {', '.join(choices)}.")
        return names

    selection: tuple[str, ...] = click.prompt(
        text, default="", show_default=False, err=True, value_proc=parted
    )
    return selection


def _servers(clients: Sequence[str]) -> dict[str, tuple[str, dict[str, object] | str]]:
    """Return the entry for each client's file.

    It has the program's name without a path, because the repository is used on many machines.
    """
    from composeports.servers.mcp.client_config import NAME, entry, snippet  # noqa: PLC0415 - rare

    return {
        client: ("", snippet(client, NAME)) if client == "codex" else entry(client, NAME)
        for client in dict.fromkeys(clients)
    }


def _document(
    found: Repository,
    made: Plan | None,
    steps: Sequence[InitStep],
    installed: dict[str, str],
    *,
    dry_run: bool,
) -> dict[str, object]:
    files = [{"path": step.path, "state": step.state, "why": step.why} for step in steps]
    if dry_run:
        files = [row | {"diff": step.diff} for row, step in zip(files, steps, strict=True)]
    return {
        "ok": True,
        "top": found.top,
        "compose_files": list(found.files or found.below),
        "ports": dict(made.ports) if made else {},
        "warnings": list(made.warnings) if made else [],
        "files": files,
        "skills": installed,
    }


def _print_result(steps: Sequence[InitStep], installed: dict[str, str], *, dry_run: bool) -> None:
    for step in steps:
        if dry_run and step.is_to_write:
            for line in step.diff.splitlines():
                write_line("\t".join(map(visible, line.split("\t"))))
        elif not dry_run or step.why:
            reason = f" ({step.why})" if step.why else ""
            (warn if step.state == LEFT else inform)(visible(f"{step.state}: {step.path}{reason}"))
    for path, state in installed.items():
        inform(visible(f"{state}: {path}"))
