"""Speaks to programs: HTTP, MCP, and a page; needs the extras `http` and `mcp`."""
