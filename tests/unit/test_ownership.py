"""Whose a project is, by what the store remembers and what the labels of its containers say."""

from dataclasses import replace

import pytest

from composeports.core.block import Block
from composeports.core.lease import Lease, Place, Stack
from composeports.core.ownership import Origin, foreign

STARTED = Lease(
    "s",
    Block(20000, 100),
    "ac-12345678",
    0,
    0,
    place=Place(directory="/w/before"),
    stack=Stack(files=("/w/before/compose.yaml",)),
)
RELEASED = replace(STARTED, held=False)
ALLOCATED = replace(STARTED, stack=Stack(), place=Place())
HERE, BEFORE = Origin("web-1", "/w/here"), Origin("web-1", "/w/before")
ELSEWHERE, NOWHERE = Origin("web-1", "/x", "/x/compose.yaml"), Origin("web-1", "")


@pytest.mark.parametrize(
    ("record", "origins", "others"),
    [
        (None, (), ()),
        (None, (HERE,), ()),
        (None, (BEFORE,), (BEFORE,)),
        (None, (ELSEWHERE,), (ELSEWHERE,)),
        (None, (NOWHERE,), (NOWHERE,)),
        (None, (HERE, ELSEWHERE), (ELSEWHERE,)),
        (STARTED, (HERE, BEFORE, ELSEWHERE, NOWHERE), ()),
        (RELEASED, (HERE, BEFORE), ()),
        (RELEASED, (ELSEWHERE, NOWHERE), (ELSEWHERE, NOWHERE)),
        (ALLOCATED, (HERE,), ()),
        (ALLOCATED, (BEFORE, ELSEWHERE, NOWHERE), (BEFORE, ELSEWHERE, NOWHERE)),
    ],
)
def test_whose_containers_they_are(
    record: Lease | None, origins: tuple[Origin, ...], others: tuple[Origin, ...]
) -> None:
    assert foreign(record, origins, {"/w/here"}) == others


def test_no_folder_is_not_a_folder_of_ours() -> None:
    assert foreign(None, (NOWHERE,), {""}) == (NOWHERE,)
