"""Programs that run without a terminal, with captured output."""

import os
import sys
import threading
from collections.abc import Sequence

import pytest

from composeports.host.captured_process import CapturedRunner
from composeports.host.heartbeat import Heartbeat
from tests.harness.waits import HANG, wait_until

pytestmark = pytest.mark.integration


class Listener:
    """Runs programs on a thread and collects their output."""

    def __init__(self, grace: float = 20) -> None:
        self.heard: list[str] = []
        self.codes: list[int] = []
        self.watch = CapturedRunner(self.heard.append, grace)

    def run(self, program: str, *arguments: str, pass_fds: Sequence[int] = ()) -> int:
        argv = (sys.executable, "-c", program, *arguments)
        return self.watch.run(argv, {}, pass_fds=pass_fds)

    def begin(self, program: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: self.codes.append(self.run(program)))
        thread.start()
        wait_until(lambda: bool(self.heard), "the program's first word")
        return thread


def test_all_that_it_says_is_heard_line_by_line() -> None:
    listener = Listener()
    program = "import sys; print('out', flush=True); sys.stderr.write('err\\n'); sys.exit(7)"
    assert listener.run(program) == 7
    assert listener.heard == ["out", "err"]


def test_bytes_that_are_no_text_are_heard_too() -> None:
    listener = Listener()
    assert listener.run(r"import sys; sys.stdout.buffer.write(b'a\xffb\n')") == 0
    assert listener.heard == ["a\N{REPLACEMENT CHARACTER}b"]


def test_it_has_nothing_to_read() -> None:
    listener = Listener()
    assert listener.run("import sys; print(len(sys.stdin.read()))") == 0
    assert listener.heard == ["0"]


def test_a_missing_program_is_127_and_a_killed_one_128_and_more() -> None:
    listener = Listener()
    assert listener.watch.run(("/nowhere/at/all",), {}) == 127
    assert listener.run("import os; os.kill(os.getpid(), 9)") == 137


def test_it_gets_the_open_files_and_the_beat_goes_on() -> None:
    listener = Listener()
    reading, writing = os.pipe()
    beaten = threading.Event()
    program = "import os, sys; os.write(int(sys.argv[1]), b'here'); os.read(int(sys.argv[2]), 1)"
    waiting, going_on = os.pipe()

    def heartbeat() -> None:
        beaten.set()
        os.write(going_on, b"x")

    argv = (sys.executable, "-c", program, str(writing), str(waiting))
    code = listener.watch.run(
        argv, {}, pass_fds=(writing, waiting), heartbeat=Heartbeat(0.05, heartbeat)
    )
    assert code == 0
    assert beaten.is_set()
    assert os.read(reading, 4) == b"here"
    for number in (reading, writing, waiting, going_on):
        os.close(number)


def test_stop_interrupts_what_runs_and_lets_nothing_more_begin() -> None:
    listener = Listener()
    program = (
        "import signal, sys\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        "print('runs', flush=True)\nwhile True: signal.pause()"
    )
    thread = listener.begin(program)
    listener.watch.stop()
    thread.join(HANG)
    assert listener.codes == [130]
    assert listener.run("print('again')") == 130
    assert listener.heard == ["runs"]


def test_what_does_not_end_is_ended() -> None:
    listener = Listener(grace=0.1)
    program = (
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "print('runs', flush=True)\nwhile True: signal.pause()"
    )
    thread = listener.begin(program)
    listener.watch.stop()
    thread.join(HANG)
    assert listener.codes == [137]


def test_stopping_what_has_ended_is_nothing() -> None:
    listener = Listener()
    assert listener.run("pass") == 0
    listener.watch.stop()
    assert listener.heard == []
