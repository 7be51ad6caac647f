"""Says a hint of the command line in the words of MCP: tools and their arguments."""

from composeports.servers.step_words import SHELL, StepWords

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
WORDS = StepWords(
    calls=TOOLS,
    arguments={
        "--build": "`build`: true",
        "--default-ports": "`default_ports`: true",
        "--strict": "`strict`: true",
        "--wait": "`wait`: true",
        "--seed-from": "`seed`: {}",
        "-f": "`files`: [{}]",
    },
    positions={"up": ("`services`: [{}]",), "url": ("`service`: {}", "`port`: {}")},
    kind="argument",
    session="session",
    there="`worktree`: the one of that session",
    folder_shell=f"{SHELL} in the worktree",
)


def in_tools(hint: str) -> str:
    """Return the hint with tools and arguments for commands and options.

    A command that no tool replaces, such as `composeports gc`, stays and is said to be for a shell.
    """
    return WORDS.say(hint)
