"""The labels for people: what they say, and that they stay while the stack exists."""

from collections.abc import Mapping

import pytest

from composeports.core.labels import STACK, UNTAGGED, Tags, settled_tags, tags_of

NEW = Tags("shop", "topic", "/src/shop")
OLD = Tags("shop", "main", "/src/shop")


def test_tags_are_lines_of_printable_text() -> None:
    tags = tags_of("shop", "to\npic", "/src/\x1b[31m")
    assert tags == Tags("shop", "to\\u000apic", "/src/\\u001b[31m")
    assert tags.labels == {
        "io.composeports.name": "shop",
        "io.composeports.branch": "to\\u000apic",
        "io.composeports.worktree": "/src/\\u001b[31m",
    }


def test_a_label_without_a_value_is_left_out() -> None:
    assert Tags("shop").labels == {"io.composeports.name": "shop"}
    assert UNTAGGED.labels == {}


@pytest.mark.parametrize(
    ("previous", "existing", "has_containers", "expected"),
    [
        pytest.param(None, {}, False, {STACK: NEW}, id="a new stack"),
        pytest.param({STACK: OLD}, {}, False, {STACK: NEW}, id="a new stack after down"),
        pytest.param(
            {STACK: OLD},
            {"volume:data": OLD},
            False,
            {STACK: NEW, "volume:data": OLD},
            id="a volume keeps its labels over down",
        ),
        pytest.param(
            None,
            {"volume:data": UNTAGGED},
            False,
            {STACK: NEW, "volume:data": UNTAGGED},
            id="a volume of an earlier version gets none",
        ),
        pytest.param(
            None,
            {"network:default": UNTAGGED},
            True,
            {STACK: UNTAGGED, "network:default": UNTAGGED},
            id="a stack of an earlier version gets none",
        ),
        pytest.param(None, {}, True, {STACK: UNTAGGED}, id="the same without a network"),
        pytest.param({STACK: OLD}, {}, True, {STACK: OLD}, id="a stack without a network"),
        pytest.param(
            None,
            {"network:edge": UNTAGGED, "network:default": OLD},
            True,
            {STACK: OLD, "network:edge": UNTAGGED, "network:default": OLD},
            id="an earlier version lost the tags of the lease",
        ),
    ],
)
def test_a_stack_keeps_its_labels(
    previous: Mapping[str, Tags] | None,
    existing: Mapping[str, Tags],
    expected: Mapping[str, Tags],
    *,
    has_containers: bool,
) -> None:
    assert settled_tags(previous, existing, NEW, has_containers=has_containers) == expected
