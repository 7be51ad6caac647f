"""Checks of limited resources: host ports on this machine, subnets of the engine."""

from composeports.core.ports import HIGHEST_PORT, KernelPorts, PortBlock, PortGrid
from composeports.core.subnet import BITS, valid_subnets
from composeports.usecases.doctor.checks.engine import NO_ENGINE
from composeports.usecases.doctor.checks.other_engines import PODMAN
from composeports.usecases.doctor.facts import Facts
from composeports.usecases.doctor.findings import NOTE, WARNING, CheckResult, Finding

LOWEST_PORT = 1024
# The built-in pools of an engine: 15 subnets of /16, and 16 of /20.
STOCK_POOLS = (*((f"172.{octet}.0.0/16", 16) for octet in range(17, 32)), ("192.168.0.0/16", 20))
FEW = 3
MOST_SHOWN = 6


def check_ports(facts: Facts) -> CheckResult:
    """Report how many blocks are free, and whether other programs use or may take their ports.

    Blocks should not overlap the range from which the kernel takes ports for outgoing connections.
    """
    grid = facts.grid
    if grid is None:
        return CheckResult("ports", "not checked, since a setting is not accepted", skipped=True)
    all_ports = PortBlock(grid.base, grid.size * grid.slots)
    held_blocks = [lease.block for lease in facts.sessions if lease.held]
    free_blocks = [block for block in grid.blocks() if not any(map(block.overlaps, held_blocks))]
    kernel_finding = overlap_with_kernel(all_ports, grid, facts.kernel) if facts.kernel else None
    listener_finding = _of_listeners(free_blocks, facts)
    findings = tuple(
        finding for finding in (kernel_finding, listener_finding) if finding is not None
    )
    summary = f"{all_ports.start}-{all_ports.last}: {len(free_blocks)} of {grid.slots} blocks free"
    return CheckResult("ports", summary, findings)


def overlap_with_kernel(whole: PortBlock, grid: PortGrid, kernel: KernelPorts) -> Finding | None:
    """Return a finding if the blocks overlap the range for outgoing connections, else None."""
    first, last = max(whole.start, kernel.first), min(whole.last, kernel.last)
    if first > last or any(
        block.start <= first and last <= block.last for block in kernel.reserved
    ):
        return None
    spans = ",".join(f"{span.start}-{span.last}" for span in (*kernel.reserved, whole))
    step = f"sysctl -w net.ipv4.ip_local_reserved_ports={spans}"
    base = _better_base(grid, kernel)
    return Finding(
        WARNING,
        f"blocks overlap the kernel's range for outgoing connections, {kernel.first}-{kernel.last}",
        "any program may have one of these ports for a while, and `up` then has to move on",
        f"PORT_ALLOC_BASE={base}, or {step}" if base else step,
    )


def _better_base(grid: PortGrid, kernel: KernelPorts) -> int:
    """Return a base that keeps all blocks out of the kernel's range; 0 if there is none."""
    size = grid.size * grid.slots
    base = (kernel.first - size) // 1000 * 1000
    if base >= LOWEST_PORT:
        return base
    if kernel.first - size >= LOWEST_PORT:
        return kernel.first - size
    return kernel.last + 1 if kernel.last + 1 + size <= HIGHEST_PORT else 0


def _of_listeners(free: list[PortBlock], facts: Facts) -> Finding | None:
    if not free:
        return Finding(
            WARNING,
            "every block is held",
            "the next new session gets no ports",
            "composeports status, then composeports gc; or a larger PORT_ALLOC_MAX_SESSIONS",
        )
    busy_blocks = [block for block in free if any(port in block for port, _ in facts.listening)]
    if not busy_blocks:
        return None
    ports = sorted(
        listener for listener in facts.listening if any(listener[0] in block for block in free)
    )
    examples = ", ".join(f"{port}/{kind}" for port, kind in ports[:MOST_SHOWN])
    more = f" and {len(ports) - MOST_SHOWN} more" if len(ports) > MOST_SHOWN else ""
    all_busy = len(busy_blocks) == len(free)
    return Finding(
        WARNING if all_busy else NOTE,
        f"in use by others, in {len(busy_blocks)} of {len(free)} free blocks: {examples}{more}",
        "no block is left to give out" if all_busy else "these blocks are passed over",
        "ss -ltunp shows who; PORT_ALLOC_BASE moves the blocks",
    )


def check_networks(facts: Facts) -> CheckResult:
    """Report how many subnets the engine has left for new networks."""
    if facts.subnets is None:
        return CheckResult("networks", NO_ENGINE, skipped=True)
    if facts.engine.product == PODMAN:
        return CheckResult("networks", "Podman has thousands of subnets, from 10.89.0.0/24 on")
    total, free = _left(facts.pools or STOCK_POOLS, facts.subnets)
    summary = f"{free} of {total} subnets of the engine's address pools left"
    if free > FEW:
        return CheckResult("networks", summary)
    finding = Finding(
        NOTE,
        summary,
        "once they are used up, `up` goes on with subnets of its own pool",
        "docker network prune removes networks that nothing uses",
    )
    return CheckResult("networks", summary, (finding,))


def _left(pools: tuple[tuple[str, int], ...], subnets: tuple[str, ...]) -> tuple[int, int]:
    """Return how many IPv4 subnets the pools have, and how many of them overlap no network."""
    networks = [
        subnet
        for subnet in valid_subnets(subnets)
        if subnet.version == 4  # noqa: PLR2004 - IPv4
    ]
    total = free = 0
    for text, prefix in pools:
        for pool in valid_subnets([text]):
            step = 1 << max(0, BITS[pool.version] - prefix)
            firsts = range(pool.first, pool.last + 1, step)
            total += len(firsts)
            free += sum(
                not any(
                    network.first < first + step and first <= network.last for network in networks
                )
                for first in firsts
            )
    return total, free
