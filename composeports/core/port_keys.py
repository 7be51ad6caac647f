"""The keys of published ports, such as `web:80/tcp`, which leases, plans and settings use."""

from typing import NamedTuple


class PortKey(NamedTuple):
    """The parts of a key; `address` is empty, or `2` and so on for `web:80/tcp#2`.

    A service may publish a port on several host ports or addresses; only the first has no number.
    """

    service: str
    target: str
    protocol: str
    address: str = ""

    @property
    def base(self) -> str:
        """Return the key of the first address."""
        return port_key(self.service, self.target, self.protocol)

    @property
    def port(self) -> str:
        """Return the key without the service, such as `80/tcp#2`."""
        number = f"#{self.address}" if self.address else ""
        return f"{self.target}/{self.protocol}{number}"


def port_order(key: str) -> tuple[str, int, str, int]:
    """Return a sort key for port keys: by service, then by the container port as a number.

    A target that is no number comes first. `key` may lack the service, as in `80/tcp`.
    """
    parts = parse_port_key(key)
    target = int(parts.target) if parts.target.isdecimal() else 0
    address = int(parts.address) if parts.address.isdecimal() else 1
    return parts.service, target, parts.protocol, address


def port_key(service: str, target: int | str, protocol: str) -> str:
    """Return the key of a port inside the service's containers."""
    return f"{service}:{target}/{protocol}"


def parse_port_key(key: str) -> PortKey:
    """Return the parts of a key."""
    base, _, address = key.partition("#")
    service, _, port = base.rpartition(":")
    target, _, protocol = port.partition("/")
    return PortKey(service, target, protocol, address)
