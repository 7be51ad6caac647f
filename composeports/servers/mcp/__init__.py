"""The MCP server: tools, transports, and `create_server` and `add_tools` for other programs."""

from typing import Any


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute
    """Import the two public functions on first use, because the extra `mcp` may be missing."""
    if name not in {"add_tools", "create_server"}:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from composeports.servers.mcp import tools  # noqa: PLC0415 - it needs the extra

    return getattr(tools, name)
