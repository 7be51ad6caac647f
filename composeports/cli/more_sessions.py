"""Offer, on a terminal, to raise the number of sessions when all blocks are held."""

from collections.abc import Mapping

import click

from composeports.cli.context import warn
from composeports.core.machine_settings import KEYS
from composeports.errors import NoPortsAvailableError
from composeports.usecases.settings import set_value

KEY = "max_sessions"


def offer(error: NoPortsAvailableError, environ: Mapping[str, str]) -> bool:
    """Ask whether to raise `max_sessions` in the user's settings; return True if it was raised.

    Not asked if the environment sets the number, which has precedence, or no higher one fits.
    """
    number = error.details.get("suggested_max_sessions")
    if not number or environ.get(KEYS[KEY].variable, "").strip():
        return False
    warn(error.message)
    if not click.confirm(f"Raise {KEY} to {number} for good?", default=False, err=True):
        return False
    for warning in set_value(environ, KEY, str(number)):
        warn(f"warning: {warning}")
    return True
