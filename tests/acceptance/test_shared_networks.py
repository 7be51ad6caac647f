"""External networks: reported, made private, acknowledged, or mapped to a sibling's session."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.harness.engine import docker, remove
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

MakeNetwork = Callable[[str], str]
SERVE = 'mkdir -p /tmp/w && echo "$OWNER" > /tmp/w/index.html && httpd -f -p 5432 -h /tmp/w'
WAIT = ["sleep", "3600"]


@pytest.fixture
def make_network(tmp_path: Path, environ: dict[str, str]) -> Iterator[MakeNetwork]:
    """Create networks on the engine; remove them with their containers at the end of the test."""
    del environ  # its stacks have to go first: the last fixture is undone first
    names: list[str] = []

    def make(name: str) -> str:
        own = f"{name}-{tmp_path.parent.name}-{tmp_path.name}".lower()
        docker("network", "create", own)
        names.append(own)
        return own

    yield make
    for name in names:
        ids = docker("ps", "--all", "--quiet", "--filter", f"network={name}").split()
        if ids:
            docker("rm", "--force", *ids)
        remove("network", name)


def database(**more: object) -> dict[str, object]:
    command = ["sh", "-c", SERVE.replace("$", "$$")]
    return {"command": command, "environment": {"OWNER": "${PWD}"}, **more}


def edge(network: str) -> str:
    services: dict[str, dict[str, object]] = {
        "web": {"ports": ["8080:80"], "command": WAIT},
        "db": database(container_name=f"{network}-db"),
    }
    return stack(services, networks={"default": {"external": True, "name": network}})


def ask(session: Session, host: str, service: str = "web") -> str:
    """Return the answer of `host` inside the session's stack; empty if there is none."""
    url = f"http://{host}:5432"
    done = session.run("exec", "-T", service, "wget", "-q", "-O", "-", url)
    return done.out.strip()


def warnings(session: Session, about: str) -> list[str]:
    listed: list[str] = session.json("plan")["warnings"]
    return [text for text in listed if about in text]


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Callable[[Session, str, str], None]]:
    """Start stacks by plain Compose, which are taken down when the test ends."""
    with ExitStack() as ends:

        def start(session: Session, project: str, folder: str = ".") -> None:
            names = ("--project-name", project) if project else ()
            place = below(session, folder)
            ends.callback(place.compose, *names, "down", "--volumes", "-t", "0")
            place.compose(*names, "up", "--detach")

        yield start
    del tmp_path


def test_names_that_another_stack_has_on_an_external_network_are_told(
    make_repository: MakeRepository,
    make_network: MakeNetwork,
    plain: Callable[..., None],
) -> None:
    network = make_network("edge")
    repository = make_repository({"compose.yaml": edge(network)})
    one, other = repository.worktree("one"), repository.worktree("other")
    plain(repository.main, f"plain-{network}")
    first = one.must_run("up")
    (told,) = [line for line in first.err.splitlines() if f"network {network} is external" in line]
    assert told.startswith("warning: ")
    assert f"plain-{network} ({repository.main.directory})" in told
    assert "db, web may lead to" in told
    assert f'shared = ["network:{network}"]' in told
    assert f'external_networks = ["{network}"]' in told
    second = other.json("up")
    (told,) = [text for text in second["warnings"] if f"network {network} is external" in text]
    assert one.project in told
    assert str(one.directory) in told
    strict = one.run("up", "--strict")
    assert strict.code == 78
    assert one.project in one.ok("status", "--wide")


def test_a_container_name_is_no_host_name_on_an_external_network(
    make_repository: MakeRepository, make_network: MakeNetwork
) -> None:
    network = make_network("edge")
    repository = make_repository({"compose.yaml": edge(network)})
    one, other = repository.worktree("one"), repository.worktree("other")
    one.ok("up")
    other.ok("up")
    assert ask(one, f"{network}-db") == ask(other, f"{network}-db") == ""
    assert wait_until(lambda: ask(one, f"{one.project}-{network}-db"), "its own name") == str(
        one.directory
    )


@pytest.mark.parametrize("named", [False, True])
def test_the_settings_make_an_external_network_the_session_s_own(
    make_repository: MakeRepository,
    make_network: MakeNetwork,
    plain: Callable[..., None],
    *,
    named: bool,
) -> None:
    network = make_network("edge")
    value = f'["{network}"]' if named else "true"
    settings = f"[isolate]\nexternal_networks = {value}\n"
    files = {"compose.yaml": edge(network), "composeports.toml": settings}
    repository = make_repository(files)
    one, other = repository.worktree("one"), repository.worktree("other")
    plain(repository.main, f"plain-{network}")
    for session in (one, other):
        session.ok("up", "--strict")
        assert session.resources_of("network") == [f"network {session.project}_{network}"]
    for session in (one, other):
        for name in ("db", f"{network}-db"):
            answer = wait_until(partial(ask, session, name), f"{name} answers")
            assert {answer, *(ask(session, name) for _ in range(5))} == {str(session.directory)}
    one.ok("down")
    assert one.resources_of("network") == []
    assert docker("network", "inspect", "--format", "{{.Name}}", network).strip() == network


