"""Says a hint of the command line in the words of MCP: tools and their arguments."""

import re

# The command of the CLI -> the tool that does the same.
TOOLS = {
    "up": "compose_up",
    "down": "compose_down",
    "plan": "compose_plan",
    "status": "ports_status",
    "allocate": "allocate_ports",
    "release": "release_ports",
    "url": "service_url",
}
# Options of commands -> the arguments of tools that do the same.
FLAGS = {
    "--build": "build",
    "--default-ports": "default_ports",
    "--strict": "strict",
    "--wait": "wait",
}
_COMMAND = re.compile(rf"`composeports ({'|'.join(TOOLS)})((?: [^`]+)?)`( there)?")
# `--session`, `--session NAME`, or an example: `--session my-feature`; or a command for a shell,
# which keeps its options.
_SESSION = re.compile(r"`[^`]*`|(?<!composeports )--session(?: (NAME\b|[a-z]+-[a-z-]+))?")
_EXAMPLE = re.compile(r"[a-z-]+")


def in_tools(hint: str) -> str:
    """Return the hint with tools and arguments for commands and options.

    A command that no tool replaces, such as `composeports up --adopt`, stays as it is: it is for a
    shell.
    """
    return _SESSION.sub(_session, _COMMAND.sub(_tool, hint))


def _tool(match: re.Match[str]) -> str:
    command, words, there = match.group(1), match.group(2).split(), match.group(3)
    arguments = _arguments(command, words)
    if arguments is None:
        return match.group()
    if there:
        arguments.append("`worktree`: the one of that session")
    tool = f"`{TOOLS[command]}`"
    return f"{tool} ({', '.join(arguments)})" if arguments else tool


def _arguments(command: str, words: list[str]) -> list[str] | None:
    """Return the tool's arguments in words; None if it has none for one of the words."""
    values = [word for word in words if word not in FLAGS]
    if any(word.startswith("-") for word in values):
        return None
    flags = [f"`{FLAGS[word]}`: true" for word in words if word in FLAGS]
    if command == "url":
        names = ("service", "port")
        return [f"`{name}`: {value}" for name, value in zip(names, values, strict=False)] + flags
    if command == "up" and values:
        return [f"`services`: [{', '.join(values)}]", *flags]
    return flags if not values else None


def _session(match: re.Match[str]) -> str:
    if match.group().startswith("`"):
        return match.group()
    value = match.group(1) or ""
    return value if _EXAMPLE.fullmatch(value) else "the argument `session`"
