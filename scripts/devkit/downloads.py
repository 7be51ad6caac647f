"""The list of all downloads, and what needs them; nothing else is fetched.

A test may run without a network, where a download that is not in this list is an error.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devkit import (
    browsing,
    cache,
    imaging,
    kinds,
    nodejs,
    packages,
    pooler,
    postgres,
    remote,
    shells,
    toolbox,
    wheels,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

# What a person makes that needs downloads; each needs all that the ones before it need, too.
PURPOSES = ("demo", "tests", "latest")


@dataclass(frozen=True)
class Download:
    """Something to fetch: its name, the first purpose that needs it, and how it is fetched."""

    name: str
    purpose: str
    fetch: Callable[[], object]
    applies: Callable[[], bool] = packages.available


def _is_root() -> bool:
    return os.geteuid() == 0 and packages.available()


def _everywhere() -> bool:
    return True


def _images() -> None:
    for image in imaging.IMAGES.values():
        if image.packages:
            imaging.package_tree(image)


def _ways_to_an_engine() -> None:
    remote.openssl_program()
    remote.ssh_tree()


def _browser() -> None:
    browsing.browser()
    browsing.axe()


def _databases() -> None:
    postgres.prepare()
    pooler.pooler()


def _node_programs() -> None:
    nodejs.inspector()
    nodejs.openspec()


DOWNLOADS = (
    Download("the engine, Compose and buildx", "demo", lambda: toolbox.toolbox(None), _is_root),
    Download("the packages of the images", "demo", _images, _is_root),
    Download("wheels", "tests", wheels.wheels, _everywhere),
    Download("Node.js, the MCP Inspector and OpenSpec", "tests", _node_programs, _everywhere),
    Download("the browser and axe-core", "tests", _browser, _everywhere),
    Download("PostgreSQL and PgBouncer", "tests", _databases, _everywhere),
    Download("shells and direnv", "tests", shells.programs, _everywhere),
    Download("ssh and openssl", "tests", _ways_to_an_engine, _is_root),
    Download("Podman and rootless engines", "tests", kinds.tree, kinds.available),
    Download("the newest Podman", "latest", kinds.newest, kinds.available),
    Download("the newest engine", "latest", lambda: toolbox.toolbox("forky"), _is_root),
)


def needed(purposes: Collection[str]) -> Sequence[Download]:
    """Return what these purposes need on this machine, in the order of the list."""
    highest = max(map(PURPOSES.index, purposes))
    return [
        each for each in DOWNLOADS if PURPOSES.index(each.purpose) <= highest and each.applies()
    ]


def fetch(purposes: Collection[str]) -> None:
    """Fetch missing downloads for these purposes, and report each download and its time."""
    begun = time.monotonic()
    wanted = needed(purposes)
    fetched = 0
    for number, each in enumerate(wanted, 1):
        with cache.fetching(f"{number}/{len(wanted)} {each.name}") as step:
            each.fetch()
        fetched += step.count
    if fetched:
        cache.say(f"{fetched} downloads are in the cache ({time.monotonic() - begun:.0f} s)")
