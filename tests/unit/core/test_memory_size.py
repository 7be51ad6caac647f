"""Sizes of memory: what Docker and Podman print, and what a table shows."""

import pytest

from composeports.core.memory_size import memory_text, parse_memory

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("12.5MiB / 2GiB", 12 * MIB + MIB // 2),
        ("0B / 0B", 0),
        ("512kB / 1MB", 512_000),
        ("1.2GB / 4GB", 1_200_000_000),
        ("-- / --", None),
        ("", None),
        ("12 apples", None),
    ],
)
def test_the_first_size_is_read(text: str, size: int | None) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (KIB + KIB // 2, "1.5 KiB"),
        (412 * MIB, "412 MiB"),
        (GIB, "1.0 GiB"),
        (5000 * 1024 * GIB, "5000 TiB"),
    ],
)
def test_a_table_has_the_largest_unit(size: int, text: str) -> None:
    assert memory_text(size) == text
