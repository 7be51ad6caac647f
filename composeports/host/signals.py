"""What asks a command to end: left to the program that it runs, or kept back for a while."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class SignalTarget(Protocol):
    """A program that was started."""

    def send_signal(self, sig: int, /) -> None:
        """Send it a signal."""
        ...


@contextmanager
def signals_left_to_program() -> Iterator[Callable[[SignalTarget], None]]:
    """Leave signals to the program that the yielded function is told of, once it has started.

    One that comes while it is being started has not reached it, and is passed on then.
    """
    programs: list[SignalTarget] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not programs:
            early.append(number)
        elif number != signal.SIGINT:  # which reaches the whole group
            programs[0].send_signal(number)

    def started(program: SignalTarget) -> None:
        programs.append(program)
        for number in early:
            program.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield started
        return
    # A handler and not SIG_IGN: an ignored signal would stay ignored in programs started later.
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield started
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class DeferredSignals:
    """What asks us to end (Ctrl-C, SIGTERM, SIGHUP), kept back while a step must be whole."""

    def __init__(self) -> None:
        self.pending = False
        self._open = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Take note of a signal; KeyboardInterrupt where one may interrupt now."""
        self.pending = True
        self.check()

    def check(self) -> None:
        """Raise the KeyboardInterrupt of a signal that came, where one may interrupt now."""
        if self._open and self.pending:
            raise KeyboardInterrupt

    @contextmanager
    def let_in(self) -> Iterator[None]:
        """Let a signal interrupt what is done here."""
        self._open = True
        try:
            self.check()
            yield
        finally:
            self._open = False


@contextmanager
def signals_kept_back() -> Iterator[DeferredSignals]:
    """Keep back what asks us to end until a `let_in`, or the end of this; then KeyboardInterrupt.

    Outside of the main thread there are no signals to keep back.
    """
    signals = DeferredSignals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signals.handle) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if signals.pending:
        raise KeyboardInterrupt
