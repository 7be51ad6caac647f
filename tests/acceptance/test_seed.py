"""`up --seed-from`: a new worktree starts with another session's data, complete or not at all."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import CallToolResult

from tests.harness.engine import PROJECT_LABEL, docker
from tests.harness.program import PATH, PROGRAM
from tests.harness.repository import stack
from tests.harness.session import (
    MakeRepository,
    Projects,
    Repository,
    Session,
    fresh_environ,
    new_repository,
)
from tests.support.machine import Shell
from tests.support.mcp_client import over_stdio, refused, told
from tests.support.serving import serving

pytestmark = pytest.mark.e2e

SEED_LABEL = "composeports.seed"
WEB = {"volumes": ["store:/data"]}
FILES = {"compose.yaml": stack({"web": WEB}, volumes={"store": {"labels": {"team": "blue"}}})}
HALF_UPLOAD = Path(__file__).parents[1] / "support" / "half_upload.py"
# As many bytes of a volume as arrive before its copy is cut off, and more than that.
HALF, WHOLE = 100_000, 1_000_000
FILL = f"""
    cd /data; mkdir -p empty sub
    head -c {WHOLE} /dev/urandom >large; echo main >who
    ln who sub/hard; ln -s ../who sub/soft; ln -s /nowhere broken
    chown 33:44 who; chmod 640 who; chmod 2750 sub; chown 70:71 . empty; chmod 1770 .
    touch -d '2001-02-03 04:05:06' empty large
"""
LOOK = """
    cd /data; stat -c '%n %U %u %g %a %h %s' . empty sub large who sub/hard
    stat -c '%n %Y' empty large; readlink broken; readlink sub/soft; sha256sum large sub/soft
    [ who -ef sub/hard ]
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, projects: Projects) -> Iterator[Repository]:
    """A repository whose main checkout runs, with data in its volume."""
    place = tmp_path_factory.mktemp("shop")
    room = {"PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": "20"}
    made = new_repository(place, fresh_environ(place) | room, FILES)
    made.main.ok("up")
    made.main.known_project = made.main.project
    inside(made.main, FILL)
    yield made
    projects.take_down(place)


@pytest.fixture
def main(shop: Repository) -> Iterator[Session]:
    """The session with the data; it runs again after whatever a test did."""
    yield shop.main
    assert states(shop.main) == ["running"]


@pytest.fixture
def worktree(shop: Repository, main: Session, tmp_path: Path) -> Session:
    """A new worktree of the shop; its session has nothing yet."""
    assert states(main) == ["running"]
    return shop.worktree(tmp_path.name.replace("_", "-"))


def inside(session: Session, script: str) -> str:
    """Run a script in the session's running container."""
    return session.ok("exec", "-T", "web", "sh", "-euc", script)


def states(session: Session) -> list[str]:
    """Return the states of the session's containers."""
    only = ("--filter", f"label={PROJECT_LABEL}={session.known_project or session.project}")
    return docker("ps", "--all", *only, "--format", "{{.State}}").split()


def helpers() -> set[str]:
    """Return the helpers of copies that the engine has, those of others too."""
    only = ("--quiet", "--no-trunc", "--filter", f"label={SEED_LABEL}")
    return {*docker("ps", "--all", *only).split(), *docker("images", *only).split()}


def records(session: Session) -> list[str]:
    """Return the records of copies that did not end."""
    state = session.state
    return [path.name for path in (state / "seeding").iterdir()]


def with_docker(place: Path, then: str) -> dict[str, str]:
    """Return a PATH on which `docker` runs a script when half a volume is copied; $real is docker.

    As this `docker` is a script, composeports reaches the engine through it.
    """
    folder = place / "bin"
    folder.mkdir()
    real = shlex.quote(str(shutil.which("docker", path=PATH)))
    half = f'{sys.executable} -S {HALF_UPLOAD} {HALF} "$real"'
    script = f'if [ "$1 $2" = "system dial-stdio" ]; then {half} 2>/dev/null && exit; {then}; fi'
    program = folder / "docker"
    program.write_text(f'#!/bin/bash\nreal={real}\n{script}\nexec "$real" "$@"\n')
    program.chmod(0o755)
    return {"PATH": f"{folder}:{PROGRAM.parent}:{PATH}"}


