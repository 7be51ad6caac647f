"""The result of a rule as JSON, and the merge of the rules' parts of the override."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.plan.change import Change, RuleResult, SharedResource, merge
from composeports.core.plan.override import Override


def test_a_change_is_shown_with_where_it_comes_from_and_why() -> None:
    change = Change("port", "web:80/tcp", "8080", "10004", "it is written in the file", "web")
    assert change.as_dict() == {
        "kind": "port",
        "where": "web:80/tcp",
        "service": "web",
        "from": "8080",
        "to": "10004",
        "why": "it is written in the file",
    }


def test_what_is_shared_is_shown() -> None:
    shared = SharedResource("volume", "data", "it is external")
    assert shared.as_dict() == {
        "kind": "volume",
        "name": "data",
        "why": "it is external",
        "acknowledged": True,
    }


def test_a_rule_that_has_nothing_to_say_says_nothing() -> None:
    assert RuleResult() == RuleResult((), {}, (), ())


LIST = Override([1])


@pytest.mark.parametrize(
    ("nodes", "merged"),
    [
        pytest.param([], {}, id="none"),
        pytest.param([{"a": {"b": 1}}, {"a": {"c": 2}}], {"a": {"b": 1, "c": 2}}, id="mappings"),
        pytest.param([{"a": 1}, {"a": 2}], {"a": 2}, id="the last value"),
        pytest.param([{"a": {"b": 1}}, {"a": 2}], {"a": 2}, id="a value over a mapping"),
        pytest.param([{"a": 1}, {"a": {"b": 1}}], {"a": {"b": 1}}, id="a mapping over a value"),
        pytest.param([{"a": LIST}, {"b": LIST}], {"a": LIST, "b": LIST}, id="whole lists"),
    ],
)
def test_parts_are_merged(nodes: list[dict[str, object]], merged: dict[str, object]) -> None:
    assert merge(nodes) == merged


trees = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
    ),
)


@given(trees, trees)
def test_merging_changes_none_of_its_parts(
    one: dict[str, object], other: dict[str, object]
) -> None:
    before = repr((one, other))
    merge((one, other))
    assert repr((one, other)) == before


@given(trees)
def test_a_part_merged_with_itself_is_itself(tree: dict[str, object]) -> None:
    assert merge((tree, tree)) == tree
