"""The HTTP server: routes, access control, the status feed, and `create_app` for other programs."""

from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute
    """Import `create_app` on first use, because the extra `http` may be missing."""
    if name != "create_app":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from composeports.servers.http.app import create_app  # noqa: PLC0415 - it needs the extra

    return create_app
