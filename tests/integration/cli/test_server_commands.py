"""Commands of the servers: how many at once, cancellation, and the allowed folders."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client

from composeports.errors import OutsideRootsError
from composeports.servers.command_limit import Commands
from composeports.servers.roots import Roots
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from tests.harness.repository import add_worktree, make_repository
from tests.harness.waits import wait_until
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import PROGRAM, RawServer, over_stdio, refused, told
from tests.support.serving import serving

pytestmark = pytest.mark.integration

CONTAINER = "0123\trunning\t{}\tweb\t\tname\n"


@contextmanager
def raw(shell: Shell, *arguments: str) -> Iterator[RawServer]:
    """A server whose every byte is seen, after the handshake; it is gone at the end."""
    with tempfile.TemporaryFile() as errors:
        server = RawServer(shell.environ, errors, (PROGRAM, "mcp", *arguments))
        try:
            server.begin()
            yield server
        finally:
            server.stop()
        errors.seek(0)
        assert b"Traceback" not in errors.read()


def held_up(docker: FakeDocker, folder: Path) -> Path:
    """Let each Compose `up` run until the returned file exists, or until it is interrupted.

    In addition, `begun` gets a line for each `up`, with the number of running ones.
    """
    docker.publish(web=8080)
    go = folder / "go"
    docker.run_before(
        "compose",
        f"""case "$*" in *' up '*)
