"""Find out whether the engine has anything of a released lease's project."""

import os

from composeports.core.engine_identity import Viewpoint
from composeports.core.lease import Lease
from composeports.errors import ComposeMissingError, EngineError
from composeports.paths import seed_record
from composeports.usecases.context import Context


def is_empty(context: Context, view: Viewpoint, record: Lease) -> bool:
    """Return True if nothing of the project exists: no container, network, volume or copy.

    Return False if that is unknown, because the engine does not answer, or because the stack was
    on another engine.
    """
    if not view.is_same(record) or os.path.exists(seed_record(context.environ, record.project)):
        return False
    engine = context.engine
    try:
        return not (
            engine.volumes(record.project)
            or engine.containers(record.project)
            or engine.networks(record.project)
        )
    except (EngineError, ComposeMissingError):
        return False
