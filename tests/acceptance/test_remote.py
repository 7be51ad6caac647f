"""Engines of other machines: ports are checked there, and every URL has their host.

One engine simulates them: in a separate network namespace, reached by TCP with TLS and by ssh.
"""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from composeports.docker.engine import Engine
from tests.harness.engine import docker
from tests.harness.private_engine import PrivateEngine, private_engine
from tests.harness.program import OUTSIDE, PATH, PROGRAM, run
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page, wait_until
from tests.support.documents import blocks

pytestmark = pytest.mark.e2e

RELEASE = OUTSIDE.get("COMPOSEPORTS_DEV_RELEASE")
START = ("--netns", "--tcp", "--ssh", *(("--release", RELEASE) if RELEASE else ()))
SHOP = stack({"web": {"ports": ["8080:80"], "environment": {"SITE": "http://localhost:8080"}}})
# Takes a port of the namespace that it runs in, until its input ends.
TAKE = "import socket,sys;s=socket.create_server(('',{port}));print(flush=True);sys.stdin.read()"


@dataclass(frozen=True)
class Far(PrivateEngine):
    """The engine of another machine, with a DOCKER_CONFIG that has a context for it."""

    config: Path = Path()

    def docker(self, *arguments: str) -> str:
        """Ask it as a program on its own machine would."""
        return docker(*arguments, environ={"PATH": PATH, **self.exports})

    def seen_from(self, session: Session, way: str = "tls") -> Session:
        """Return the same session with a shell that is on this engine."""
        ways = {
            "context": {"DOCKER_CONFIG": str(self.config), "DOCKER_CONTEXT": "far"},
            "tls": {
                "DOCKER_HOST": self.exports["COMPOSEPORTS_DEV_TCP"],
                "DOCKER_TLS_VERIFY": "1",
                "DOCKER_CERT_PATH": self.exports["COMPOSEPORTS_DEV_CERTIFICATES"],
            },
            "ssh": {
                "DOCKER_HOST": self.exports["COMPOSEPORTS_DEV_SSH"],
                "PATH": f"{self.exports['COMPOSEPORTS_DEV_SSH_PATH']}:{session.environ['PATH']}",
            },
        }
        chosen = ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
        environ = {name: text for name, text in session.environ.items() if name not in chosen}
        return replace(session, environ={**environ, **ways[way]})

    @contextmanager
    def taking(self, port: int) -> Iterator[None]:
        """Let a program on the engine's machine, which Docker does not know, bind a port."""
        argv = (*self.prefix, sys.executable, "-c", TAKE.format(port=port))
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
            assert program.stdout is not None
            assert program.stdout.readline() == b"\n"
            yield
            program.communicate()


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    """Start the engine, with the test image and a context; remove all of it at the end."""
    with private_engine("far", START) as engine:
        made = Far(engine.name, engine.exports, START, tmp_path_factory.mktemp("docker"))
        make_context(made)
        yield made


def make_context(far: Far) -> None:
    """Make the context "far" in a DOCKER_CONFIG of these tests."""
    (far.config / "cli-plugins").symlink_to(Path(far.exports["DOCKER_CONFIG"]) / "cli-plugins")
    certificates = Path(far.exports["COMPOSEPORTS_DEV_CERTIFICATES"])
    parts = [f"host={far.exports['COMPOSEPORTS_DEV_TCP']}"]
    parts += [f"{name}={certificates / name}.pem" for name in ("ca", "cert", "key")]
    environ = {"PATH": PATH, "DOCKER_CONFIG": str(far.config)}
    docker("context", "create", "far", "--docker", ",".join(parts), environ=environ)


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    return make_repository({"compose.yaml": SHOP})


@pytest.fixture
def one(far: Far, repository: Repository) -> Iterator[Session]:
    """A session on the far engine."""
    found = far.seen_from(repository.worktree("one"))
    yield found
    empty(far)


def empty(far: Far) -> None:
    """Remove what a test left on the far engine."""
    left = far.docker("ps", "--all", "--quiet").split()
    if left:
        far.docker("rm", "--force", "--volumes", *left)


