"""The variables that texts of Compose files mention: candidates, which Compose has to prove."""

import re
from collections.abc import Iterable

# `$NAME`, `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign and no variable.
_MENTION = re.compile(r"\$(?:\$|(\w+)|\{(\w+)(?::?-([^{}$]*)(?=\}))?)", re.ASCII)
# What else a file names: `include: infra/compose.yaml`, `extends: {file: ./base.yml}`.
_FILE = re.compile(r"[^\s\"'\[\]{},]+\.ya?ml\b")


def mentioned_variables(texts: Iterable[str]) -> dict[str, str]:
    """Return each variable that the texts mention, with its first default; empty without one."""
    found: dict[str, str] = {}
    for text in texts:
        for bare, braced, default in _MENTION.findall(text):
            name = bare or braced
            if name and not name[0].isdigit():
                found[name] = found.get(name) or default
    return found


def mentioned_files(text: str) -> tuple[str, ...]:
    """Return what may be names of other Compose files in the text of one."""
    return tuple(dict.fromkeys(_FILE.findall(text)))
