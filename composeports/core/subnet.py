"""The subnet: a run of addresses, IPv4 or IPv6, as plain numbers; nothing is chosen here."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

IPV4 = 4
BITS = {IPV4: 32, 6: 128}


class Subnet(NamedTuple):
    """The addresses from `first` on that have `prefix` bits in common."""

    version: int
    first: int
    prefix: int

    @property
    def size(self) -> int:
        """How many addresses there are, those of the network and for broadcasts included."""
        return 1 << (BITS[self.version] - self.prefix)

    @property
    def last(self) -> int:
        """The highest address."""
        return self.first + self.size - 1

    def overlaps(self, other: "Subnet") -> bool:
        """Tell whether the two have an address in common."""
        same = self.version == other.version
        return same and self.first <= other.last and other.first <= self.last

    def holds(self, other: "Subnet") -> bool:
        """Tell whether all of `other` lies inside."""
        same = self.version == other.version
        return same and self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        return f"{show_address(self.version, self.first)}/{self.prefix}"


def parse_subnet(text: str) -> Subnet:
    """Return the subnet that `10.213.4.0/24` means; an address alone is a subnet of its own.

    ValueError for what is neither.
    """
    import ipaddress  # noqa: PLC0415 - most claims need no subnet, and start without it

    network = ipaddress.ip_network(text, strict=False)
    return Subnet(network.version, int(network.network_address), network.prefixlen)


def parse_address(text: str) -> tuple[int, int]:
    """Return IP version and number of an address, with or without a prefix length behind it."""
    import ipaddress  # noqa: PLC0415 - the same

    address = ipaddress.ip_interface(text).ip
    return address.version, int(address)


def show_address(version: int, number: int) -> str:
    """Return the text of an address."""
    import ipaddress  # noqa: PLC0415 - the same

    kind = ipaddress.IPv4Address if version == IPV4 else ipaddress.IPv6Address
    return str(kind(number))


def valid_subnets(texts: Iterable[str]) -> Iterator[Subnet]:
    """Yield the subnets among `texts`; what an engine or host says besides is passed over."""
    for text in texts:
        try:
            yield parse_subnet(text)
        except ValueError:
            continue


def overlapping(texts: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Return those of `texts` that have an address in common with one of `others`."""
    mine, theirs = tuple(texts), tuple(others)
    if not mine or not theirs:
        return ()
    known = tuple(valid_subnets(theirs))
    return tuple(
        text for text in mine for one in valid_subnets([text]) if any(map(one.overlaps, known))
    )