def test_a_new_worktree_starts_with_the_main_checkouts_database(
    make_repository: MakeRepository,
) -> None:
    db = {
        "image": "composeports-dev/postgres:1",
        "environment": {"POSTGRES_HOST_AUTH_METHOD": "trust"},
        "volumes": ["db-data:/var/lib/postgresql/data"],
        "healthcheck": {"test": "pg_isready -h 127.0.0.1", "interval": "0.5s", "retries": 100},
    }
    repository = make_repository({"compose.yaml": stack({"db": db}, volumes={"db-data": {}})})
    source, worktree = repository.main, repository.worktree("feature")
    psql = ("exec", "-T", "db", "psql", "-U", "postgres", "-Atc")
    source.ok("up", "--wait")
    source.ok(*psql, "CREATE TABLE word AS SELECT 'from main' AS text")

    done = worktree.run("up", "--seed-from", "main", "--wait", "--json")

    assert done.code == 0, done.err
    assert "already exists" not in done.err  # Compose takes the volume for its own
    assert worktree.ok(*psql, "SELECT text FROM word") == "from main\n"
    [seeded] = done.document["seeded"]
    assert seeded["bytes"] > WHOLE
    assert {name: value for name, value in seeded.items() if name != "bytes"} == {
        "volume": "db-data",
        "from": f"{source.project}_db-data",
        "to": f"{worktree.project}_db-data",
    }
    source.ok(*psql, "DROP TABLE word")
    assert worktree.ok(*psql, "SELECT text FROM word") == "from main\n"


def test_all_that_a_volume_holds_is_kept_and_compose_has_it_as_its_own(
    shop: Repository, main: Session, worktree: Session
) -> None:
    before, content = helpers(), inside(main, LOOK)

    done = worktree.run("up", "--seed-from", "main")

    assert done.code == 0, done.err
    assert "already exists" not in done.err
    assert inside(worktree, LOOK) == content
    [volume] = docker("volume", "ls", "-q", "--filter", f"name={worktree.project}").split()
    labels = json.loads(docker("volume", "inspect", "--format", "{{json .Labels}}", volume))
    assert labels["team"] == "blue"
    assert labels["com.docker.compose.volume"] == "store"
    assert helpers() <= before
    assert records(worktree) == []

    # A stack that is down has volumes too; this one is named by its branch.
    worktree.ok("down")
    branch = worktree.directory.name
    second = shop.worktree(f"{branch}-again")
    second.ok("up", "--seed-from", branch)

    assert inside(second, LOOK) == content
    worktree.ok("down", "-v")
    assert worktree.resources_of() == []
    assert len(second.resources_of("volume")) == 1


def test_data_that_exists_is_never_overwritten(main: Session, worktree: Session) -> None:
    worktree.ok("up")
    in_use = worktree.run("up", "--seed-from", "main", "--json")
    inside(worktree, "echo mine >/data/who")
    worktree.ok("down")

    done = worktree.run("up", "--seed-from", main.known_project, "--json")

    assert "is used by a container" in in_use.err
    assert "has content, which stays" in done.err
    for each in (in_use, done):
        assert each.document["seeded"] == []
    assert inside(worktree, "cat /data/who; ls /data") == "mine\nwho\n"


def test_a_volume_that_exists_and_is_empty_is_filled(main: Session, worktree: Session) -> None:
    name = f"{worktree.project}_store"
    owned = ("--label", f"{PROJECT_LABEL}={worktree.project}")
    docker("volume", "create", *owned, "--label", "com.docker.compose.volume=store", name)

    worktree.ok("up", "--seed-from", str(main.directory))

    assert inside(worktree, "cat /data/who") == "main\n"


KILL = "kill -KILL $PPID; exit 1"


def test_after_a_kill_half_way_the_next_up_makes_the_whole_copy(
    main: Session, worktree: Session, tmp_path: Path
) -> None:
    before = helpers()

    killed = worktree.run("up", "--seed-from", "main", **with_docker(tmp_path, KILL))

    assert killed.code == -9
    assert len(worktree.resources_of("volume")) == 1
    assert states(main) == ["paused"]
    assert helpers() > before
    assert worktree.run("run", "--rm", "web", "true").code == 75  # nothing starts on half the data
    assert main.run("--session", "third", "up", "--seed-from", worktree.project).code == 75

    document = worktree.json("up")  # without --seed-from: it must not start on half the data

    assert [each["volume"] for each in document["seeded"]] == ["store"]
    assert inside(worktree, LOOK) == inside(main, LOOK)
    assert helpers() <= before
    assert records(worktree) == []


def test_after_a_kill_half_way_down_takes_the_half_copy_away(
    main: Session, worktree: Session, tmp_path: Path
) -> None:
    before = helpers()
    worktree.run("up", "--seed-from", "main", **with_docker(tmp_path, KILL))
    assert len(worktree.resources_of("volume")) == 1

    worktree.ok("down")

    assert worktree.resources_of() == []
    assert states(main) == ["running"]
    assert helpers() <= before
    assert records(worktree) == []


