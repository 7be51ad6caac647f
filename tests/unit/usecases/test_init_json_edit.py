"""Add one entry to a JSON file: only that, at any place, and without guessing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.usecases.init.json_edit import has_entry, with_entry

OURS = {"command": "composeports", "args": ["mcp"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def merged(text: str) -> str | None:
    return with_entry(text, "servers", "composeports", OURS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "{}\n",
            (
                '{\n  "servers": {\n    "composeports": {\n      "command": "composeports",\n'
                '      "args": [\n        "mcp"\n      ]\n    }\n  }\n}\n'
            ),
        ),
        (
            '{"a":1}',
            '{"a":1, "servers": {"composeports": {"command": "composeports", "args": ["mcp"]}}}',
        ),
        (
            '{"servers": {"x": {}}, "b": 2}',
            (
                '{"servers": {"x": {}, "composeports": {"command": "composeports", '
                '"args": ["mcp"]}}, "b": 2}'
            ),
        ),
        (
            '{\r\n\t"servers": {\r\n\t\t"x": {}\r\n\t}\r\n}',
            (
                '{\r\n\t"servers": {\r\n\t\t"x": {},\r\n\t\t"composeports": {\r\n'
                '\t\t\t"command": "composeports",\r\n\t\t\t"args": [\r\n\t\t\t\t"mcp"\r\n'
                "\t\t\t]\r\n"
                "\t\t}\r\n\t}\r\n}"
            ),
        ),
        (
            '{\n    "a": "}",\n    "servers": { }\n}\n',
            (
                '{\n    "a": "}",\n    "servers": {\n        "composeports": {\n'
                '            "command": "composeports",\n            "args": [\n'
                '                "mcp"\n            ]\n'
                "        }\n    }\n}\n"
            ),
        ),
    ],
)
def test_the_entry_goes_in_and_every_other_byte_stays(text: str, expected: str) -> None:
    made = merged(text)
    assert made == expected
    assert has_entry(made, "servers", "composeports")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"servers": []}',
        '{"servers": null}',
        '{"servers": {}, "servers": {}}',
        '{"a": {"b": 1, "b": 2}}',
        '// comment\n{"servers": {}}',
        '{"servers": {},}',
        "\ufeff{}",
    ],
)
def test_what_is_not_certain_is_left(text: str) -> None:
    assert merged(text) is None
    assert not has_entry(text, "servers", "composeports")


@given(
    st.dictionaries(st.text(), JSON, max_size=4),
    st.dictionaries(st.text().filter(lambda name: name != "composeports"), JSON, max_size=3)
    | st.none(),
    st.sampled_from([None, 1, 2, "\t"]),
)
def test_any_document_gains_the_entry_and_loses_nothing(
    document: dict[str, object], servers: dict[str, object] | None, indent: int | str | None
) -> None:
    document.pop("servers", None)
    if servers is not None:
        document["servers"] = servers
    text = json.dumps(document, indent=indent)
    made = merged(text)
    assert made is not None
    assert json.loads(made) == {**document, "servers": {**(servers or {}), "composeports": OURS}}
    lost = [char for char in text if not char.isspace()]
    kept = iter(made)
    assert all(char in kept for char in lost)  # in the same order, with ours between
