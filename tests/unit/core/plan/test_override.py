"""The override document as text: reading it returns what was written."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.plan.override import HEADER, Override, render

DECODE = json.JSONDecoder().raw_decode


class Reader:
    """Reads the subset of YAML that `render` writes, independent of the writer's code."""

    def __init__(self, text: str) -> None:
        lines = text.split("\n")
        assert lines.pop() == ""
        self._lines = [line for line in lines if not line.startswith("#")]

    def document(self) -> object:
        found = self._mapping("")
        assert not self._lines
        return found

    def _mapping(self, indent: str) -> dict[str, object]:
        found: dict[str, object] = {}
        while self._lines and self._lines[0].startswith(f'{indent}"'):
            line = self._lines.pop(0)
            key, end = DECODE(line, len(indent))
            assert line[end] == ":"
            assert key not in found
            found[key] = self._value(line[end + 1 :], indent)
        return found

    def _value(self, rest: str, indent: str) -> object:
        if rest.startswith(" !override"):
            return Override(self._value(rest.removeprefix(" !override"), indent))
        if rest:
            assert rest[0] == " "
            return json.loads(rest)
        if self._lines[0].startswith(f"{indent}  - "):
            return self._items(f"{indent}  - ")
        return self._mapping(f"{indent}  ")

    def _items(self, head: str) -> list[object]:
        found = []
        while self._lines and self._lines[0].startswith(head):
            found.append(json.loads(self._lines.pop(0).removeprefix(head)))
        return found


words = ["a: b", "- a", "#", "!override", "yes", "null", "1", "$${X}", "'", '"', "\\", "{}"]
breaks = ["\n", "\x85", "\u2028", "\x7f", "\ufeff"]
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(words),
    st.sampled_from(breaks),
)
leaves = st.none() | st.booleans() | st.integers() | texts
flows = leaves | st.lists(leaves, max_size=2) | st.dictionaries(texts, leaves, max_size=2)
items = flows | st.lists(flows, max_size=3)
inner = items | st.builds(Override, items | st.dictionaries(texts, items, max_size=2))
nodes = inner | st.dictionaries(texts, inner, max_size=3)


@given(st.dictionaries(texts, nodes, max_size=3))
def test_a_document_written_is_the_document_read(document: Mapping[str, object]) -> None:
    assert Reader(render(document)).document() == document


@given(st.dictionaries(texts, nodes, max_size=3))
def test_no_character_is_written_that_yaml_does_not_read(document: Mapping[str, object]) -> None:
    for char in set(render(document)) - {"\n"}:
        point = ord(char)
        assert 0x20 <= point <= 0x7E or 0xA0 <= point <= 0xD7FF or point >= 0xE000
        assert char not in "\u2028\u2029\ufeff\ufffe\uffff"


def test_the_document_of_a_service_reads_as_one_would_write_it() -> None:
    ports = [{"target": 80, "published": "10004"}]
    document = {"services": {"web": {"ports": Override(ports), "labels": []}}}
    assert render(document) == (
        f"{HEADER}"
        '"services":\n'
        '  "web":\n'
        '    "ports": !override\n'
        '      - {"target": 80, "published": "10004"}\n'
        '    "labels": []\n'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(Override([]), " !override []", id="an empty list"),
        pytest.param(Override({}), " !override {}", id="an empty mapping"),
        pytest.param(Override("a"), ' !override "a"', id="a text"),
        pytest.param((1, "b"), '\n  - 1\n  - "b"', id="a tuple"),
        pytest.param([(1, 2)], "\n  - [1, 2]", id="a list in a list"),
        pytest.param(None, " null", id="nothing"),
        pytest.param("a\u2028\x7fé", ' "a\\u2028\\u007fé"', id="no YAML"),
    ],
)
def test_a_value_is_written(value: object, text: str) -> None:
    assert render({"a": value}) == f'{HEADER}"a":{text}\n'


def test_an_empty_document_is_its_header_alone() -> None:
    assert render({}) == HEADER
    assert all(line.startswith("# ") for line in HEADER.splitlines())
