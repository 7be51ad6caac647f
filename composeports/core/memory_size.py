"""Sizes of memory, as Docker and Podman print them and as tables show them."""

import re

_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGTP]?)(i?)B\b")
_POWERS = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_UNIT_BYTES = 1024


def parse_memory(text: str) -> int | None:
    """Return the bytes of the first size in `text`, such as `12.5MiB / 2GiB`; None without one."""
    match = _SIZE.match(text)
    if match is None:
        return None
    number, power, binary = match.groups()
    unit: int = (_UNIT_BYTES if binary else 1000) ** _POWERS[power]
    return round(float(number) * unit)


def memory_text(size: int) -> str:
    """Return bytes in the largest unit that keeps a number of at least one: `412 MiB`, `1.5 GiB`.

    A number below ten has one decimal.
    """
    power = 0
    while size >= _UNIT_BYTES ** (power + 1) and power + 1 < len(_UNITS):
        power += 1
    value = size / _UNIT_BYTES**power
    decimals = 1 if power and value < 10 else 0  # noqa: PLR2004 - two digits are precise enough
    return f"{value:.{decimals}f} {_UNITS[power]}"
