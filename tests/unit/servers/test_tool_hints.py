"""Hints name the tools and arguments that an MCP client has."""

import ast
import re
from pathlib import Path

import pytest

import composeports
from composeports.servers.mcp.tool_hints import TOOLS, in_tools

IN_WORKTREE = "(in a shell in the worktree)"
PACKAGE = Path(composeports.__file__).parent
# What a client without a shell cannot do: it may stay as a command, with its options.
FOR_A_SHELL = re.compile(r"`composeports [^`]+`(?: there)? \(?in a shell")


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("`composeports up` starts it", "`compose_up` starts it"),
        ("`composeports up web` starts it", "`compose_up` (`services`: [web]) starts it"),
        (
            "say which: `composeports url web PORT`",
            "say which: `service_url` (`service`: web, `port`: PORT)",
        ),
        (
            "`composeports down` there frees it",
            "`compose_down` (`worktree`: the one of that session) frees it",
        ),
        ("run `composeports up --strict`", "run `compose_up` (`strict`: true)"),
        ("`composeports up --adopt` says so", f"`composeports up --adopt` {IN_WORKTREE} says so"),
        ("`composeports down -v web` in a shell", "`composeports down -v web` in a shell"),
        ("`composeports release now`", f"`composeports release now` {IN_WORKTREE}"),
        ("`composeports logs db` there", f"`composeports logs db` there {IN_WORKTREE}"),
        ("`composeports store create`", "`composeports store create` (in a shell)"),
        ("`composeports gc` frees it", "`composeports gc` (in a shell) frees it"),
        ("`composeports -f FILE up`", "`compose_up` (`files`: [FILE])"),
        ("`composeports url web 80 now`", f"`composeports url web 80 now` {IN_WORKTREE}"),
        (
            "`composeports up web db --wait`",
            "`compose_up` (`services`: [web, db], `wait`: true)",
        ),
        ("`composeports up --seed-from main`", "`compose_up` (`seed`: main)"),
        ("leave out --seed-from", "leave out the argument `seed`"),
        ("without --strict", "without the argument `strict`"),
        ("start it with another --root", "start it with another --root"),
        ("`docker compose config --quiet`", "`docker compose config --quiet`"),
        (
            "in a shell, `composeports --session my-feature logs db`",
            "in a shell, `composeports --session my-feature logs db`",
        ),
        ("composeports --session mine logs db", "composeports --session mine logs db"),
        (
            "`composeports up --session a --adopt`, or --session NAME",
            f"`composeports up --session a --adopt` {IN_WORKTREE}, or the argument `session`",
        ),
        ("give it another name with --session", "give it another name with the argument `session`"),
        (
            "with --session NAME or COMPOSEPORTS_SESSION",
            "with the argument `session` or COMPOSEPORTS_SESSION",
        ),
        ("a name, for example --session my-feature", "a name, for example my-feature"),
    ],
)
def test_commands_and_options_become_tools_and_arguments(hint: str, expected: str) -> None:
    assert in_tools(hint) == expected


def hints() -> list[str]:
    """Return the text of every hint in the code, with `x` where a value is put in."""
    return [
        text_of(keyword.value)
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "hint"
    ]


def text_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return str(node.value) if isinstance(node, ast.Constant) else "x"


def test_no_hint_of_the_code_names_a_command_that_a_tool_replaces() -> None:
    found = [in_tools(hint) for hint in hints()]
    assert len(found) > 100
    commands = re.compile(rf"`composeports (?:{'|'.join(TOOLS)})\b")
    left = [hint for hint in found if commands.search(FOR_A_SHELL.sub("", hint))]
    assert left == []
    assert [hint for hint in found if "--session" in FOR_A_SHELL.sub("", hint)] == []
