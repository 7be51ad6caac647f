"""Read from Linux's settings which ports the kernel uses for outgoing connections."""

from composeports.core.ports import KernelPorts, PortBlock

FOLDER = "/proc/sys/net/ipv4"
FIRST_UNPRIVILEGED = 1024


def kernel_ports(folder: str = FOLDER) -> KernelPorts | None:
    """Return the kernel's range and the ports reserved from it; None if they are unknown."""
    try:
        first, last = _read(f"{folder}/ip_local_port_range").split()
        reserved_ranges = _read(f"{folder}/ip_local_reserved_ports").strip()
        return KernelPorts(
            int(first), int(last), tuple(map(_span, filter(None, reserved_ranges.split(","))))
        )
    except (OSError, ValueError):
        return None


def unprivileged_start(folder: str = FOLDER) -> int:
    """Return the lowest port on which a program without root's rights may listen.

    Return 1024, the usual value, if it is unknown.
    """
    try:
        return int(_read(f"{folder}/ip_unprivileged_port_start"))
    except (OSError, ValueError):
        return FIRST_UNPRIVILEGED


def _span(text: str) -> PortBlock:
    first, _, last = text.partition("-")
    return PortBlock(int(first), int(last or first) - int(first) + 1)


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read()
