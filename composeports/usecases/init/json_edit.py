"""Add one entry to a user's JSON file and keep every other byte. Text in, text out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

STEP = "  "


@dataclass(frozen=True, slots=True)
class _Object:
    """The positions of a JSON object in a text.

    `opening` and `closing` are its braces, `first` is the start of its first member, `last` the end
    of its last member. `values` has the start and the end of each value, by key.
    """

    opening: int
    closing: int
    values: Mapping[str, tuple[int, int]]
    first: int
    last: int


def with_entry(text: str, key: str, name: str, entry: Mapping[str, object]) -> str | None:
    """Return the text with `{key: {name: entry}}` added; None if that is not certain.

    It is certain for plain JSON whose top is an object with at most one `key`, and the value of
    `key` is an object without `name`.
    """
    try:
        document = json.loads(text, object_pairs_hook=_unique)
        top = _object_at(text, _skip(text, 0))
        if key in top.values:
            section = _object_at(text, top.values[key][0])
            new_text = _added(text, section, name, entry, _step(text, top))
        else:
            new_text = _added(text, top, key, {name: entry}, _step(text, top))
        expected = {**document, key: {**document.get(key, {}), name: entry}}
        return new_text if json.loads(new_text) == expected else None
    except (ValueError, AttributeError, TypeError, RecursionError):
        return None


def has_entry(text: str, key: str, name: str) -> bool:
    """Return True if the JSON text has the entry `name` in the object `key`."""
    try:
        return name in json.loads(text)[key]
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is there twice")
    return members


def _object_at(text: str, start: int) -> _Object:
    """Return the object that begins at `start`, in a text that is valid JSON.

    Raises ValueError if no object begins there.
    """
    if text[start] != "{":
        raise ValueError("no object")
    decoder = json.JSONDecoder()
    values: dict[str, tuple[int, int]] = {}
    position = first = _skip(text, start + 1)
    last = position
    while text[position] != "}":
        name, position = decoder.raw_decode(text, position)
        value_start = _skip(text, _skip(text, position) + 1)
        _, last = decoder.raw_decode(text, value_start)
        values[name] = (value_start, last)
        position = _skip(text, last)
        if text[position] == ",":
            position = _skip(text, position + 1)
    return _Object(start, position, values, first, last)


def _skip(text: str, position: int) -> int:
    return len(text) - len(text[position:].lstrip(" \t\r\n"))


def _added(text: str, where: _Object, name: str, value: Mapping[str, object], step: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    if where.values:
        space = text[where.opening + 1 : where.first]
        line = f"{json.dumps(name)}: {_written(value, space, step, newline)}"
        gap = space if "\n" in space else " "
        return text[: where.last] + "," + gap + line + text[where.last :]
    opening_line = text[: where.opening].rpartition("\n")[2]
    outer_indent = newline + opening_line[: len(opening_line) - len(opening_line.lstrip())]
    inner_indent = outer_indent + step
    line = f"{json.dumps(name)}: {_written(value, inner_indent, step, newline)}"
    return text[: where.opening + 1] + inner_indent + line + outer_indent + text[where.closing :]


def _step(text: str, top: _Object) -> str:
    """Return the indentation that the text uses for one level; STEP if it uses none."""
    return text[top.opening + 1 : top.first].rpartition("\n")[2] or STEP


def _written(value: Mapping[str, object], before: str, step: str, newline: str) -> str:
    """Return the value as JSON, on one line or indented.

    `before` is the white space before the member. If it has a newline, the value gets several lines
    with the same indentation.
    """
    if "\n" not in before:
        return json.dumps(value)
    indent = before.rpartition("\n")[2]
    return json.dumps(value, indent=step).replace("\n", newline + indent)
