"""The block: a run of host ports for one session, and the grid that blocks are cut from."""

from collections.abc import Iterator
from dataclasses import dataclass

DB, REST, REALTIME, API = range(4)
FIRST_FREE_OFFSET = 4
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, order=True)
class PortBlock:
    """`size` consecutive host ports from `start`."""

    start: int
    size: int

    @property
    def last(self) -> int:
        """The highest port of the block."""
        return self.start + self.size - 1

    def port(self, offset: int) -> int:
        """Return the port at `offset`; ValueError when the block ends before it."""
        if not 0 <= offset < self.size:
            message = f"offset {offset} lies outside a block of {self.size} ports"
            raise ValueError(message)
        return self.start + offset

    def __contains__(self, port: int) -> bool:
        """Tell whether `port` is one of the block's."""
        return self.start <= port <= self.last

    def overlaps(self, other: "PortBlock") -> bool:
        """Tell whether the two blocks have a port in common."""
        return self.start <= other.last and other.start <= self.last


@dataclass(frozen=True, slots=True)
class PortGrid:
    """All blocks that one configuration can give out: `base + slot * size`, lowest slot first."""

    base: int
    size: int
    slots: int

    def blocks(self) -> Iterator[PortBlock]:
        """Yield every block, lowest slot first."""
        return map(self.block, range(self.slots))

    def block(self, slot: int) -> PortBlock:
        """Return the block of a slot, which counts from 0."""
        return PortBlock(self.base + slot * self.size, self.size)

    def slots_of(self, ports: PortBlock) -> range:
        """Return the slots whose blocks have a port in common with `ports`, of any grid."""
        first = (ports.start - self.base) // self.size
        last = (ports.last - self.base) // self.size
        return range(max(first, 0), min(last + 1, self.slots))

    def __contains__(self, block: PortBlock) -> bool:
        """Tell whether `block` is one of the grid's own."""
        slot, rest = divmod(block.start - self.base, self.size)
        return block.size == self.size and rest == 0 and 0 <= slot < self.slots


@dataclass(frozen=True, slots=True)
class KernelPorts:
    """The kernel's range for outgoing connections, and ports that it leaves alone."""

    first: int
    last: int
    reserved: tuple[PortBlock, ...] = ()
