"""Trace hook for `--verbose`: called at the start and end of each program and engine request.

Off by default. Imports almost nothing.
"""

from collections.abc import Callable, Sequence

# Called with an exit code (None if there is none) at the end of a program or request.
Ended = Callable[[int | None], None]
TraceHook = Callable[[Sequence[str]], Ended]


def _ignore_end(_code: int | None) -> None:
    """Ignore the end."""


def _ignore_start(_argv: Sequence[str]) -> Ended:
    """Ignore the start."""
    return _ignore_end


class _State:
    """Holds the trace hook of this process."""

    trace_hook: TraceHook = staticmethod(_ignore_start)


def set_trace_hook(trace_hook: TraceHook | None) -> None:
    """Call `trace_hook` at each start from now on; None turns tracing off."""
    _State.trace_hook = staticmethod(trace_hook or _ignore_start)


def trace_start(argv: Sequence[str]) -> Ended:
    """Report that a program or an engine request starts; call the returned function at its end."""
    return _State.trace_hook(argv)
