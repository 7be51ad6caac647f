"""The guard of every test: no test reaches the real home, state directory or shell.

The variables that select the engine stay (PATH, DOCKER_*, COMPOSEPORTS_DEV_*): scripts/with-engine
sets them.
"""

import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

PREFIXES = ("COMPOSE_", "COMPOSEPORTS_", "PORT_", "AGENT_COORDINATOR_", "GIT_")
# A `make` that a test starts is no part of the `make` that started the tests.
MAKE = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
NAMES = frozenset({"API_PORT", "SUPABASE_URL", "NO_COLOR", "FORCE_COLOR", *MAKE})
KEPT = "COMPOSEPORTS_DEV_"

# `nohup`, `trap '' INT` and a script's `&` hand down ignored signals, which programs keep ignoring.
HANDED_DOWN: dict[signal.Signals, Callable[[int, FrameType | None], object] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGQUIT: signal.SIG_DFL,
}
for _number, _usual in HANDED_DOWN.items():
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, _usual)
signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDED_DOWN)

# How long examples take says more about who else uses the machine than about the code.
settings.register_profile(
    "composeports", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("composeports")


def _seclude(patch: pytest.MonkeyPatch, folders: pytest.TempPathFactory) -> None:
    """Take away what the shell handed down, and give a home and a state directory of our own."""
    for name in list(os.environ):
        if (name in NAMES or name.startswith(PREFIXES)) and not name.startswith(KEPT):
            patch.delenv(name)
    if not os.environ.get("DOCKER_CONFIG"):
        # The plugins and contexts of the real home lead to the engine.
        patch.setenv("DOCKER_CONFIG", os.path.expanduser("~/.docker"))
    home = folders.mktemp("home")
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_STATE_HOME", str(home / ".local" / "state"))
    patch.setenv("COMPOSEPORTS_STATE_DIR", str(home / "composeports"))
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # What a pytest that a test starts would load in three seconds, for nothing.
    patch.setenv("PYTEST_ADDOPTS", "-p no:schemathesis -p no:anyio -p no:hypothesispytest")
    for role in ("AUTHOR", "COMMITTER"):
        patch.setenv(f"GIT_{role}_NAME", "A Tester")
        patch.setenv(f"GIT_{role}_EMAIL", "tester@localhost")


@pytest.fixture(scope="session", autouse=True)
def _secluded_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Guard the fixtures that live longer than one test."""
    with pytest.MonkeyPatch.context() as patch:
        _seclude(patch, tmp_path_factory)
        yield


@pytest.fixture(autouse=True)
def _secluded(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Guard the test, with a home and a state directory that no other test has used."""
    _seclude(monkeypatch, tmp_path_factory)
