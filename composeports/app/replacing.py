"""Undoing what a Compose that was killed while it replaced containers has left behind."""

import re
from collections.abc import Iterable

from composeports.app.workspace import Workspace
from composeports.host.engine import Container

# What Compose calls a new container until it has removed the one that it replaces. Where such a
# one is left, the next `docker compose up` fails with a conflict of names.
REPLACEMENT = re.compile(r"[0-9a-f]{12}_")


def undo_half_replaced(workspace: Workspace, project: str, containers: Iterable[Container]) -> None:
    """Remove replacements that never ran, where what they were to replace is still there."""
    own = [each for each in containers if each.project == project]
    standing = {each.service for each in own if not REPLACEMENT.match(each.name)}
    begun = [
        each.id
        for each in own
        if each.state == "created" and REPLACEMENT.match(each.name) and each.service in standing
    ]
    if begun:
        workspace.doors.say("an earlier up was killed while it replaced containers: beginning anew")
        # Without force, and without volumes: one that runs by now stays.
        workspace.doors.engine.answer("rm", *begun)
