"""A repository is not trusted: no program of it runs outside of containers.

Each repository here has a program that creates a file if it runs. The tests try every interface.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from mcp import Client

from tests.harness.program import write_program
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.support.mcp_client import over_stdio, refused, told

pytestmark = pytest.mark.e2e

EVAL = 'eval "$(composeports env)"'
OBEYED = "DOCKER_CONFIG BASH_ENV LD_PRELOAD LD_LIBRARY_PATH PATH ENV PYTHONPATH GIT_SSH"


@pytest.fixture
def pwned(tmp_path: Path) -> Iterator[Path]:
    """Yield the file that a program of the repository makes; it is not there at the end."""
    path = tmp_path / "pwned"
    yield path
    assert not path.exists()


def with_ports(*names: str) -> str:
    """Return a stack whose published ports come from these variables."""
    ports = [f"${{{name}:-{8080 + number}}}:{80 + number}" for number, name in enumerate(names)]
    return stack({"web": {"ports": ports}})


def lay_traps(session: Session, pwned: Path) -> None:
    """Put a program of the repository wherever a number of the block could lead to one."""
    base = int(session.environ["PORT_ALLOC_BASE"])
    trap = f"touch '{pwned}'; exit 1"
    for number in (*range(base, base + 40), *range(8080, 8090), *range(65520, 65536)):
        folder = session.directory / str(number)
        write_program(folder / "cli-plugins/docker-compose", trap)
        write_program(folder / "docker", trap)
        write_program(folder / "sitecustomize.py", "open('" + str(pwned) + "', 'w')")


def lay_shell_traps(session: Session, pwned: Path) -> None:
    """The same, as a script that a shell would read before its own."""
    base = int(session.environ["PORT_ALLOC_BASE"])
    for number in (*range(base, base + 40), *range(8080, 8090), *range(65520, 65536)):
        (session.directory / str(number)).write_text(f"touch '{pwned}'\n")


def shown(session: Session, script: str, names: str = OBEYED) -> list[str]:
    """Return those of the names whose value the script changes."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    before = json.loads(session.shell(f"python3 -c '{show}'").out)
    done = session.shell(f"{script} python3 -c '{show}'")
    assert done.code == 0, done.err
    after = json.loads(done.out.splitlines()[-1])
    return [name for name in names.split() if before.get(name) != after.get(name)]


def go_every_way(session: Session) -> None:
    """Start, ask and end the stack in every way that gives a program an environment."""
    session.ok("plan")
    session.ok("up")
    assert session.published()
    assert "web" in session.ok("ps", "--services")
    session.ok("up")
    session.ok("config", "--quiet")
    # With the wrapper of docker, a folder of the state directory stands in front of PATH.
    assert shown(session, "composeports env --no-wrap --") == []
    assert shown(session, f"{EVAL};") == []
    assert session.shell(f"{EVAL}; bash -c true; docker compose ps --quiet").code == 0
    assert not [name for name in OBEYED.split() if name in session.own_env]
    session.ok("run", "--rm", "web", "true")
    session.ok("down")

    async def talk(client: Client) -> None:
        asked = {"worktree": str(session.directory)}
        up = told(await client.call_tool("compose_up", asked))
        assert not [name for name in OBEYED.split() if name in up["env"]]
        told(await client.call_tool("compose_down", asked))

    over_stdio(session.environ, talk)


@pytest.mark.parametrize("names", [("DOCKER_CONFIG",), tuple(OBEYED.split())], ids=["one", "all"])
def test_no_plugin_or_program_of_the_repository_runs(
    make_repository: MakeRepository, pwned: Path, names: tuple[str, ...]
) -> None:
    chosen = tuple(name for name in names if name != "PATH")  # the user has one, no number
    if names == ("DOCKER_CONFIG",):
        session = unset(make_repository({"compose.yaml": with_ports(*names)}).main)
    else:
        chosen = tuple(name for name in chosen if name != "DOCKER_CONFIG")
        session = make_repository({"compose.yaml": with_ports(*chosen, "PATH_X")}).main
    lay_traps(session, pwned)
    planned = session.json("plan")
    whys = {each["why"] for each in planned["changes"] if each["kind"] == "port"}
    for name in chosen:
        reason = f"{name} is a name that programs obey, so only the host port is changed"
        assert reason in whys
        assert name not in planned["env"]
    go_every_way(session)


def unset(session: Session) -> Session:
    """Return a session whose docker has its settings below the home folder, as most users have."""
    environ = dict(session.environ)
    home = session.directory.parent / "home"
    home.mkdir()
    shutil.copytree(environ.pop("DOCKER_CONFIG"), home / ".docker", symlinks=True)
    return Session(session.directory, {**environ, "HOME": str(home)})


