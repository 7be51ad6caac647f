"""The variables that Compose files mention: candidates that Compose has to confirm."""

import re
from collections.abc import Iterable

# All patterns but the last are compiled at their first use: `up` with files that were seen before
# does not use them.
# `$NAME`, `${NAME}` and `${NAME:-default}`; `$$` is a dollar sign, not a variable.
_MENTION = r"(?a)\$(?:\$|(\w+)|\{(\w+)(?::?-([^{}$]*)(?=\}))?)"
# The same without doubt: what is none of these, only Compose can read (`${A:-${B}}`).
_SIMPLE = r"(?a)\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^{}$\n]*)|:?[?+][^{}$\n]*)?\})"
# What may be a comment, which Compose does not read, and an escaped dollar sign, which it does.
_UNCLEAR = r"(?m)(?:^|\s)#.*\$|\\(?:x24|u0024|U00000024)"
# A variable with a whole number in an env file.
_NUMBER = rb"(?m)^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*[=:][ \t]*[\"']?(-?\d+)[\"']?[ \t\r]*$"
_WORD = r"[^\s\"'\[\]{},:=$]+"
# Names of other Compose files: `include: infra/compose.yaml`, `extends: {file: ./base.yml}`.
_FILE = re.compile(r"(?<![^\s\"'\[\]{},])[^\s\"'\[\]{},]+\.ya?ml\b")


def mentioned_variables(texts: Iterable[str]) -> dict[str, str]:
    """Return each variable in the texts with its first default; empty if it has none."""
    defaults: dict[str, str] = {}
    for text in texts:
        for bare_name, braced_name, default in re.findall(_MENTION, text):
            name = bare_name or braced_name
            if name and not name[0].isdigit():
                defaults[name] = defaults.get(name) or default
    return defaults


def simple_mentions(texts: Iterable[str]) -> dict[str, str] | None:
    """Return the same if the texts are so simple that Compose reads them alike, else None.

    In simple texts no default contains a variable, and no comment contains a dollar sign.
    """
    defaults: dict[str, str] = {}
    for text in texts:
        if re.search(_UNCLEAR, text) or "$" in re.sub(_SIMPLE, "", text):
            return None
        for bare_name, braced_name, default in re.findall(_SIMPLE, text):
            name = bare_name or braced_name
            if name:
                defaults[name] = defaults.get(name) or default
    return defaults


def numbers_in(env_file: bytes) -> dict[str, str]:
    """Return the variables of an env file whose value is most likely an integer.

    It is a guess that takes no time; only python-dotenv reads such a file as Compose does.
    """
    return {name.decode(): number.decode() for name, number in re.findall(_NUMBER, env_file)}


def possible_paths(text: str) -> tuple[str, ...]:
    """Return the words in a Compose file that may be paths of files.

    The paths are guesses; the caller checks that such a file exists.
    """
    words = dict.fromkeys(re.findall(_WORD, text))
    return tuple(word for word in words if "." in word or "/" in word)


def mentioned_files(text: str) -> tuple[str, ...]:
    """Return the words in a Compose file that may be names of other Compose files."""
    return tuple(dict.fromkeys(_FILE.findall(text)))
