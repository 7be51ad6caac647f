"""STUB"""

import socket


def taken_ports(wanted):
    found = set()
    for port, proto in wanted:
        with socket.socket(
            socket.AF_INET, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
        ) as s:
            try:
                s.bind(("", port))
            except OSError:
                found.add((port, proto))
    return frozenset(found)
