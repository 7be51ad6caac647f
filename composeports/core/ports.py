"""The block (a run of host ports for one session), and the grid of all blocks."""

from collections.abc import Iterator
from typing import NamedTuple

DB, REST, REALTIME, API = range(4)
FIRST_FREE_OFFSET = 4
HIGHEST_PORT = 65535


class PortBlock(NamedTuple):
    """`size` consecutive host ports from `start`."""

    start: int
    size: int

    @property
    def last(self) -> int:
        """Return the highest port of the block."""
        return self.start + self.size - 1

    def port(self, offset: int) -> int:
        """Return the port at `offset`; ValueError if the offset is outside the block."""
        if not 0 <= offset < self.size:
            message = f"offset {offset} lies outside a block of {self.size} ports"
            raise ValueError(message)
        return self.start + offset

    def __contains__(self, port: object) -> bool:
        """Return True if `port` is in the block."""
        return isinstance(port, int) and self.start <= port <= self.last

    def overlaps(self, other: "PortBlock") -> bool:
        """Return True if the two blocks have a port in common."""
        return self.start <= other.last and other.start <= self.last


class PortGrid(NamedTuple):
    """All blocks that one configuration can give out: `base + slot * size`, lowest slot first."""

    base: int
    size: int
    slots: int

    def blocks(self) -> Iterator[PortBlock]:
        """Yield every block, lowest slot first."""
        return map(self.block, range(self.slots))

    def block(self, slot: int) -> PortBlock:
        """Return the block of a slot; slots count from 0."""
        return PortBlock(self.base + slot * self.size, self.size)

    def slots_of(self, ports: PortBlock) -> range:
        """Return the slots that share a port with `ports`, which can be a block of any grid."""
        first_slot = (ports.start - self.base) // self.size
        last_slot = (ports.last - self.base) // self.size
        return range(max(first_slot, 0), min(last_slot + 1, self.slots))

    def has(self, block: PortBlock) -> bool:
        """Return True if `block` is a block of this grid."""
        slot, remainder = divmod(block.start - self.base, self.size)
        return block.size == self.size and remainder == 0 and 0 <= slot < self.slots


class KernelPorts(NamedTuple):
    """The kernel's port range for outgoing connections, and ports that the kernel does not use."""

    first: int
    last: int
    reserved: tuple[PortBlock, ...] = ()
