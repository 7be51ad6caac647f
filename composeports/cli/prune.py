"""`composeports prune`: another name of `composeports gc`."""

from copy import copy

from composeports.cli.gc import command as gc

EPILOG = """\b
Examples:
  composeports prune --dry-run
  composeports prune --volumes
"""

command = copy(gc)
command.name, command.epilog = "prune", EPILOG
