"""The override document: the changes for Compose, as data and as YAML text."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

HEADER = (
    "# Written by composeports; every `composeports up` writes it again.\n"
    "# `composeports plan` explains each line.\n"
)


# Characters that JSON does not escape, but that a YAML reader rejects or takes for a line end:
# https://yaml.org/spec/1.1/#id868524 and https://yaml.org/spec/1.1/#id871136
NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class Override(NamedTuple):
    """A value that replaces the one in the earlier files; Compose would otherwise merge the two."""

    value: object


Node = Mapping[str, object]


def render(document: Node) -> str:
    """Return the document as YAML text; every key and value is written as in JSON.

    `$` is not escaped, because values from `docker compose config` already have it doubled.
    """
    return HEADER + "".join(f"{line}\n" for line in _mapping(document, ""))


def _mapping(node: Mapping[str, object], indent: str) -> Iterator[str]:
    for key, value in node.items():
        yield from _pair(f"{indent}{_scalar(key)}:", value, indent)


def _pair(head: str, value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Override):
        head, value = f"{head} !override", value.value
    if isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, indent + "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield head
        yield from (f"{indent}  - {_flow(item)}" for item in value)
    else:
        yield f"{head} {_flow(value)}"


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        content = ", ".join(f"{_scalar(key)}: {_flow(item)}" for key, item in value.items())
        return "{" + content + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return NOT_IN_YAML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
