"""Remove from rows of earlier formats what rows of the current format must not contain."""

import json

from composeports.core.protected_names import is_settable


def without_protected(environment: str) -> str:
    """Return a row's `environment` without the variables that a store must not set.

    A text that is no environment is returned unchanged, and the reader of the row refuses it.
    """
    try:
        pairs = json.loads(environment)
        settable_pairs = [[name, value] for name, value in pairs if is_settable(name)]
    except (AttributeError, TypeError, ValueError):
        return environment
    return environment if settable_pairs == pairs else json.dumps(settable_pairs)