@pytest.mark.parametrize("way", ["context", "tls", "ssh"])
def test_a_stack_is_reached_at_the_engines_host(far: Far, one: Session, way: str) -> None:
    one = far.seen_from(one, way)
    number = one.base + 4
    site = f"http://{far.address}:{number}"
    started = one.json("up")
    assert started["urls"] == {"web:80/tcp": site}
    assert started["env"]["SUPABASE_URL"] == f"http://{far.address}:{one.base + 1}"
    written = one.directory / ".composeports" / started["compose_project_name"] / ".env"
    assert f"SUPABASE_URL={started['env']['SUPABASE_URL']}\n" in written.read_text()
    assert page(site)
    assert one.ok("url", "web") == f"{site}\n"
    assert f"SUPABASE_URL=http://{far.address}:{one.base + 1}\n" in one.ok("env")
    assert (one.row["host"], one.row["state"]) == (far.address, "running")
    assert one.ok("exec", "-T", "web", "sh", "-c", "echo $SITE").strip() == site
    assert one.run("logs").code == 0
    assert f":{number}->80/tcp" in far.docker("ps")
    one.ok("down")
    assert one.row == {}
    assert far.docker("ps", "--all", "--quiet") == ""


WITH_DATA = stack({"web": {"volumes": ["store:/data"]}}, volumes={"store": {}})


@pytest.mark.parametrize("way", ["context", "tls", "ssh"])
def test_data_is_copied_and_events_are_heard(
    far: Far, make_repository: MakeRepository, way: str
) -> None:
    made = make_repository({"compose.yaml": WITH_DATA})
    source, session = (far.seen_from(each, way) for each in (made.main, made.worktree("one")))
    source.ok("up")
    source.ok("exec", "-T", "web", "sh", "-c", "echo here >/data/who; chown 33:44 /data/who /data")
    events = Engine(session.environ).follow_events()
    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.extend(events))
    thread.start()
    try:
        session.ok("up", "--seed-from", "main")
        look = ("exec", "-T", "web", "sh", "-c", "cat /data/who; stat -c %u:%g /data /data/who")
        assert session.ok(*look).split() == ["here", "33:44", "33:44"]
        wait_until(lambda: session.project in heard, "an event")
        assert source.row["state"] == "running"
    finally:
        events.stop()
        thread.join()
        empty(far)
    for each in (session, source):
        each.ok("down", "-v")


def test_a_port_of_a_program_over_there_costs_a_move(far: Far, one: Session) -> None:
    with far.taking(one.base + 4):
        done = one.must_run("up", "--json")
        assert (
            f"something on {far.address} that is no container of its engine took port "
            f"{one.base + 4}/tcp (web:80/tcp): the ports of this session move to another block"
        ) in done.err
        assert page(one.ok("url", "web").strip())
    assert one.row["db_port"] != one.base


def test_a_port_that_is_busy_here_is_free_over_there(far: Far, one: Session) -> None:
    with closing(socket.create_server(("", one.base + 4))):
        done = one.run("up")
    assert done.code == 0, done.err
    assert one.ok("url", "web").strip() == f"http://{far.address}:{one.base + 4}"


def test_a_port_of_a_stopped_container_is_left_to_it(far: Far, one: Session) -> None:
    far.docker("create", "--publish", f"{one.base + 4}:80", TINY)
    one.ok("up")
    assert one.row["db_port"] != one.base


def test_a_folder_of_this_machine_gets_a_warning(far: Far, one: Session) -> None:
    mounting = stack(
        {"web": {"ports": ["80"], "volumes": ["./src:/src", "data:/d"]}}, volumes={"data": {}}
    )
    (one.directory / "compose.yaml").write_text(mounting)
    warned = one.run("plan")
    expected = f"./src: what is mounted there are folders and files of {far.address}"
    assert (warned.code, warned.err.count(expected) + warned.out.count(expected)) == (0, 1)
    refused = one.run("up", "--strict")
    assert refused.code == 78
    assert expected in refused.err
    assert one.row == {}


