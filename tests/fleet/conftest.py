"""Three machines with a common store, started once for the tests of this folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devkit import cache
from tests.fleet.place import Fleet, fleet

# As it is before the tests have a home of their own.
CACHE = str(cache.root())


@pytest.fixture(scope="session")
def machines() -> Iterator[Fleet]:
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="composeports-fleet.") as root,
    ):
        patch.setenv("COMPOSEPORTS_DEV_CACHE", CACHE)
        with fleet(Path(root).resolve(), count=3) as there:
            yield there
