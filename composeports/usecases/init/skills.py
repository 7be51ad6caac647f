"""Install the skills for `init --skills`."""

import os
from collections.abc import Mapping

from composeports.usecases.skills import skills


def install_skills(top: str, environ: Mapping[str, str], *, dry_run: bool) -> dict[str, str]:
    """Install the skills in a repository; return what was done with each, by path.

    With `dry_run` only read the copies, and return their states. Raises FileAccessError, after
    everything else is done, if some copies must not be changed.
    """
    places = skills.targets((), top, environ, user=False)
    if dry_run:
        results = skills.check(places, named=True)
        return {os.path.relpath(result.path, top): result.state for result in results}
    outcomes = skills.install(places)
    error = skills.refusal(outcomes)
    if error is not None:
        raise error
    return {os.path.relpath(result.path, top): result.done for result in outcomes}
