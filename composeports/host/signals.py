"""Leave Ctrl-C and other signals that end a command to a child program, or defer them."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class SignalTarget(Protocol):
    """A started program."""

    def send_signal(self, sig: int, /) -> None:
        """Send the signal to the program."""
        ...


@contextmanager
def signals_left_to_program() -> Iterator[Callable[[SignalTarget], None]]:
    """Leave SIGINT and SIGTERM to a program; yield the function to call with the started program.

    A signal that comes during the start has not reached the program, so it is sent after the start.
    Outside the main thread, signal handlers are not changed.
    """
    programs: list[SignalTarget] = []
    early_signals: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not programs:
            early_signals.append(number)
        elif number != signal.SIGINT:  # SIGINT reaches the whole process group
            programs[0].send_signal(number)

    def started(program: SignalTarget) -> None:
        programs.append(program)
        for number in early_signals:
            program.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield started
        return
    # A handler, because a signal ignored by SIG_IGN would stay ignored in programs started later.
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield started
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


class DeferredSignals:
    """The signals Ctrl-C, SIGTERM and SIGHUP, deferred while a step must not be interrupted."""

    def __init__(self) -> None:
        self.pending = False
        self._open = False

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """Record a signal; raise KeyboardInterrupt if it may interrupt now."""
        self.pending = True
        self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has come and may interrupt now."""
        if self._open and self.pending:
            raise KeyboardInterrupt

    @contextmanager
    def let_in(self) -> Iterator[None]:
        """Let signals interrupt the code inside the `with` statement."""
        self._open = True
        try:
            self.check()
            yield
        finally:
            self._open = False


@contextmanager
def signals_kept_back() -> Iterator[DeferredSignals]:
    """Defer Ctrl-C, SIGTERM and SIGHUP until a `let_in`, or until the end of the `with` statement.

    Then raise KeyboardInterrupt if a signal has come. Outside the main thread there are no signals
    to defer.
    """
    signals = DeferredSignals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.signal(number, signals.handle) for number in numbers}
    try:
        yield signals
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if signals.pending:
        raise KeyboardInterrupt
