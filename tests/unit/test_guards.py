"""The guards work: each of these tests fails if its guard is removed."""

import os
import pwd
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from composeports.paths import state_directory

REAL_HOME = pwd.getpwuid(os.getuid()).pw_dir
HOSTILE = {
    "MAKEFLAGS": " -j3 -Oline --jobserver-auth=3,4",
    "MAKELEVEL": "2",
    "COMPOSE_FILE": "elsewhere.yaml",
    "COMPOSE_PROJECT_NAME": "theirs",
    "COMPOSEPORTS_STORE": "sqlite:///elsewhere",
    "COMPOSEPORTS_STATE_DIR": "/elsewhere",
    "COMPOSEPORTS_SESSION": "theirs",
    "PORT_ALLOC_BASE": "80",
    "PORT_DB_5432": "1",
    "AGENT_COORDINATOR_DB_PORT": "1",
    "API_PORT": "1",
    "SUPABASE_URL": "http://elsewhere",
    "GIT_DIR": "/elsewhere",
    "XDG_STATE_HOME": "/elsewhere",
}
HANDED_ON = {
    "COMPOSEPORTS_DEV_NETNS": "composeports-test",
    "DOCKER_HOST": "unix:///elsewhere.sock",
}


def test_the_home_is_a_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Path.home()
    assert home.is_relative_to(tmp_path_factory.getbasetemp())
    assert home.is_dir()
    assert str(home) != REAL_HOME


def test_the_state_directory_lies_in_the_temporary_home() -> None:
    assert Path(state_directory(os.environ)).is_relative_to(Path.home())
    for name in ("COMPOSEPORTS_STATE_DIR", "XDG_STATE_HOME"):
        assert Path(os.environ[name]).is_relative_to(Path.home())


@pytest.mark.parametrize("turn", ["first", "second"])
def test_every_test_has_a_home_of_its_own(turn: str) -> None:
    assert list(Path.home().iterdir()) == []
    (Path.home() / turn).touch()


def test_nothing_is_inherited_that_would_steer_a_test() -> None:
    assert {name for name in HOSTILE if os.environ.get(name) == HOSTILE[name]} == set()
    assert [name for name in os.environ if name.startswith(("COMPOSE_", "PORT_"))] == []
    assert [name for name in os.environ if name.startswith("AGENT_COORDINATOR_")] == []
    assert [name for name in os.environ if name.startswith("MAKE")] == []


def test_git_reads_no_settings_of_the_user() -> None:
    assert os.environ["GIT_CONFIG_GLOBAL"] == os.devnull
    assert os.environ["GIT_CONFIG_NOSYSTEM"] == "1"


def test_docker_keeps_its_plugins() -> None:
    assert not Path(os.environ["DOCKER_CONFIG"]).is_relative_to(Path.home())


def test_what_leads_to_the_engine_is_handed_on() -> None:
    given = {name: os.environ.get(name) for name in HANDED_ON}
    if os.environ.get("TEST_GUARDS_IN_A_SHELL"):
        assert given == HANDED_ON
    assert os.environ["PATH"]


@pytest.mark.integration
def test_the_guards_hold_in_a_shell_that_is_on_a_stack(tmp_path: Path) -> None:
    environ = os.environ | HOSTILE | HANDED_ON | {"TEST_GUARDS_IN_A_SHELL": "1"}
    # Other runs clean up the folder that all have in common.
    environ["PYTEST_DEBUG_TEMPROOT"] = str(tmp_path)
    inner = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*inner, "-m", "not integration"], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_no_signal_is_ignored_or_blocked() -> None:
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        assert signal.getsignal(number) == signal.SIG_DFL
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


@pytest.mark.integration
@pytest.mark.parametrize("way", ["ignored", "blocked"])
def test_the_guards_hold_where_signals_were(way: str) -> None:
    """As with `nohup make test`, `(trap '' INT; make test)` and `make test &` in a script."""
    names = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
    inner = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    starter = (
        "import os, signal, sys\n"
        f"names = {sorted(map(int, names))}\n"
        "if sys.argv[1] == 'blocked': signal.pthread_sigmask(signal.SIG_BLOCK, names)\n"
        "else: [signal.signal(name, signal.SIG_IGN) for name in names]\n"
        "os.execv(sys.argv[2], sys.argv[2:])\n"
    )
    argv = [sys.executable, "-c", starter, way, *inner, "-k", "no_signal_is_ignored"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _connect() -> None:
    with socket.socket() as client:
        client.connect(("127.0.0.1", 1))


def _send() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.sendto(b"", ("127.0.0.1", 1))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _listen() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(lambda: subprocess.run(["true"], check=False), id="subprocess"),
        pytest.param(lambda: os.system("true"), id="system"),
        pytest.param(lambda: os.posix_spawn("/bin/true", ["true"], {}), id="posix_spawn"),
        pytest.param(_fork, id="fork"),
        pytest.param(_connect, id="connect"),
        pytest.param(_send, id="sendto"),
        pytest.param(_listen, id="bind"),
        pytest.param(lambda: socket.getaddrinfo("localhost", 80), id="name"),
        pytest.param(lambda: sqlite3.connect(":memory:").close(), id="database"),
    ],
)
def test_a_unit_test_starts_no_process_and_opens_no_connection(
    attempt: Callable[[], object],
) -> None:
    with pytest.raises(pytest.fail.Exception, match="a unit test tried"):
        attempt()


@pytest.mark.integration
def test_a_test_marked_integration_may_start_a_process() -> None:
    assert subprocess.run(["true"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("folder", "marker"), [("integration", "integration"), ("acceptance", "e2e")]
)
def test_all_that_needs_more_than_python_is_marked(folder: str, marker: str) -> None:
    """`pytest -m "not e2e and not integration"` needs no engine and takes under a minute."""
    marked = re.compile(rf"^pytestmark = \[?pytest\.mark\.{marker}\b", re.MULTILINE)
    found = list((Path(__file__).parents[1] / folder).rglob("test_*.py"))
    assert len(found) > 10
    assert [path.name for path in found if not marked.search(path.read_text())] == []
