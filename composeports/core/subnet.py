"""The subnet: a run of IPv4 or IPv6 addresses, as plain numbers; no choice is made here."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

IPV4 = 4
BITS = {IPV4: 32, 6: 128}


class Subnet(NamedTuple):
    """The addresses from `first` on that have their first `prefix` bits in common."""

    version: int
    first: int
    prefix: int

    @property
    def size(self) -> int:
        """Return the number of addresses, including the network and broadcast addresses."""
        return 1 << (BITS[self.version] - self.prefix)

    @property
    def last(self) -> int:
        """Return the highest address."""
        return self.first + self.size - 1

    def overlaps(self, other: "Subnet") -> bool:
        """Return True if the two subnets have an address in common."""
        is_same_version = self.version == other.version
        return is_same_version and self.first <= other.last and other.first <= self.last

    def holds(self, other: "Subnet") -> bool:
        """Return True if all addresses of `other` are in this subnet."""
        is_same_version = self.version == other.version
        return is_same_version and self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        return f"{show_address(self.version, self.first)}/{self.prefix}"


def parse_subnet(text: str) -> Subnet:
    """Return the subnet for a text such as `10.213.4.0/24`; an address is a subnet of size one.

    Raise ValueError for any other text.
    """
    import ipaddress  # noqa: PLC0415 - most claims need no subnet; saves start-up time

    network = ipaddress.ip_network(text, strict=False)
    return Subnet(network.version, int(network.network_address), network.prefixlen)


def parse_address(text: str) -> tuple[int, int]:
    """Return IP version and number of an address, with or without a prefix length."""
    import ipaddress  # noqa: PLC0415 - the same reason

    address = ipaddress.ip_interface(text).ip
    return address.version, int(address)


def show_address(version: int, number: int) -> str:
    """Return the text of an address."""
    import ipaddress  # noqa: PLC0415 - the same reason

    kind = ipaddress.IPv4Address if version == IPV4 else ipaddress.IPv6Address
    return str(kind(number))


def valid_subnets(texts: Iterable[str]) -> Iterator[Subnet]:
    """Yield the subnets among `texts`; skip other texts from an engine or a host."""
    for text in texts:
        try:
            yield parse_subnet(text)
        except ValueError:
            continue


def overlapping(texts: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Return the subnets in `texts` that have an address in common with one of `others`."""
    candidates, other_texts = tuple(texts), tuple(others)
    if not candidates or not other_texts:
        return ()
    other_subnets = tuple(valid_subnets(other_texts))
    return tuple(
        text
        for text in candidates
        for subnet in valid_subnets([text])
        if any(map(subnet.overlaps, other_subnets))
    )
