"""`composeports settings`: show all settings and their origins; set those of the machine."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

import click

from composeports.cli.context import inform, warn, working_directory
from composeports.cli.help_group import WholeHelpGroup
from composeports.cli.output import as_json_option, write_json, write_line, write_table
from composeports.core.machine_settings import KEYS
from composeports.core.project_name import NAMINGS
from composeports.core.visible_text import visible
from composeports.host.bundled_files import read_bundled
from composeports.paths import machine_settings_file
from composeports.usecases import settings as settings_usecase
from composeports.usecases.settings import SettingValue

SCHEMA = "templates/composeports.schema.json"
EPILOG = """\b
Examples:
  composeports settings
  composeports settings get max_sessions
  composeports settings set max_sessions 100
"""


def _keys(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    return _items(KEYS, incomplete)


def _values(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[Any]:
    return _items(NAMINGS if ctx.params.get("name") == "naming" else (), incomplete)


def _items(values: Iterable[str], incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only for shells

    return [CompletionItem(value) for value in values if value.startswith(incomplete)]


@click.group(
    "settings",
    cls=WholeHelpGroup,
    epilog=EPILOG,
    subcommand_metavar="list|get|set|unset|schema",
    invoke_without_command=True,
)
@click.pass_context
def command(context: click.Context) -> None:
    """Show all settings and their origins, or set those of the machine.

    Settings of the machine are in ~/.config/composeports/config.toml; a variable of the environment
    has precedence over them. Settings of the repository are in its composeports.toml.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_settings)


@command.command("list")
@as_json_option
def list_settings(*, as_json: bool) -> None:
    """Show every setting: its value, and the file or variable that sets it."""
    values = settings_usecase.settings_values(os.environ, working_directory())
    if as_json:
        write_json([value.as_dict() for value in values])
        return
    rows = [(value.name, _shown(value), value.origin) for value in values]
    write_table(("Setting", "Value", "Origin"), rows)


@command.command("get")
@click.argument("name", shell_complete=_keys)
@as_json_option
def get(name: str, *, as_json: bool) -> None:
    """Print the value of one setting."""
    value = settings_usecase.setting_value(os.environ, working_directory(), name)
    if as_json:
        write_json(value.as_dict())
    else:
        write_line(visible(_shown(value)))


@command.command("set")
@click.argument("name", shell_complete=_keys)
@click.argument("value", shell_complete=_values)
def set_(name: str, value: str) -> None:
    """Write one setting of the machine into your settings file.

    A value that cannot work is refused, and nothing is written (exit code 78).
    """
    if not value:
        raise click.UsageError(f"the value is empty; `composeports settings unset {name}` removes")
    _change(name, value)


@command.command("unset")
@click.argument("name", shell_complete=_keys)
def unset(name: str) -> None:
    """Remove one setting of the machine from your settings file."""
    _change(name, "")


@command.command("schema")
def schema() -> None:
    """Print the JSON schema of composeports.toml, for editors."""
    sys.stdout.write(read_bundled(SCHEMA).decode())


def _change(name: str, value: str) -> None:
    warnings = settings_usecase.set_value(os.environ, name, value)
    path = machine_settings_file(os.environ)
    inform(visible(f"{path}: {f'{name} is set' if value else f'{name} is not set any more'}"))
    for warning in warnings:
        warn(visible(f"warning: {warning}"))


def _shown(value: SettingValue) -> str:
    """Return a value as text; lists and tables as in JSON, and nothing for an empty one."""
    if isinstance(value.value, (str, int)) and not isinstance(value.value, bool):
        return str(value.value)
    return json.dumps(value.value, ensure_ascii=False) if value.value not in ((), {}, None) else ""
