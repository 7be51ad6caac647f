"""Blocks, and the grid that they are part of."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.ports import API, DB, HIGHEST_PORT, REALTIME, REST, PortBlock, PortGrid

blocks = st.builds(PortBlock, st.integers(0, 60), st.integers(1, 20))
grids = st.builds(PortGrid, st.integers(1024, 1100), st.integers(4, 30), st.integers(1, 12))


def test_the_four_ports_have_fixed_offsets() -> None:
    assert [PortBlock(10000, 4).port(offset) for offset in (DB, REST, REALTIME, API)] == [
        10000,
        10001,
        10002,
        10003,
    ]


def test_the_last_port_belongs_to_the_block() -> None:
    block = PortBlock(10000, 100)
    assert block.last == block.port(99) == 10099


@pytest.mark.parametrize("offset", [-1, 4, 100])
def test_a_port_outside_the_block_is_refused(offset: int) -> None:
    with pytest.raises(ValueError, match=f"offset {offset} lies outside a block of 4 ports"):
        PortBlock(10000, 4).port(offset)


@given(blocks, blocks)
def test_blocks_overlap_exactly_where_they_share_a_port(one: PortBlock, other: PortBlock) -> None:
    def ports(block: PortBlock) -> set[int]:
        return {block.port(offset) for offset in range(block.size)}

    assert one.overlaps(other) == bool(ports(one) & ports(other))


def test_the_grid_gives_the_lowest_slot_first() -> None:
    assert [block.start for block in PortGrid(10000, 100, 3).blocks()] == [10000, 10100, 10200]


@given(grids)
def test_blocks_of_a_grid_never_overlap_and_are_its_own(grid: PortGrid) -> None:
    found = list(grid.blocks())
    assert len(found) == grid.slots
    assert not any(a.overlaps(b) for a, b in itertools.combinations(found, 2))
    assert all(map(grid.has, found))


@given(grids, blocks)
def test_a_grid_has_only_the_blocks_that_it_gives(grid: PortGrid, block: PortBlock) -> None:
    near = PortBlock(grid.base - 30 + block.start, block.size)
    assert grid.has(near) == (near in list(grid.blocks()))


@given(grids, blocks)
def test_the_slots_of_ports_are_those_whose_blocks_share_one(
    grid: PortGrid, block: PortBlock
) -> None:
    near = PortBlock(grid.base - 30 + block.start, block.size)
    touched = [slot for slot, each in enumerate(grid.blocks()) if each.overlaps(near)]
    assert list(grid.slots_of(near)) == touched
    assert [grid.block(slot) for slot in touched] == [
        each for each in grid.blocks() if each.overlaps(near)
    ]


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(PortBlock(9990, 10), id="below"),
        pytest.param(PortBlock(10030, 10), id="above"),
        pytest.param(PortBlock(10005, 10), id="between two slots"),
        pytest.param(PortBlock(10010, 9), id="another size"),
    ],
)
def test_a_block_beside_the_grid_is_not_its_own(block: PortBlock) -> None:
    assert not PortGrid(10000, 10, 3).has(block)


def test_the_default_grid_ends_below_the_highest_port() -> None:
    *_, last = PortGrid(10000, 100, 20).blocks()
    assert last.last <= HIGHEST_PORT
