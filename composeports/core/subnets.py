"""Subnets of the session's own: which are needed, and addresses carried over to them."""


def move_address(address: str, old_subnet: str, new_subnet: str) -> str:
    """Return `address` at the same host part of the new subnet; a prefix length stays.

    The old subnet itself becomes the new one. ValueError where the host part does not fit.
    """
    import ipaddress  # noqa: PLC0415 - few files fix a subnet

    old, new = ipaddress.ip_network(old_subnet, strict=False), ipaddress.ip_network(new_subnet)
    text, slash, prefix = address.partition("/")
    if slash and ipaddress.ip_network(address, strict=False) == old:
        return new_subnet
    part = int(ipaddress.ip_address(text)) - int(old.network_address)
    if not 0 <= part < new.num_addresses:
        message = f"{address} of {old_subnet} has no place in {new_subnet}"
        raise ValueError(message)
    return f"{new[part]}{slash}{prefix}"