def test_a_network_that_the_settings_name_is_listed_without_a_warning(
    make_repository: MakeRepository, make_network: MakeNetwork
) -> None:
    network = make_network("edge")
    settings = f'shared = ["network:{network}"]\n'
    files = {"compose.yaml": edge(network), "composeports.toml": settings}
    one = make_repository(files).worktree("one")
    done = one.must_run("up", "--strict")
    assert "warning" not in done.err
    assert f"shared by all sessions, as the settings say: network {network}" in done.err
    (listed,) = one.json("plan")["shared"]
    assert (listed["kind"], listed["name"], listed["acknowledged"]) == ("network", network, True)


def test_a_network_that_network_mode_names_is_told(
    make_repository: MakeRepository, make_network: MakeNetwork
) -> None:
    network = make_network("edge")
    file = stack({"web": {"network_mode": network, "command": WAIT}})
    one = make_repository({"compose.yaml": file}).worktree("one")
    assert "network_mode" in one.json("plan")["shared"][0]["why"]
    assert one.run("up", "--strict").code == 78


def test_other_stacks_on_another_network_are_not_told(
    make_repository: MakeRepository, make_network: MakeNetwork, plain: Callable[..., None]
) -> None:
    network = make_network("edge")
    file = stack({"web": {"command": WAIT}, "db": database()})
    repository = make_repository({"compose.yaml": file})
    plain(repository.main, f"plain-{network}")
    one = repository.worktree("one")
    assert one.run("up", "--strict").code == 0


SHOP_AND_INFRA = {
    "infra/compose.yaml": stack({"db": database(ports=["5432:5432"])}, name="infra"),
    "apps/web/compose.yaml": stack(
        {"web": {"ports": ["8080:80"], "networks": ["default", "infra"], "command": WAIT}},
        networks={"infra": {"external": True, "name": "infra_default"}},
    ),
}


def below(session: Session, folder: str) -> Session:
    return Session(session.directory / folder, session.environ)


def monorepo(
    make_repository: MakeRepository, name: str, files: dict[str, str] | None = None
) -> Repository:
    """Make a repository of two projects, whose names in plain Compose no other test has."""
    texts = SHOP_AND_INFRA if files is None else files
    return make_repository(
        {path.replace("infra", name): text.replace("infra", name) for path, text in texts.items()}
    )


@pytest.fixture
def name(tmp_path: Path) -> str:
    """Return a unique project name that Compose accepts."""
    word = f"infra{tmp_path.parent.name}{tmp_path.name}"
    return "".join(letter for letter in word.lower() if letter.isalnum())


def test_a_sibling_s_network_leads_to_its_session_in_this_worktree(
    make_repository: MakeRepository, name: str, plain: Callable[..., None]
) -> None:
    repository = monorepo(make_repository, name)
    plain(repository.main, "", name)
    for worktree in (repository.worktree("one"), repository.worktree("other")):
        infra, web = below(worktree, name), below(worktree, "apps/web")
        infra.ok("up", "--strict")
        web.ok("up", "--strict")
        (change,) = [each for each in web.json("plan")["changes"] if each["kind"] == "network"]
        assert (change["from"], change["to"]) == (f"{name}_default", f"{infra.project}_default")
        answer = wait_until(partial(ask, web, "db"), "db answers")
        assert {answer, *(ask(web, "db") for _ in range(5))} == {str(infra.directory)}


def test_a_sibling_that_is_not_up_is_told_by_name(
    make_repository: MakeRepository, name: str, plain: Callable[..., None]
) -> None:
    repository = monorepo(make_repository, name)
    plain(repository.main, "", name)
    one = repository.worktree("one")
    infra, web = below(one, name), below(one, "apps/web")
    done = web.run("up")
    assert done.code != 0
    (told,) = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert str(infra.directory) in told
    assert "`composeports up` there first" in told
    assert web.run("up", "--strict").code == 78
    assert web.resources_of("container") == []
    on_main_s = docker(
        "ps", "--all", "--filter", f"network={name}_default", "--format", "{{.Names}}"
    )
    assert on_main_s.split() == [f"{name}-db-1"]
    infra.ok("up")
    assert web.run("up", "--strict").code == 0


