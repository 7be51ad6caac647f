"""Says the next step of a hint in the words of an interface: MCP tools or HTTP routes.

A hint is written once, with commands and options of the command line. A command that the interface
has a call for becomes that call; any other command stays and is said to be for a shell.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

SHELL = "in a shell"
# Commands that do the same in every folder.
ANYWHERE = frozenset({"doctor", "explain", "gc", "prune", "settings", "status", "store"})
_COMMAND = re.compile(r"`composeports ([^`]+)`( there)?")
# `--session`, `--session NAME`, or an example: `--session my-feature`; or another option. Text in
# backticks is a command, which keeps its options.
_OPTION = re.compile(
    r"`[^`]*`|(?<!composeports )(?<![\w-])"
    r"(?:(--session)(?: (NAME\b|[a-z]+-[a-z-]+))?|(--[a-z][a-z-]+))"
)
_EXAMPLE = re.compile(r"[a-z-]+")


class StepWords(NamedTuple):
    """The calls of an interface, in place of commands, and its words for arguments.

    `arguments` has a text for each option that the calls have, such as "`wait`: true"; `{}` in it
    is the option's value. `positions` has such texts for the words of a command; one with a list
    takes all words. `there` is the argument for a call about another session's stack.
    """

    calls: Mapping[str, str]
    arguments: Mapping[str, str]
    positions: Mapping[str, Sequence[str]]
    kind: str
    session: str
    there: str
    shell: str = SHELL
    folder_shell: str = SHELL

    def say(self, hint: str) -> str:
        """Return the hint with calls and arguments for commands and options.

        A command stays if no call does the same, with the words that say where to run it.
        """
        return _OPTION.sub(self._option, _COMMAND.sub(self._step, hint))

    def _step(self, match: re.Match[str]) -> str:
        before, after = match.string[: match.start()], match.string[match.end() :]
        if before.endswith(f"{SHELL}, ") or after.startswith((f" {SHELL}", f" ({SHELL}")):
            return match.group()
        call = self._call(match[1].split(), is_there=bool(match[2]))
        if call:
            return call
        where = self.shell if match[1].split()[0] in ANYWHERE else self.folder_shell
        return f"{match.group()} ({where})"

    def _call(self, words: Sequence[str], *, is_there: bool) -> str:
        """Return the call with its arguments; empty if no call does the same."""
        options: list[str] = []
        values: list[str] = []
        rest = iter(words)
        for word in rest:
            text = self.arguments.get(word, "")
            if word.startswith("-") and not text:
                return ""
            if text:
                options.append(text.format(next(rest, "")) if "{}" in text else text)
            else:
                values.append(word)
        command, *values = values or [""]
        texts = self.positions.get(command, ())
        if command not in self.calls or (values and not texts):
            return ""
        if texts and texts[0].endswith("[{}]"):
            values = [", ".join(values)] if values else []
        if len(values) > len(texts):
            return ""
        arguments = [text.format(value) for text, value in zip(texts, values, strict=False)]
        arguments += [*options, *([self.there] if is_there else [])]
        call = f"`{self.calls[command]}`"
        return f"{call} ({', '.join(arguments)})" if arguments else call

    def _option(self, match: re.Match[str]) -> str:
        session, value, option = match.groups()
        if session:
            is_example = value and _EXAMPLE.fullmatch(value)
            return value if is_example else f"the {self.kind} `{self.session}`"
        text = self.arguments.get(option or "", "")
        return f"the {self.kind} {text.partition(':')[0]}" if text else match.group()
