"""Which tests run on which kind of engine, by COMPOSEPORTS_DEV_KIND (read before guards hide it).

These tests check only what is different from Docker's engine; the program is the same.
"""

import os

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository

KIND = os.environ.get("COMPOSEPORTS_DEV_KIND", "")
# Podman's own tests pass on a rootless one, too, where they take twice as long.
_FILES = {"test_podman.py": ("podman",), "test_rootless.py": ("podman-rootless", "docker-rootless")}
collect_ignore = [name for name, kinds in _FILES.items() if KIND not in kinds]

SHOP = stack(
    {
        "web": {"ports": ["8080:80", "8081-8083:81-83", "5353:53/udp"], "volumes": ["data:/data"]},
        "db": {"ports": ["5432:80"], "depends_on": ["web"]},
    },
    volumes={"data": {}},
)


@pytest.fixture
def shop(make_repository: MakeRepository) -> Repository:
    """Return a repository whose stack publishes a run of ports."""
    return make_repository({"compose.yaml": SHOP})