def test_two_worktrees_are_up_at_once(far: Far, one: Session, repository: Repository) -> None:
    two = far.seen_from(repository.worktree("two"), "context")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda each: each.json("up"), (one, two))
    urls = [each["urls"]["web:80/tcp"] for each in (first, second)]
    assert len(set(urls)) == 2
    assert all(map(page, urls))


def test_an_engine_here_and_one_there_have_leases_of_their_own(
    far: Far, repository: Repository
) -> None:
    here = repository.worktree("both")
    there = far.seen_from(here)
    near, away = here.json("up"), there.json("up")
    assert page(near["urls"]["web:80/tcp"])
    assert page(away["urls"]["web:80/tcp"])
    assert near["urls"]["web:80/tcp"].startswith("http://localhost:")
    assert away["urls"]["web:80/tcp"].startswith(f"http://{far.address}:")
    assert near["session_id"] != away["session_id"]
    own = near["env"]["SUPABASE_URL"]
    assert here.own_env["SUPABASE_URL"] == own
    assert in_shell(here) != in_shell(there)
    there.ok("down")
    assert here.own_env["SUPABASE_URL"] == own
    assert page(here.ok("url", "web").strip())
    here.ok("down")


def in_shell(session: Session) -> str:
    """Return what plain Compose publishes in an evaluated shell: the same as the lease has."""
    done = session.shell(
        'eval "$(composeports env)"; docker compose port web 80; echo $SUPABASE_URL'
    )
    assert done.code == 0, done.err
    return done.out


def test_doctor_tells_how_the_engine_is_reached(far: Far, one: Session) -> None:
    said = " ".join(one.run("doctor").out.split())
    assert f" at {far.exports['COMPOSEPORTS_DEV_TCP']} (context default), answers in " in said
    assert f"its ports are at {far.address}" in said
    assert "without TLS" not in said


@pytest.fixture
def build(far: Far) -> Iterator[dict[str, str]]:
    """Yield variables with which ssh reaches the machine that docs/remote.md calls "build"."""
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (block,) = blocks("docs/remote.md", "sshconfig")
        known = block.text.replace("build.example.com", far.address).replace("~/.ssh", folder)
        rig = Path(far.exports["COMPOSEPORTS_DEV_SSH_PATH"])
        lines = (rig.parent / "config").read_text().splitlines()
        kept = [line for line in lines if not line.startswith("Host")]
        (place / "config").write_text(known + "\n".join(kept) + "\n")
        (place / "docker").mkdir()
        (place / "docker" / "cli-plugins").symlink_to(far.config / "cli-plugins")
        program = (rig / "ssh").read_text().replace(str(rig.parent / "config"), f"{folder}/config")
        (place / "ssh").write_text(program)
        (place / "ssh").chmod(0o755)
        yield {"PATH": f"{folder}:{PATH}", "DOCKER_CONFIG": f"{folder}/docker"}
        run(place / "ssh", "-O", "exit", "build", cwd=place, environ={"PATH": PATH})


def test_the_page_about_remote_engines_leads_to_one(
    far: Far, repository: Repository, build: dict[str, str]
) -> None:
    session = far.seen_from(repository.worktree("one"))
    unset = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    environ = {name: text for name, text in session.environ.items() if name not in unset}
    path = {"PATH": f"{PROGRAM.parent}:{build['PATH']}"}
    session = replace(session, environ={**environ, **build, **path})
    (block,) = blocks("docs/remote.md", "sh")
    done = session.shell(block.text)
    assert done.code == 0, done.err
    assert f"http://{far.address}:{session.base + 4}" in done.out
    session.ok("down")


def test_an_engine_that_is_away_is_named_and_its_lease_kept(far: Far, one: Session) -> None:
    over_ssh = far.seen_from(one, "ssh")
    one.ok("up")
    far.halt()
    try:
        for session, way in ((one, "COMPOSEPORTS_DEV_TCP"), (over_ssh, "COMPOSEPORTS_DEV_SSH")):
            for command in ("up", "down"):
                done = session.run(command)
                assert done.code == 69, done.err
                assert f"the Docker engine at {far.exports[way]} did not answer" in done.err
        assert one.row["state"] == "unknown"
    finally:
        far.start()
    one.ok("up")
    one.ok("down")
