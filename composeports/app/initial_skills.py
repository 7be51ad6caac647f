"""The place where `init --skills` meets the installation of skills."""

import importlib
import os
from collections.abc import Mapping

from composeports.errors import UsageError


def install_skills(top: str, environ: Mapping[str, str], *, dry_run: bool) -> dict[str, str]:
    """Install the skills in a repository, or look; return what was or would be done, by path."""
    try:
        skills = importlib.import_module("composeports.app.skills")
    except ModuleNotFoundError:
        message = "this version brings no skills"
        raise UsageError(message, hint="go without --skills") from None
    places = skills.targets((), top, environ, user=False)
    if dry_run:
        return {each.path: each.state for each in skills.check(places, named=True)}
    outcomes = skills.install(places)
    error = skills.refusal(outcomes)
    if error is not None:
        raise error
    return {os.path.relpath(each.path, top): each.done for each in outcomes}
