"""The variables that Compose files mention: candidates that Compose has to confirm."""

import re
from collections.abc import Iterable

# `$NAME`, `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign, not a variable.
_MENTION = re.compile(r"\$(?:\$|(\w+)|\{(\w+)(?::?-([^{}$]*)(?=\}))?)", re.ASCII)
# Names of other Compose files: `include: infra/compose.yaml`, `extends: {file: ./base.yml}`.
_FILE = re.compile(r"[^\s\"'\[\]{},]+\.ya?ml\b")


def mentioned_variables(texts: Iterable[str]) -> dict[str, str]:
    """Return each variable in the texts with its first default; empty if it has none."""
    defaults: dict[str, str] = {}
    for text in texts:
        for bare_name, braced_name, default in _MENTION.findall(text):
            name = bare_name or braced_name
            if name and not name[0].isdigit():
                defaults[name] = defaults.get(name) or default
    return defaults


def mentioned_files(text: str) -> tuple[str, ...]:
    """Return the words in a Compose file that may be names of other Compose files."""
    return tuple(dict.fromkeys(_FILE.findall(text)))