@pytest.mark.parametrize(
    ("then", "ending"),
    [
        ("kill -INT $PPID; exec tail -f /dev/null", (130, "interrupted")),
        ("echo 'no space left on device' >&2; exit 1", (69, "no space left on device")),
    ],
    ids=["Ctrl-C", "failure"],
)
def test_a_copy_that_ends_early_leaves_nothing_and_starts_nothing(
    main: Session, worktree: Session, tmp_path: Path, then: str, ending: tuple[int, str]
) -> None:
    before = helpers()
    made = tmp_path / "made"
    note = f'"$real" ps --all --quiet --filter label={SEED_LABEL} >{made}'

    done = worktree.run("up", "--seed-from", "main", **with_docker(tmp_path, f"{note}; {then}"))

    code, said = ending
    assert (done.code, said in done.err) == (code, True), done.err
    assert "nothing was started" in done.err
    assert len(made.read_text().split()) == 2  # there were helpers
    assert helpers() <= before
    assert worktree.row == {}
    assert worktree.resources_of() == []
    assert states(main) == ["running"]
    assert records(worktree) == []


def test_nobody_else_starts_a_session_while_its_volumes_are_filled(
    worktree: Session, tmp_path: Path
) -> None:
    log = tmp_path / "second"
    up = "timeout --preserve-status --signal=INT 5 composeports up"
    second = f'{up} >{log} 2>&1; echo "exit $?" >>{log}; composeports release 2>>{log}; exit 1'

    first = worktree.run("up", "--seed-from", "main", **with_docker(tmp_path, second))

    assert first.code == 69
    assert "waiting for its end" in log.read_text()
    assert "\nexit 130\n" in log.read_text()
    assert "error: `composeports up`, process " in log.read_text()


@pytest.mark.parametrize(
    ("options", "states_seen"),
    [
        ((), ("running", "paused")),
        (("--no-pause",), ("running", "running")),
        ((), ("paused", "paused")),
    ],
    ids=["runs", "--no-pause", "is paused"],
)
def test_the_source_is_paused_for_the_copy_alone_and_only_where_it_ran(
    main: Session,
    worktree: Session,
    tmp_path: Path,
    options: tuple[str, ...],
    states_seen: tuple[str, str],
) -> None:
    before, while_running = states_seen
    log = tmp_path / "seen"
    ask = f'"$real" inspect --format "{{{{.State.Status}}}}" {next(iter(main.ids().values()))}'
    # The copy fails, so that no stack has to be started for this.
    variables = with_docker(tmp_path, f"{ask} >{log}; exit 1")
    if before == "paused":
        main.ok("pause")
    try:
        assert worktree.run("up", "--seed-from", "main", *options, **variables).code == 69
        assert log.read_text() == f"{while_running}\n"
        assert states(main) == [before]
    finally:
        if before == "paused":
            main.ok("unpause")


def test_a_session_that_nobody_knows_and_the_session_itself_are_refused(
    main: Session, worktree: Session
) -> None:
    unknown = worktree.run("up", "--seed-from", "nobody", "--json")
    itself = main.run("up", "--seed-from", "main")

    assert unknown.code == itself.code == 2
    error = unknown.error
    assert error["code"] == "usage"
    assert f"({main.directory} on main, {main.known_project})" in error["hint"]
    assert "is this session itself" in itself.err
    assert worktree.row == {}
    assert worktree.resources_of() == []


@pytest.fixture(params=[{}, {"name": "yard"}], ids=["named by its folder", "named by the file"])
def plain(
    request: pytest.FixtureRequest, tmp_path: Path, projects: Projects
) -> Iterator[tuple[Repository, str]]:
    """A repository whose main checkout plain Compose started, with data; and its project."""
    file = stack({"web": WEB}, volumes={"store": {}}, **request.param)
    made = new_repository(tmp_path, fresh_environ(tmp_path), {"compose.yaml": file})
    name = request.param.get("name", made.main.directory.name)
    made.main.compose("up", "--detach")
    made.main.compose("exec", "-T", "web", "sh", "-c", "echo two years of work > /data/who")
    yield made, name
    made.main.compose("-p", name, "down", "--volumes", "-t", "0")
    projects.take_down(tmp_path)


