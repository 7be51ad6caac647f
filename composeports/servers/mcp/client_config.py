"""The settings that an MCP client needs for this server; printed, never written to a file."""

import json
import os

NAME = "composeports"
# compose_up may have to pull and build images; without this, Codex waits only one minute.
TOOL_SECONDS = 900
WHERE = {
    "claude": "`.mcp.json` in the repository (or: claude mcp add composeports -- {command} mcp)",
    "codex": "`~/.codex/config.toml` (or: codex mcp add composeports -- {command} mcp)",
    "gemini": "`.gemini/settings.json` in the repository, or in your home",
    "vscode": "`.vscode/mcp.json` in the repository",
}


def snippet(client: str, command: str) -> str:
    """Return the settings for a client of WHERE that starts `command`, with a final newline."""
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
    """Return the key of the servers in a client's JSON file, and the entry for this server."""
    server: dict[str, object] = {"command": command, "args": ["mcp"]}
    if client in {"claude", "vscode"}:
        server = {"type": "stdio", **server}
    if client == "gemini":
        server["timeout"] = TOOL_SECONDS * 1000
    return "servers" if client == "vscode" else "mcpServers", server


def where(client: str, command: str) -> str:
    """Return a line that says in which file the settings belong."""
    return f"belongs in {WHERE[client].format(command=command)}"


def command_of(program: str, path: str) -> str:
    """Return the command for a client: the program's name if PATH finds it, otherwise its path.

    `program` is argv[0], `path` the PATH of the shell.
    """
    from shutil import which  # noqa: PLC0415 - only used here

    executable = which(NAME, path=path)
    if executable and os.path.exists(program) and os.path.samefile(executable, program):
        return NAME
    return os.path.abspath(program) if os.path.exists(program) else executable or NAME