def test_no_file_of_the_repository_runs_in_a_shell(
    make_repository: MakeRepository, pwned: Path
) -> None:
    session = make_repository({"compose.yaml": with_ports("BASH_ENV", "LD_PRELOAD", "PATH_X")}).main
    lay_shell_traps(session, pwned)
    go_every_way(session)
    session.ok("up")
    assert dict(session.row["ports"])["web:82/tcp"] == int(session.own_env["PATH_X"])


def test_no_env_file_of_the_repository_says_what_runs(
    make_repository: MakeRepository, pwned: Path
) -> None:
    """Compose may interpret such a file; composeports does not."""
    lines = ("DOCKER_CONFIG=evil", "PATH=evil", "LD_PRELOAD=./evil/lib.so", "BASH_ENV=evil/docker")
    files = {
        "compose.yaml": with_ports("WEB_PORT"),
        ".env": "".join(f"{line}\n" for line in lines),
        "other.env": "".join(f"{line}\n" for line in lines),
    }
    session = make_repository(files).main
    for name in ("docker", "git", "cli-plugins/docker-compose"):
        write_program(session.directory / "evil" / name, f"touch '{pwned}'; exit 1")
    go_every_way(session)
    session.ok("--env-file", "other.env", "up")
    session.ok("--env-file", "other.env", "ps")


LIBRARIES: Mapping[str, str] = {
    "LD_PRELOAD": "./evil.so",
    "PATH": "bin",
    "DOCKER_HOST": "unix:///tmp/evil.sock",
    "BASH_ENV": "./evil.sh",
}


@pytest.mark.parametrize(("name", "value"), LIBRARIES.items())
def test_settings_that_name_such_a_variable_are_refused_every_way(
    make_repository: MakeRepository, pwned: Path, name: str, value: str
) -> None:
    session = make_repository(
        {
            "compose.yaml": with_ports("WEB_PORT"),
            "composeports.toml": f'[env]\n{name} = "{value}"\n',
            "evil.sh": f"touch '{pwned}'\n",
        }
    ).main
    write_program(session.directory / "bin/docker", f"touch '{pwned}'")
    for command in (("plan", "--json"), ("up", "--json"), ("config",)):
        done = session.run(*command)
        assert done.code == 78
        assert f"cannot set {name}, which programs obey" in done.out + done.err

    async def talk(client: Client) -> None:
        asked = {"worktree": str(session.directory)}
        failure = refused(await client.call_tool("compose_up", asked))
        assert f"cannot set {name}, which programs obey" in failure["message"]

    over_stdio(session.environ, talk)
    assert Session(session.directory.parent, session.environ).json("status") == []


def test_an_alias_bomb_is_told_as_what_it_is(make_repository: MakeRepository) -> None:
    lines = ['x-a: &a ["lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol", "lol"]']
    for below, name in pairwise("abcdefghi"):
        lines.append(f"x-{name}: &{name} [{', '.join([f'*{below}'] * 10)}]")
    lines.append('services: {web: {image: "x"}}')
    session = make_repository({"compose.yaml": "\n".join(lines)}).main
    done = session.run("plan", "--json")
    error = done.error
    assert (done.code, error["code"]) == (78, "compose_limit")
    assert "`docker compose config` was ended" in error["message"]
    assert "aliases" in error["hint"]


def test_no_secret_of_composeports_reaches_a_container(make_repository: MakeRepository) -> None:
    names = ("COMPOSEPORTS_API_KEYS", "COMPOSEPORTS_STORE")
    web = {"environment": {f"SEEN_{name}": f"${{{name}:-none}}" for name in names}}
    session = make_repository({"compose.yaml": stack({"web": web})}).main
    store = f"sqlite:///{session.directory.parent}/own.sqlite3"
    secret = Session(
        session.directory,
        {**session.environ, "COMPOSEPORTS_API_KEYS": "k" * 20, "COMPOSEPORTS_STORE": store},
    )
    secret.ok("up")
    for command in (("exec", "-T", "web", "env"), ("run", "--rm", "-T", "web", "env")):
        out = secret.ok(*command)
        assert [f"SEEN_{name}=none" in out for name in names] == [True, True]
        assert "own.sqlite3" not in out
    assert store in secret.ok("env", "--", "env")
    secret.ok("down")


def test_no_plan_shows_a_password(make_repository: MakeRepository) -> None:
    web = {
        "ports": ["5432:80"],
        "environment": {"URL": "http://me:topsecret@localhost:5432/x"},
    }
    session = make_repository({"compose.yaml": stack({"web": web})}).main
    document = session.json("plan")
    number = document["ports"]["web:80/tcp"]
    (url,) = [each for each in document["changes"] if each["kind"] == "url"]
    assert url["to"] == f"http://me:***@localhost:{number}/x"
    assert "topsecret" not in session.ok("plan")
    assert "topsecret" not in json.dumps(document)
    session.ok("up")
    out = session.ok("exec", "-T", "web", "env")
    assert f"URL=http://me:topsecret@localhost:{number}/x" in out
