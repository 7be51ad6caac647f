"""The same call by the command line, HTTP and MCP, and next steps that are followed to the letter.

A step is read out of the text of a hint, and run as it is written there.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client

from composeports.paths import machine_settings_file
from tests.harness.repository import add_worktree, make_repository, write
from tests.support.machine import FakeDocker, Shell
from tests.support.mcp_client import stdio
from tests.support.serving import KEY, Server, serving

INTERFACES = ("cli", "http", "mcp")
# `compose_up` (`services`: [web], `strict`: true), or `POST /stacks/up` (`wait`: true)
_CALL = r"`{}`(?: \(((?:`\w+`: [^`)]+)(?:, `\w+`: [^`)]+)*)\))?"
_ARGUMENT = re.compile(r"`(\w+)`: (\[[^\]]*\]|[^,]+)")
# A command for a shell, as the hints of the servers have it.
FOR_A_SHELL = re.compile(
    r"(?<=in a shell, )`composeports [^`]+`|`composeports [^`]+` \(?in a shell\b"
)


@dataclass(frozen=True)
class Call:
    """What is asked, in the words of each interface; an interface without such a call has None."""

    cli: tuple[str, ...]
    http: tuple[str, dict[str, Any]] | None
    mcp: tuple[str, dict[str, Any]] | None

    def of(self, interface: str) -> Any:  # noqa: ANN401 - one of the three
        """Return the words of one interface."""
        return getattr(self, interface)


UP = Call(("up",), ("/stacks/up", {}), ("compose_up", {}))


@dataclass(frozen=True)
class Answer:
    """What an interface answered; a failure has a code, a message, a hint and details."""

    is_failure: bool
    document: dict[str, Any]
    plain: str = ""

    @property
    def code(self) -> str:
        """The code of a failure."""
        code = self.document["code"] if self.plain else self.document["error"]
        assert isinstance(code, str)
        return code

    @property
    def hint(self) -> str:
        """The next step."""
        hint: str = self.document["hint"]
        return hint

    @property
    def message(self) -> str:
        """What failed, and why."""
        message: str = self.document["message"]
        return message


@dataclass
class Place:
    """A repository whose stack was started once, and the three interfaces to it."""

    shell: Shell
    docker: FakeDocker
    server: Server
    client: Client
    portal: BlockingPortal
    session_id: str = ""
    project: str = ""
    values: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """The worktree."""
        return self.shell.cwd

    def ask(self, interface: str, call: Call) -> Answer:
        """Make a call by one interface; `--json` and the plain text have to say the same."""
        given = call.of(interface)
        if interface == "cli":
            return self.by_cli(*given)
        if interface == "http":
            return self.by_http(*given)
        return self.by_mcp(*given)

    def by_cli(self, *words: str) -> Answer:
        """Run a command twice if it fails: for programs and for people."""
        done = self.shell.run(*words, "--json")
        if not done.code:
            return Answer(is_failure=False, document={})
        error = done.error
        plain = self.shell.run(*words)
        assert plain.code == done.code, plain.err
        for line in (*error["message"].splitlines(), error["hint"]):
            if error["code"] != "compose_failed":
                assert line in plain.err
        assert plain.err.splitlines()[-1] == f"more: composeports explain {error['code']}"
        return Answer(is_failure=True, document=error, plain=plain.err)

    def by_http(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Send a request about the session, or about the one in the body."""
        with self.server.client() as client:
            answer = client.post(path, json={"session_id": self.session_id, **body})
        document = answer.json()
        return Answer(not document["success"], document)

    def by_mcp(self, tool: str, arguments: Mapping[str, Any]) -> Answer:
        """Call a tool for the worktree, or for the one in the arguments."""
        own = (
            {"session_id": self.session_id}
            if tool.endswith("_ports")
            else {"worktree": str(self.folder)}
        )
        given = {} if tool == "ports_status" else {**own, **arguments}
        result = self.portal.call(self.client.call_tool, tool, given)
        assert result.structured_content is not None, result
        return Answer(bool(result.is_error), result.structured_content)

    def take(self, interface: str, hint: str, step: str) -> Answer:
        """Run the step of a hint that begins with these words, exactly as the hint has it.

        `values` replace what the hint leaves to its reader: FILE, or "the one of that session".
        """
        if step.startswith(("composeports ", "docker ")):
            return self._run(hint, step)
        match = re.search(_CALL.format(re.escape(step)), hint)
        assert match, (step, hint)
        arguments = dict(self._arguments(match[1] or ""))
        if interface == "mcp":
            return self.by_mcp(step, arguments)
        return self.by_http(step.removeprefix("POST "), arguments)

    def _run(self, hint: str, step: str) -> Answer:
        match = re.search(rf"`({re.escape(step)}(?: [^`]+)?)`( there)?", hint)
        assert match, (step, hint)
        words = [self.values.get(word, word) for word in shlex.split(match[1])]
        shell = self.shell.at(Path(self.values["worktree"])) if match[2] else self.shell
        done = shell.sh(shlex.join(words)) if words[0] == "docker" else shell.run(*words[1:])
        return Answer(bool(done.code), {"message": done.err, "hint": done.err}, done.out + done.err)

    def _arguments(self, text: str) -> Iterator[tuple[str, Any]]:
        for name, value in _ARGUMENT.findall(text):
            if value == "the one of that session":
                yield name, self.values[name]
            elif value.startswith("["):
                yield name, [self.values.get(word, word) for word in value[1:-1].split(", ")]
            else:
                yield name, True if value == "true" else self.values.get(value, value)

    def begin_again(self) -> None:
        """Restore the repository, docker and the settings; take every stack down."""
        for path in self.docker.folder.glob("*.*"):
            path.unlink()
        if not (self.docker.path / "docker").exists():
            (self.docker.path / "docker.away").rename(self.docker.path / "docker")
        self.docker.answer("version", "2.40.3\n")
        self.docker.answer("context", "default\tunix:///fake.sock\n")
        self.docker.publish(web=8080)
        for folder in (self.folder, Path(self.values["worktree"])):
            for path in folder.iterdir():
                if path.name not in {".git", ".composeports"}:
                    path.unlink()
            write(folder, {"compose.yaml": "services: {}\n"})
        Path(machine_settings_file(self.shell.environ)).unlink(missing_ok=True)
        assert self.shell.run("down", "--all", "--yes").code == 0

    def list_containers(self, *columns: str) -> None:
        """Let the engine list one container; `columns` are as in `docker ps`."""
        self.docker.answer("ps", "\t".join(columns) + "\n")

    def until(self, words: str, script: str) -> None:
        """Run a script when Compose is called with these words; then it lists no container."""
        self.docker.run_before("compose", f"case \"$*\" in *'{words}'*) {script} ;; esac")

    def explain(self, code: str) -> str:
        """Return the page of a code."""
        return self.shell.run("explain", code).out


@contextmanager
def all_interfaces(folder: Path) -> Iterator[Place]:
    """Yield a machine with a fake docker, an HTTP server and an MCP server, on one store."""
    folder.joinpath("empty").mkdir()
    docker = FakeDocker(folder / "docker")
    shell = Shell(folder / "empty", folder / "state").using(docker)
    with (
        serving(shell, keys=KEY) as server,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(stdio(shell.environ)) as client,
    ):
        yield Place(shell, docker, server, client, portal)


def started_once(machine: Place, folder: Path) -> Place:
    """Return a place with two worktrees whose stacks were started; `values` has the second one."""
    repository = make_repository(folder / "shop")
    other = add_worktree(repository, folder / "shop-login", "login")
    docker = machine.docker
    place = Place(
        machine.shell.at(repository), docker, machine.server, machine.client, machine.portal
    )
    docker.publish(web=8080)
    second = place.shell.at(other).run("up", "--json").document
    place.values = {"worktree": str(other), "session_id": second["session_id"]}
    first = place.shell.run("up", "--json").document
    place.session_id, place.project = first["session_id"], first["compose_project_name"]
    return place
