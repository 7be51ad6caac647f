"""The variables of Compose files that may set ports, and the markers that prove which ones do.

`up` uses these functions before it imports most other modules, so this module imports little.
"""

from collections.abc import Iterable, Mapping

from composeports.core.ports import HIGHEST_PORT
from composeports.core.protected_names import is_settable

FIXED_PORT_VARIABLES = (
    "AGENT_COORDINATOR_DB_PORT",
    "AGENT_COORDINATOR_REST_PORT",
    "AGENT_COORDINATOR_REALTIME_PORT",
    "API_PORT",
)
URL_VARIABLE = "SUPABASE_URL"
FIXED_VARIABLES = (*FIXED_PORT_VARIABLES, URL_VARIABLE)


def possible_port_variables(values: Mapping[str, str]) -> tuple[str, ...]:
    """Return the fixed variables, and all others whose value is an integer.

    The integer need not be a port of the file: one file may give a variable several defaults
    (`${SSL_PORT:-443}` and `${SSL_PORT:--1}`), and only one of them is known. A protected name,
    which programs obey, is never included: Compose itself would obey the marker.
    """
    return tuple(
        name
        for name, value in sorted(values.items())
        if name in FIXED_VARIABLES or (value.removeprefix("-").isdecimal() and is_settable(name))
    )


def marker_values(variables: Iterable[str], text: str) -> dict[str, str]:
    """Return a marker for each variable: a port number that is not in the text."""
    markers = (str(port) for port in range(HIGHEST_PORT, 0, -1) if str(port) not in text)
    return dict(zip(variables, markers, strict=False))