touch {folder}/running.$$
trap 'rm -f {folder}/running.$$; touch {folder}/interrupted; exit 130' INT
(set -- {folder}/running.*; echo $# >> {folder}/begun)
while [ ! -e {go} ]; do /bin/sleep 0.02; done
/bin/rm -f {folder}/running.$$ ;; esac""",
    )
    return go


def begun(folder: Path) -> list[int]:
    """Return how many ran, at each beginning so far."""
    path = folder / "begun"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def progress_of(token: str, words: str) -> Callable[[dict[str, Any]], bool]:
    """Return what knows the progress of one call."""

    def is_it(message: dict[str, Any]) -> bool:
        params = message.get("params", {})
        return params.get("progressToken") == token and words in params.get("message", "")

    return is_it


def cancel(server: RawServer, request: int) -> str:
    """Cancel a call, and return what the server then says of it."""
    server.send("notifications/cancelled", {"requestId": request})
    message = server.until(lambda each: each.get("method") == "notifications/message")
    assert message["params"]["level"] == "warning"
    text: str = message["params"]["data"]
    assert text.startswith("the call was cancelled: ")
    return text


@pytest.fixture
def worktrees(shell: Shell, tmp_path: Path) -> list[str]:
    """Five worktrees of a repository."""
    added = [add_worktree(shell.cwd, tmp_path / f"w{number}", f"b{number}") for number in range(4)]
    return [str(shell.cwd), *map(str, added)]


def test_further_commands_wait_and_say_so_and_may_be_cancelled(
    shell: Shell, docker: FakeDocker, tmp_path: Path, worktrees: list[str]
) -> None:
    go = held_up(docker, tmp_path)
    limited = shell.using(docker).having(COMPOSEPORTS_SERVER_COMMANDS="1")
    with raw(limited) as server:
        first = server.call("compose_up", worktree=worktrees[0])
        wait_until(lambda: len(begun(tmp_path)) == 1, "the first one to run")
        waits = []
        for number in (1, 2, 3):
            waits.append(server.call("compose_up", f"up-{number}", worktree=worktrees[number]))
            said = server.until(progress_of(f"up-{number}", "waiting"))["params"]["message"]
            assert "COMPOSEPORTS_SERVER_COMMANDS" in said
            assert f"and {number - 1} wait" in said
        # Requests that run no command are answered at the same time.
        rows = server.answer(server.call("ports_status"))["structuredContent"]["result"]
        assert [row["worktree"] for row in rows] == [worktrees[0]]
        assert "nothing was changed" in cancel(server, waits[1])
        go.touch()
        for request in (first, waits[0], waits[2]):
            assert server.answer(request)["structuredContent"]["success"] is True
        rows = server.answer(server.call("ports_status"))["structuredContent"]["result"]
        assert {row["worktree"] for row in rows} == {worktrees[at] for at in (0, 1, 3)}
        assert server.end() == 0
    assert begun(tmp_path) == [1, 1, 1]


def test_no_more_commands_run_at_once_than_is_set(
    shell: Shell, docker: FakeDocker, tmp_path: Path, worktrees: list[str]
) -> None:
    go = held_up(docker, tmp_path)
    with raw(shell.using(docker).having(COMPOSEPORTS_SERVER_COMMANDS="2")) as server:
        asked = [server.call("compose_up", "up", worktree=each) for each in worktrees]
        for _ in asked[2:]:
            server.until(progress_of("up", "waiting"))
        wait_until(lambda: len(begun(tmp_path)) == 2, "two to run")
        go.touch()
        answered = 0
        while answered < len(asked):
            message = server.until(lambda each: each.get("id") in asked)
            assert message["result"]["structuredContent"]["success"] is True
            answered += 1
        assert server.end() == 0
    assert len(begun(tmp_path)) == len(worktrees)
    assert max(begun(tmp_path)) == 2


def test_turns_are_given_in_order_and_a_cancelled_wait_takes_none() -> None:
    order: list[int] = []
    said: list[str] = []

    async def work(commands: Commands, number: int, go: anyio.Event) -> None:
        async with commands.turn(said.append):
            order.append(number)
            await go.wait()

    async def talk() -> None:
        commands, go = Commands(1), anyio.Event()
        async with anyio.create_task_group() as group:
            scopes = []
            for number in range(4):
                scope = anyio.CancelScope()

                async def run(number: int = number, scope: anyio.CancelScope = scope) -> None:
                    with scope:
                        await work(commands, number, go)

                group.start_soon(run)
                scopes.append(scope)
                await anyio.wait_all_tasks_blocked()
            assert order == [0]
            scopes[1].cancel()
            await anyio.wait_all_tasks_blocked()
            go.set()

    anyio.run(talk)
    assert order == [0, 2, 3]
    assert len(said) == 3


def nothing_left(_docker: FakeDocker, _project: str) -> None:
    """Remove the whole stack."""


def container_left(docker: FakeDocker, project: str) -> None:
    """Add a running container of the stack."""
    docker.answer("ps", CONTAINER.format(project))


def engine_gone(docker: FakeDocker, _project: str) -> None:
    """Make the engine unreachable."""
    docker.go_away()


@pytest.mark.parametrize(
    ("leave", "words", "leases"),
    [
        (nothing_left, ("nothing of {} exists", "no lease", "`compose_up`"), 0),
        (
            container_left,
            ("{} may be only partly up (1 container", "lease is held", "`compose_up`",
             "`compose_down`"),
            1,
        ),
        (engine_gone, ("what runs of {} is unknown", "lease is held", "`ports_status`"), 1),
    ],
)  # fmt: skip
def test_a_cancelled_up_says_what_it_left(  # noqa: PLR0917 - fixtures
    shell: Shell,
    docker: FakeDocker,
    tmp_path: Path,
    leave: Callable[[FakeDocker, str], None],
    words: tuple[str, ...],
    leases: int,
) -> None:
    held_up(docker, tmp_path)
    with raw(shell.using(docker)) as server:
        request = server.call("compose_up", worktree=str(shell.cwd))
        wait_until(lambda: bool(begun(tmp_path)), "Compose to run")
        (row,) = server.answer(server.call("ports_status"))["structuredContent"]["result"]
        project = row["compose_project_name"]
        leave(docker, project)
        text = cancel(server, request)
        for each in words:
            assert each.format(project) in text
        assert (tmp_path / "interrupted").exists()
        rows = server.answer(server.call("ports_status"))["structuredContent"]["result"]
        assert len(rows) == leases
        assert server.end() == 0
        # Nothing but these messages: the call itself is never answered.
        assert request not in [json.loads(line).get("id") for line in server.lines]


# Roots


@pytest.fixture
def outside(shell: Shell, docker: FakeDocker, tmp_path: Path) -> tuple[Path, str]:
    """Another worktree with its stack, and its session."""
    docker.publish(web=8080)
    folder = add_worktree(shell.cwd, tmp_path / "outside", "outside")
    assert shell.at(folder).using(docker).run("up").code == 0
    (row,) = shell.run("status", "--json").document
    return folder, row["session_id"]


def over_stdio_in(shell: Shell, root: Path, asked: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    """Ask a server with a root for all of it, and return the results."""
    results = []
    with raw(shell, "--root", str(root)) as server:
        for tool, arguments in asked:
            results.append(server.answer(server.call(tool, **arguments))["structuredContent"])
        assert server.end() == 0
    return results


def test_tools_work_below_the_root_and_nowhere_else(
    shell: Shell, docker: FakeDocker, tmp_path: Path, outside: tuple[Path, str]
) -> None:
    elsewhere, session = outside
    root = shell.cwd
    (root / "link").symlink_to(elsewhere)
    (root / "linked.yaml").symlink_to(elsewhere / "compose.yaml")
    (root / "sub").mkdir()
    ours, theirs = str(root), str(elsewhere)
    docker.run_before("compose", f"touch {tmp_path}/touched")
    refusals = over_stdio_in(
        shell.using(docker),
        root,
        [
            ("compose_plan", {"worktree": theirs}),
            ("compose_up", {"worktree": theirs}),
            ("compose_down", {"worktree": theirs}),
            ("service_url", {"worktree": theirs, "service": "web"}),
            ("compose_up", {"worktree": f"{ours}/link"}),
            ("compose_up", {"worktree": f"{ours}/../outside"}),
            ("compose_up", {"worktree": ours, "files": [f"{theirs}/compose.yaml"]}),
            ("compose_up", {"worktree": ours, "files": ["../outside/compose.yaml"]}),
            ("compose_up", {"worktree": ours, "files": ["linked.yaml"]}),
            ("compose_up", {"worktree": ours, "session": session}),
            ("compose_down", {"worktree": ours, "session": session}),
            ("allocate_ports", {"session_id": session}),
            ("release_ports", {"session_id": session}),
        ],
    )
    assert [each["error"] for each in refusals] == ["outside_roots"] * len(refusals)
    assert all(str(root) in each["message"] for each in refusals)
    assert not (tmp_path / "touched").exists()
    (row,) = shell.run("status", "--json").document
    assert row["session_id"] == session
    allowed = over_stdio_in(
        shell.using(docker),
        root,
        [
            ("compose_up", {"worktree": ours}),
            ("service_url", {"worktree": f"{ours}/sub", "service": "web"}),
            ("compose_down", {"worktree": f"{ours}/sub"}),
            ("allocate_ports", {"session_id": "a name"}),
            ("release_ports", {"session_id": "a name"}),
        ],
    )
    assert all(each["success"] for each in allowed), allowed


def test_a_root_is_a_folder_and_no_beginning_of_a_name(machine: FakeMachine) -> None:
    for name in ("root/sub", "root-beside"):
        (machine.cwd / name).mkdir(parents=True)
    file = machine.cwd / "root" / "compose.yaml"
    file.write_text("services: {}\n")
    roots = Roots.of([str(machine.cwd / "root")])
    roots.check_paths(machine.session(cwd=machine.cwd / "root" / "sub"))
    beside = machine.cwd / "root-beside"
    for options in (Options(), Options(files=(str(file),))):
        with pytest.raises(OutsideRootsError):
            roots.check_paths(Session(machine.context(cwd=beside), options))


def test_a_compose_file_above_the_root_is_outside(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    (shell.cwd / "sub").mkdir()
    (refusal,) = over_stdio_in(
        shell.using(docker),
        shell.cwd / "sub",
        [("compose_up", {"worktree": str(shell.cwd / "sub")})],
    )
    assert refusal["error"] == "outside_roots"
    assert shell.run("status", "--json").document == []


def test_several_roots_and_none(shell: Shell, docker: FakeDocker, tmp_path: Path) -> None:
    docker.publish(web=8080)
    other = add_worktree(shell.cwd, tmp_path / "other", "other")

    async def plan_both(client: Client) -> None:
        for folder in (shell.cwd, other):
            told(await client.call_tool("compose_plan", {"worktree": str(folder)}))
        refused(await client.call_tool("compose_plan", {"worktree": "nowhere"}))

    over_stdio(shell.using(docker).environ, plan_both)
    roots = ("--root", str(shell.cwd), "--root", str(other))
    with raw(shell.using(docker), *roots) as server:
        for folder in (shell.cwd, other):
            answer = server.answer(server.call("compose_plan", worktree=str(folder)))
            assert answer["structuredContent"]["success"] is True
        assert server.end() == 0


@pytest.mark.parametrize("command", ["mcp", "serve"])
def test_a_root_that_is_no_folder_is_refused(shell: Shell, command: str) -> None:
    done = shell.run(command, "--root", "/no/such/folder")
    assert done.code == 78
    assert "--root" in done.err
    assert "/no/such/folder" in done.err


def test_over_http_sessions_outside_of_the_root_are_left_alone(
    shell: Shell, docker: FakeDocker, outside: tuple[Path, str]
) -> None:
    elsewhere, session = outside
    with serving(shell.using(docker), "--root", str(shell.cwd)) as server:
        for path in ("/ports/allocate", "/ports/renew", "/ports/release", "/stacks/down"):
            answer = server.post(path, session)
            assert (answer.status_code, answer.json()["error"]) == (403, "outside_roots")
            assert str(elsewhere) not in answer.text
        assert [each["session_id"] for each in server.status()] == [session]
        assert server.allocate("a name")
        assert server.post("/stacks/down", "a name").status_code == 200


def test_downs_over_http_wait_for_their_turn(
    shell: Shell, docker: FakeDocker, tmp_path: Path, worktrees: list[str]
) -> None:
    docker.publish(web=8080)
    sessions = []
    for folder in worktrees[:3]:
        assert shell.at(Path(folder)).using(docker).run("up").code == 0
    sessions = [row["session_id"] for row in shell.run("status", "--json").document]
    go = tmp_path / "go"
    docker.run_before(
        "compose",
        f"""case "$*" in *' down'*) touch {tmp_path}/running.$$
