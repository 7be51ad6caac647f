"""Undoing what a Compose that was killed while it replaced containers has left behind."""

from collections.abc import Iterable

from composeports.app.workspace import Workspace
from composeports.host.engine import Container

BEGINNING_ANEW = "an earlier up was killed while it replaced containers: beginning anew"


def undo_half_replaced(workspace: Workspace, project: str, containers: Iterable[Container]) -> None:
    """Remove replacements that never ran, where what they were to replace is still there.

    With them the next `docker compose up` would fail, as two have the claim to one name.
    """
    own = [each for each in containers if each.project == project]
    names = {each.name for each in own}
    begun = [each.id for each in own if each.state == "created" and each.replaces in names]
    if begun:
        workspace.doors.say(BEGINNING_ANEW)
        # Without force, and without volumes: one that runs by now stays.
        workspace.doors.engine.answer("rm", *begun)
