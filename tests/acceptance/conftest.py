"""Fixtures of the acceptance tests: repositories, and an engine that is left as it was.

Every test has a separate state directory and block grid, because other tests share the engine. The
stacks of a test are found by their label and taken down at its end, also after a failure.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.engine import ask_docker, engine
from tests.harness.session import MakeRepository, Projects, fresh_environ, new_repository
from tests.harness.taken_ports import Thieves


@pytest.fixture(scope="session", autouse=True)
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    """Refuse to begin without an engine; check at the end that it is as it was before."""
    asked = ask_docker("version")
    if asked.code:
        pytest.fail(f"these tests need a Docker engine (`make test` starts one): {asked.err}")
    found = Projects()
    yield found
    found.seen |= engine().started_below(tmp_path_factory.getbasetemp())
    left = {project: engine().resources(project) for project in found.seen & engine().projects()}
    assert not left, f"left on the engine: {left}"


@pytest.fixture
def environ(tmp_path: Path, projects: Projects) -> Iterator[dict[str, str]]:
    """Yield a new shell's environment with separate leases; take its stacks down at the end."""
    yield fresh_environ(tmp_path)
    projects.take_down(tmp_path)


@pytest.fixture
def make_repository(tmp_path: Path, environ: dict[str, str]) -> MakeRepository:
    """Make a repository with these files committed."""
    return lambda files: new_repository(tmp_path, environ, files)


@pytest.fixture
def thieves(environ: dict[str, str]) -> Iterator[Thieves]:
    """Yield what takes ports, until the started stacks are taken down."""
    del environ  # which takes down what was started, after this
    with ExitStack() as exits:
        yield Thieves(exits)