@pytest.mark.parametrize("named", [True, False], ids=["compose:PROJECT", "main"])
def test_what_plain_compose_started_can_be_copied(
    plain: tuple[Repository, str], *, named: bool
) -> None:
    repository, project = plain
    session = repository.worktree("login")
    document = json.loads(
        session.ok("up", "--json", "--seed-from", f"compose:{project}" if named else "main")
    )
    assert [each["from"] for each in document["seeded"]] == [f"{project}_store"]
    assert inside(session, "cat /data/who") == "two years of work\n"
    running = docker("ps", "--quiet", "--filter", f"label={PROJECT_LABEL}={project}")
    assert len(running.split()) == 1
    session.ok("down", "-v", "-t", "0")


def test_the_first_up_beside_data_of_plain_compose_says_so(plain: tuple[Repository, str]) -> None:
    repository, project = plain
    main = repository.main
    main.compose("down", "-t", "0")
    done = main.must_run("up")
    assert f"{project}_store" in done.err
    assert f"--seed-from compose:{project}" in done.err
    assert f"compose:{project}" not in main.run("up").err
    main.ok("down", "-v", "-t", "0")
    main.ok("up", "--seed-from", f"compose:{project}")
    assert inside(main, "cat /data/who") == "two years of work\n"
    main.ok("down", "-v", "-t", "0")


def with_seed(session: Session, name: str) -> None:
    (session.directory / "composeports.toml").write_text(f"seed = {json.dumps(name)}\n")


def test_the_settings_fill_new_volumes(main: Session, worktree: Session) -> None:
    with_seed(worktree, "main")
    assert "fills new volumes (store) with a copy of the data of main" in worktree.ok("plan")
    [seeded] = worktree.json("up")["seeded"]
    assert seeded["from"] == f"{main.project}_store"
    assert inside(worktree, "cat /data/who") == "main\n"
    inside(worktree, "echo mine >/data/who")
    worktree.ok("down", "-t", "0")
    assert worktree.json("up")["seeded"] == []
    assert inside(worktree, "cat /data/who") == "mine\n"
    worktree.ok("down", "-v", "-t", "0")
    assert worktree.json("up", "--no-seed")["seeded"] == []
    worktree.ok("down", "-v", "-t", "0")
    assert len(worktree.json("up")["seeded"]) == 1


def test_the_main_checkout_is_not_filled_from_itself(make_repository: MakeRepository) -> None:
    session = make_repository({**FILES, "composeports.toml": 'seed = "main"\n'}).main
    done = session.must_run("up")
    assert "seed" not in done.err


def test_a_session_in_the_settings_that_is_not_known_is_told(worktree: Session) -> None:
    with_seed(worktree, "gone")
    done = worktree.must_run("up")
    assert "warning: the new volumes stay empty" in done.err
    assert "gone: no such session is known" in done.err


def test_the_settings_reach_no_data_of_another_repository(
    main: Session, make_repository: MakeRepository
) -> None:
    other = make_repository(FILES).worktree("other")
    other.environ["COMPOSEPORTS_STATE_DIR"] = main.environ["COMPOSEPORTS_STATE_DIR"]
    other.environ["PORT_ALLOC_BASE"] = main.environ["PORT_ALLOC_BASE"]
    room = {"PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": "20"}
    for name in (main.project, main.row["session_id"], str(main.directory), main.row["name"]):
        with_seed(other, name)
        done = other.run("up", **room)
        assert (done.code, "no such session is known" in done.err) == (0, True)
        other.must_run("down", "-v", "-t", "0", **room)


def test_mcp_and_http_copy_the_data_of_a_session_below_their_roots(
    main: Session, worktree: Session
) -> None:
    def ask(*options: str) -> CallToolResult:
        async def talk(client: Client) -> CallToolResult:
            arguments = {"worktree": str(worktree.directory), "seed": "main"}
            return await client.call_tool("compose_up", arguments)

        return over_stdio(worktree.environ, talk, options=options)

    error = refused(ask("--root", str(worktree.directory)))
    assert "no such session is known" in error["message"]
    assert worktree.row == {}
    told(ask())
    assert main.known_project
    assert inside(worktree, "cat /data/who") == "main\n"
    session_id = worktree.row["session_id"]
    worktree.ok("down", "-v", "-t", "0")
    shell = Shell(worktree.directory, worktree.state, worktree.environ)
    with serving(shell) as server:
        for seed, lines in (("", 0), ("main", 1)):
            asked = {"session_id": session_id, "seed": seed}
            with server.client() as client:
                assert client.post("/stacks/up", json=asked).status_code == 200
            assert inside(worktree, "cat /data/who || true").count("main") == lines
            worktree.ok("down", "-v", "-t", "0")


def test_a_project_that_plain_compose_never_had_is_told(worktree: Session) -> None:
    done = worktree.run("up", "--seed-from", "compose:nobody")
    assert done.code == 2
    assert "has no volumes to copy" in done.err
    assert worktree.resources_of() == []