def test_a_sibling_by_plain_compose_from_the_same_worktree_is_the_worktree_s_own(
    make_repository: MakeRepository, name: str, plain: Callable[..., None]
) -> None:
    one = monorepo(make_repository, name).worktree("one")
    plain(one, "", name)
    web = below(one, "apps/web")
    assert web.run("up", "--strict").code == 0
    assert wait_until(lambda: ask(web, "db"), "db answers") == str(one.directory / name)


@pytest.mark.parametrize(
    ("folder", "infra"),
    [
        pytest.param(
            "platform",
            stack({"db": database()}, networks={"default": {"name": "infra_default"}}),
            id="an explicit name of the network",
        ),
        pytest.param(
            "platform", stack({"db": database()}, name="${STACK:-infra}"), id="a name by a variable"
        ),
        pytest.param("infra", stack({"db": database()}), id="the folder's name"),
    ],
)
def test_a_sibling_is_known_by_what_compose_says_of_it(
    make_repository: MakeRepository, name: str, folder: str, infra: str
) -> None:
    files = {"apps/web/compose.yaml": SHOP_AND_INFRA["apps/web/compose.yaml"]}
    files[f"{folder}/compose.yaml"] = infra
    one = monorepo(make_repository, name, files).worktree("one")
    platform, web = below(one, folder.replace("infra", name)), below(one, "apps/web")
    platform.ok("up")
    web.ok("up", "--strict")
    assert wait_until(lambda: ask(web, "db"), "db answers") == str(platform.directory)


def test_network_mode_leads_to_the_session_s_network_of_that_name(
    make_repository: MakeRepository, name: str, plain: Callable[..., None]
) -> None:
    """Plain Compose's stack has networks of both names, and a database on each of them."""
    services: dict[str, dict[str, object]] = {
        "db": database(networks=["default", "net"]),
        "by-name": {"network_mode": f"{name}_net", "command": WAIT},
        "by-default": {"network_mode": f"{name}_default", "command": WAIT},
    }
    file = stack(services, name=name, networks={"net": {"name": f"{name}_net"}})
    repository = make_repository({"compose.yaml": file})
    plain(repository.main, "", ".")
    for session in (repository.worktree("one"), repository.worktree("other")):
        session.ok("up", "--strict")
        for service in ("by-name", "by-default"):
            answer = wait_until(partial(ask, session, "db", service), "db answers")
            assert answer == str(session.directory)


def labelled(network: str, *, own: bool = False) -> str:
    word = "${COMPOSE_PROJECT_NAME}" if own else "shop"
    labels = [
        "traefik.enable=true",
        f"traefik.http.routers.{word}.rule=Host(`{word}.localhost`)",
        f"traefik.http.services.{word}.loadbalancer.server.port=80",
        f"caddy={word}.localhost",
    ]
    web = {
        "labels": labels,
        "environment": {"VIRTUAL_HOST": f"{word}.localhost"},
        "networks": ["proxy"],
        "command": WAIT,
    }
    return stack({"web": web}, networks={"proxy": {"external": True, "name": network}})


def test_names_for_a_reverse_proxy_that_every_session_has_are_told(
    make_repository: MakeRepository, make_network: MakeNetwork
) -> None:
    network = make_network("proxy")
    one = make_repository({"compose.yaml": labelled(network)}).worktree("one")
    done = one.run("up")
    (told,) = [line for line in done.err.splitlines() if "reverse proxy" in line]
    assert told.startswith("warning: service web ")
    for word in ("routers.shop", "Host(`shop.localhost`)", "caddy: shop", "VIRTUAL_HOST=shop"):
        assert word in told
    assert "${COMPOSE_PROJECT_NAME}" in told
    write(one.directory, {"composeports.toml": f'shared = ["network:{network}"]\n'})
    assert one.run("up", "--strict").code == 78
    entries = [f"network:{network}", "label:traefik", "label:caddy", "variable:VIRTUAL_HOST"]
    write(one.directory, {"composeports.toml": f"shared = {json.dumps(entries)}\n"})
    assert one.run("up", "--strict").code == 0


def test_names_for_a_reverse_proxy_with_the_project_s_in_them_are_the_session_s_own(
    make_repository: MakeRepository, make_network: MakeNetwork
) -> None:
    network = make_network("proxy")
    settings = f'shared = ["network:{network}"]\n'
    files = {"compose.yaml": labelled(network, own=True), "composeports.toml": settings}
    one = make_repository(files).worktree("one")
    assert one.run("up", "--strict").code == 0


def test_names_for_a_reverse_proxy_that_cannot_see_other_stacks_are_left_alone(
    make_repository: MakeRepository,
) -> None:
    text = labelled("own").replace('"external": true', '"driver": "bridge"')
    one = make_repository({"compose.yaml": text}).worktree("one")
    assert one.run("up", "--strict").code == 0
