"""Trace hook for `--verbose`: called at the start and end of each program and engine request.

Off by default. Imports almost nothing.
"""

from collections.abc import Callable, Sequence

# Called with an exit code (None if there is none) at the end of a program or request.
Ended = Callable[[int | None], None]
Witness = Callable[[Sequence[str]], Ended]


def _forget(_code: int | None) -> None:
    """Ignore the end."""


def _overlook(_argv: Sequence[str]) -> Ended:
    """Ignore the start."""
    return _forget


class _Seat:
    """Holds the trace hook of this process."""

    witness: Witness = staticmethod(_overlook)


def set_trace_hook(witness: Witness | None) -> None:
    """Call `witness` at each start from now on; None turns tracing off."""
    _Seat.witness = staticmethod(witness or _overlook)


def trace_start(argv: Sequence[str]) -> Ended:
    """Report that a program or an engine request starts; call the returned function at its end."""
    return _Seat.witness(argv)
