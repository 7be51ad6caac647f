"""The guard of the unit tests: they start no process and open no connection."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Audit events, see "Audit events table" in Python's documentation.
PROCESSES = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}
)
CONNECTIONS = frozenset(
    {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"}
    | {"socket.gethostbyname", "socket.gethostbyaddr", "sqlite3.connect"}
)


class _Door:
    """Whether processes and connections are shut off right now."""

    shut = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if _Door.shut and event in PROCESSES | CONNECTIONS:
        # Not an Exception, so that no handler in the code under test swallows it.
        pytest.fail(f"a unit test tried {event} {arguments!r}; mark it integration or keep it pure")


# A hook cannot be removed again, but sees every way there is, C code included.
sys.addaudithook(_refuse)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Shut the door for the whole of a unit test, its fixtures included.

    pytest calls this one for the tests of other folders too.
    """
    pure = item.path.is_relative_to(HERE) and item.get_closest_marker("integration") is None
    _Door.shut = pure
    try:
        return (yield)
    finally:
        _Door.shut = False
