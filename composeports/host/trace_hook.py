"""Who wants to know which programs run and what is asked of the engine; most often nobody.

The command line tells it with `--verbose`. It imports next to nothing.
"""

from collections.abc import Callable, Sequence

# Called with an exit code (None where there is none) when what was begun has ended.
Ended = Callable[[int | None], None]
Witness = Callable[[Sequence[str]], Ended]


def _forget(_code: int | None) -> None:
    """Take no notice of the end."""


def _overlook(_argv: Sequence[str]) -> Ended:
    """Take no notice of the beginning."""
    return _forget


class _Seat:
    """Where the witness of this process sits."""

    witness: Witness = staticmethod(_overlook)


def set_trace_hook(witness: Witness | None) -> None:
    """Let `witness` know from now on; None for nobody."""
    _Seat.witness = staticmethod(witness or _overlook)


def trace_start(argv: Sequence[str]) -> Ended:
    """Tell that a program was started, or the engine asked; call what is returned at its end."""
    return _Seat.witness(argv)
