"""A machine for the page: leases as after `up`, and an engine that reports their states.

The tests of the page and the screenshots in the docs use it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.core.session import project_name
from composeports.core.snapshot import StoreUpdate
from composeports.stores.sqlite.store import SqliteStore
from tests.support.machine import FakeDocker, Shell
from tests.support.serving import KEY, Server, serving

SHOP = {"db:5432/tcp": "localhost:{4}", "web:80/tcp": "http://localhost:{5}"}
# What the engine says of a container.
SAID = {"running": "running", "stopped": "exited"}
# The engine has a file for each project that has containers.
LISTS = """
only="$*"
case "$only" in
  *project=*) only="${{only##*project=}}"; only="${{only%% *}}" ;;
  *) only= ;;
esac
for stack in '{stacks}'/*"$only"; do
  [ ! -e "$stack" ] || /bin/cat "$stack"
done
"""
TAKES_DOWN = """
case "$*" in
  *" down") name="${{*}}"; name="${{name##*--project-name }}"; /bin/rm "{stacks}/${{name%% *}}" ;;
esac
"""
GRID = {"PORT_ALLOC_BASE": "10000", "PORT_ALLOC_MAX_SESSIONS": "50"}


@dataclass
class BoardPlace:
    """Leases in a store, and what the engine says of their stacks."""

    folder: Path
    docker: FakeDocker = field(init=False)
    shell: Shell = field(init=False)
    stacks: Path = field(init=False)
    blocks: dict[str, PortBlock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.docker = FakeDocker(self.folder / "docker")
        self.stacks = self.folder / "stacks"
        self.stacks.mkdir()
        self.docker.run_before("ps", LISTS.format(stacks=self.stacks))
        self.docker.run_before("compose", TAKES_DOWN.format(stacks=self.stacks))
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

        In `urls`, {4} is the fifth port of the block. Without a worktree it is a lease alone,
        with no container.
        """
        block = self.blocks.setdefault(session, PortBlock(10000 + 100 * len(self.blocks), 100))
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
            place=WorktreeLocation(worktree, "", directory, branch),
            stack=ComposeInvocation(files=(f"{worktree}/compose.yaml",))
            if worktree
            else ComposeInvocation(),
        )
        self._write(session, StoreUpdate(lease))
        services = sorted({key.rpartition(":")[0] for key in urls})
        self._set_state(lease.project, state if worktree else "", services)

    def drop(self, session: str) -> None:
        """Let the session have no lease and no containers."""
        self._write(session, StoreUpdate(forget=True))
        self._set_state(project_name(session, "ac"), "")

    def _write(self, session: str, outcome: StoreUpdate) -> None:
        with closing(SqliteStore(self.shell.state / "leases.sqlite3")) as store:
            store.update(session, lambda _: outcome)

    def clear(self) -> None:
        """Remove all leases, and let the engine answer."""
        for session in self.blocks:
            self.drop(session)
        for name in ("ps", "compose", "inspect", "network", "volume", "labels"):
            self.docker.answer(name)

    def lose_engine(self) -> None:
        """Let the engine not answer."""
        self.docker.go_away()

    def _set_state(self, project: str, state: str, services: Iterable[str] = ()) -> None:
        file = self.stacks / project
        if state not in SAID:
            file.unlink(missing_ok=True)
            return
        fresh = self.folder / "fresh"
        lines = (
            f"{project}-{name}\t{SAID[state]}\t{project}\t{name}\t\tn\t{self.folder}\n"
            for name in services
        )
        fresh.write_text("".join(lines))
        fresh.replace(file)

    @contextmanager
    def serving(self, *arguments: str, keys: str = KEY) -> Iterator[Server]:
        """Run a server on it."""
        with serving(self.shell, *arguments, keys=keys) as server:
            yield server


def fill(place: BoardPlace) -> None:
    """Set up a busy machine: each state once, a lease without a stack, many services."""
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
    place.put("agent-7", minutes=1.4)
