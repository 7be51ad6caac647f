"""Fixtures of the integration tests: a shell without docker, a fake docker, another user."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.harness.repository import make_repository
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker, Shell

NOBODY = 65534
# Where the stack's PostgREST answers, for tests that are run on one: `composeports env -- pytest`.
POSTGREST_URL = f"http://localhost:{os.environ.get('AGENT_COORDINATOR_REST_PORT') or 3000}"


@pytest.fixture
def postgrest_url() -> str:
    """The URL of the stack's PostgREST."""
    return POSTGREST_URL


@pytest.fixture(scope="session", autouse=True)
def _no_server_left() -> Iterator[None]:
    """Stop the PostgreSQL server that the tests share, if it was started."""
    yield
    from tests.support import postgres  # noqa: PLC0415 - this file is read without pytest, too

    postgres.end_shared()


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


@pytest.fixture
def docker(tmp_path: Path) -> FakeDocker:
    return FakeDocker(tmp_path / "docker")


@pytest.fixture(scope="session")
def first_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("first") / "shop")


@pytest.fixture
def repository(first_repository: Path, tmp_path: Path) -> Path:
    """A repository with one commit; copied, since making one takes ten times as long."""
    copytree(first_repository, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def shell(repository: Path, tmp_path: Path) -> Shell:
    """A shell in a repository, on a machine without docker."""
    return Shell(repository, tmp_path / "state")


@pytest.fixture
def common_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder of a user to whom file rights apply, who we are for the time of the test."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    if sys.platform != "linux":
        pytest.skip("root cannot become another user for a while here")
    folder = tempfile.mkdtemp(prefix="composeports-test-")
    os.chown(folder, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield Path(folder)
    finally:
        os.setresuid(0, 0, 0)
        rmtree(folder)
