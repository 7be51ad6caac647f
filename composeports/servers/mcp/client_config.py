"""What to write into which file, so that a client knows the MCP server; printed, never written."""

import json
import os

NAME = "composeports"
# compose_up may have to pull and build images; Codex waits for a minute, without this.
TOOL_SECONDS = 900
WHERE = {
    "claude": "`.mcp.json` in the repository (or: claude mcp add composeports -- {command} mcp)",
    "codex": "`~/.codex/config.toml` (or: codex mcp add composeports -- {command} mcp)",
    "gemini": "`.gemini/settings.json` in the repository, or in your home",
    "vscode": "`.vscode/mcp.json` in the repository",
}


def snippet(client: str, command: str) -> str:
    """Return the configuration for one of WHERE, of the program `command`, ending in a newline."""
    if client == "codex":
        return "\n".join(
            (
                f"[mcp_servers.{NAME}]",
                f"command = {json.dumps(command)}",
                'args = ["mcp"]',
                f"tool_timeout_sec = {TOOL_SECONDS}",
                "",
            )
        )
    key, server = entry(client, command)
    return json.dumps({key: {NAME: server}}, indent=2) + "\n"


def entry(client: str, command: str) -> tuple[str, dict[str, object]]:
    """Return the key that a client's JSON file has its servers under, and ours."""
    server: dict[str, object] = {"command": command, "args": ["mcp"]}
    if client in {"claude", "vscode"}:
        server = {"type": "stdio", **server}
    if client == "gemini":
        server["timeout"] = TOOL_SECONDS * 1000
    return "servers" if client == "vscode" else "mcpServers", server


def where(client: str, command: str) -> str:
    """Return a line that says where the snippet belongs."""
    return f"belongs in {WHERE[client].format(command=command)}"


def command_of(program: str, path: str) -> str:
    """Return how a client finds the program: by its name where PATH has it, else by its path.

    `program` is argv's first word, `path` the PATH of the shell.
    """
    from shutil import which  # noqa: PLC0415 - only here

    found = which(NAME, path=path)
    if found and os.path.exists(program) and os.path.samefile(found, program):
        return NAME
    return os.path.abspath(program) if os.path.exists(program) else found or NAME
