"""What each command does; the CLI, HTTP and MCP call the same functions."""
