"""The use cases, which do the work of each command; CLI, HTTP and MCP call the same functions."""