(set -- {tmp_path}/running.*; echo $# >> {tmp_path}/begun)
while [ ! -e {go} ]; do /bin/sleep 0.02; done
/bin/rm -f {tmp_path}/running.$$ ;; esac""",
    )
    limited = shell.using(docker).having(COMPOSEPORTS_SERVER_COMMANDS="1")
    with serving(limited) as server, anyio.from_thread.start_blocking_portal() as portal:

        async def ask(session: str) -> int:
            return (
                await anyio.to_thread.run_sync(server.post, "/stacks/down", session)
            ).status_code

        asked = [portal.start_task_soon(ask, session) for session in sessions]
        waiting = "waiting: this server runs 1 command at once"
        wait_until(
            lambda: sum(line.startswith(waiting) for line in server.said) == 2, "two to wait"
        )
        wait_until(lambda: len(begun(tmp_path)) == 1, "one to run")
        assert server.allocate("another")
        go.touch()
        assert [each.result(60) for each in asked] == [200] * 3
    assert begun(tmp_path) == [1, 1, 1]


def test_files_of_the_main_checkout_are_used_only_below_the_root(
    shell: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    files = {".gitignore": ".env\n", ".worktreeinclude": ".env\n", "compose.yaml": "services: {}\n"}
    main = make_repository(tmp_path / "all/main", files)
    (main / ".env").write_text("COMPOSE_FILE=/elsewhere/compose.yaml\n")
    worktree = add_worktree(main, tmp_path / "all/one", "one")
    shell = shell.using(docker).having(PATH=f"{docker.path}:/usr/bin:/bin")
    calls = [
        ("compose_plan", {"worktree": str(worktree)}),
        ("compose_up", {"worktree": str(worktree)}),
    ]
    planned, started = over_stdio_in(shell, worktree, calls)
    assert planned["copies"] == started["copies"] == []
    assert not (worktree / ".env").exists()
    planned, started = over_stdio_in(shell, tmp_path / "all", calls)
    assert planned["copies"] == [".env"]
    assert (worktree / ".env").exists()
    assert started["error"] == "outside_roots"
