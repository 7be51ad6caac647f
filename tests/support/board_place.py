"""A machine for the page: leases as they would be after `up`, and an engine that says their states.

It is what the tests of the page and the screenshots in the docs are made with.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from composeports.core.block import Block
from composeports.core.claims import Outcome
from composeports.core.lease import Lease, Place, Stack
from composeports.core.session import project_name
from composeports.stores.sqlite import SqliteStore
from tests.support.machine import FakeDocker, Shell
from tests.support.serving import KEY, Server, serving

SHOP = {"db:5432/tcp": "localhost:{4}", "web:80/tcp": "http://localhost:{5}"}
# What the engine says of a container.
SAID = {"running": "running", "stopped": "exited"}
GRID = {"PORT_ALLOC_BASE": "10000", "PORT_ALLOC_MAX_SESSIONS": "50"}


@dataclass
class BoardPlace:
    """Leases in a store, and what the engine says of their stacks."""

    folder: Path
    docker: FakeDocker = field(init=False)
    shell: Shell = field(init=False)
    states: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.docker = FakeDocker(self.folder / "docker")
        self.shell = Shell(self.folder, self.folder / "state", GRID).using(self.docker)

    def put(
        self,
        session: str,
        state: str = "running",
        *,
        worktree: str = "",
        branch: str = "",
        urls: Mapping[str, str] = SHOP,
        minutes: float = 119.5,
    ) -> None:
        """Let the session hold a lease; `gone`, its folder does not exist, `expired`, it ended.

        In `urls`, {4} is the fifth port of the block. Without a worktree it is a lease alone.
        """
        block = self.blocks.setdefault(session, Block(10000 + 100 * len(self.blocks), 100))
        numbers = range(block.start, block.start + 20)
        now = time.time()
        directory = worktree and (f"{worktree}.gone" if state == "gone" else str(self.folder))
        lease = Lease(
            session,
            block,
            project_name(session, "ac"),
            allocated_at=now,
            expires_at=now - 1 if state == "expired" else now + minutes * 60,
            ports={key: numbers[4 + index] for index, key in enumerate(urls)} if worktree else {},
            urls={key: each.format(*numbers) for key, each in urls.items()} if worktree else {},
            place=Place(worktree, "", directory, branch),
            stack=Stack(files=(f"{worktree}/compose.yaml",)) if worktree else Stack(),
        )
        self._write(session, Outcome(lease))
        self.states[lease.project] = state
        self._tell_engine()

    def drop(self, session: str) -> None:
        """Let the session have no lease and no containers."""
        self._write(session, Outcome(forget=True))
        self.states.pop(project_name(session, "ac"))
        self._tell_engine()

    def _write(self, session: str, outcome: Outcome) -> None:
        with closing(SqliteStore(self.shell.state / "leases.sqlite3")) as store:
            store.update(session, lambda _: outcome)

    def lose_engine(self) -> None:
        """Let the engine not answer."""
        self.docker.go_away()

    def _tell_engine(self) -> None:
        self.docker.answer(
            "ps",
            "".join(
                f"{index:04}\t{SAID[state]}\t{project}\tweb\t\tn\n"
                for index, (project, state) in enumerate(self.states.items())
                if state in SAID
            ),
        )

    @contextmanager
    def serving(self, *arguments: str, keys: str = KEY) -> Iterator[Server]:
        """Run a server on it."""
        with serving(self.shell, *arguments, keys=keys) as server:
            yield server


def fill(place: BoardPlace) -> None:
    """Put what a busy machine has: each state once, a lease alone, many services."""
    many = {
        "api:8000/tcp": "http://localhost:{4}",
        "db:5432/tcp": "localhost:{5}",
        "mail:1025/tcp": "localhost:{6}",
        "mail:8025/tcp": "http://localhost:{7}",
        "web:3000/tcp": "http://localhost:{8}",
    }
    home = "/home/you"
    place.put(f"{home}/shop/.git", worktree=f"{home}/shop", branch="main")
    place.put(
        f"{home}/shop/.git/worktrees/shop-login",
        worktree=f"{home}/shop-login",
        branch="feature/login-with-passkeys",
        urls=many,
        minutes=95,
    )
    place.put(
        f"{home}/shop/.git/worktrees/shop-search",
        "stopped",
        worktree=f"{home}/shop-search",
        branch="shop-search",
        minutes=41,
    )
    place.put(
        f"{home}/shop/.git/worktrees/shop-old",
        "gone",
        worktree=f"{home}/shop-old",
        branch="fix-cart",
        minutes=12,
    )
    place.put(
        f"{home}/blog/.git",
        "expired",
        worktree=f"{home}/blog",
        branch="main",
        urls={"web:80/tcp": "http://localhost:{4}"},
    )
    place.put("agent-7", "stopped", minutes=1.4)
