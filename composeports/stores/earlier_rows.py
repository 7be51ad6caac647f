"""What rows of earlier formats have to lose before they are read as rows of this one."""

import json

from composeports.core.protected_names import is_settable


def without_protected(environment: str) -> str:
    """Return the environment of a row without the variables that no store may set.

    A text that is no environment stays as it is, and is refused by its reader.
    """
    try:
        pairs = json.loads(environment)
        kept = [[name, value] for name, value in pairs if is_settable(name)]
    except (AttributeError, TypeError, ValueError):
        return environment
    return environment if kept == pairs else json.dumps(kept)
