"""The HTTP server, the MCP server and the status page; they need the extras `http` and `mcp`."""
