"""Well-known stacks: two sessions at once, and every name and URL leads to the same session.

Each service answers with its project's name, which shows the container's session.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.harness.engine import docker, remove
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import fetch, page, wait_until

pytestmark = pytest.mark.e2e

WHOSE = {"GREETING": "${COMPOSE_PROJECT_NAME}"}
Pair = tuple[Session, Session]
Start = Callable[[str], Pair]


@pytest.fixture
def start(make_repository: MakeRepository) -> Start:
    """Start a file in two worktrees at once."""

    def both(file: str) -> Pair:
        repository = make_repository({"compose.yaml": file})
        pair = repository.worktree("one"), repository.worktree("two")
        for session in pair:
            session.ok("up")
        return pair

    return both


# A static busybox cannot resolve a name for its own wget.
ASK = """
ip=$(awk -v name="$1" '$2 == name { print $1; exit }' /etc/hosts)
[ -n "$ip" ] || ip=$(nslookup "$1" | awk '/^Name/ { on = 1 } on && /^Address/ { print $2; exit }')
wget -q -O - "http://${ip:-$1}:$2"
"""


def inside(session: Session, service: str, url: str) -> str:
    """Return what a container of the session gets from a URL."""
    host, _, port = url.removeprefix("http://").partition(":")

    def ask() -> str:
        words = ("sh", "-c", ASK, "ask", host, port or "80")
        done = session.run("exec", "-T", service, *words)
        return done.out.strip() if done.code == 0 else ""

    return wait_until(ask, f"{service} reaches {url}")


def value(session: Session, service: str, name: str) -> str:
    return session.ok("exec", "-T", service, "sh", "-c", f"printf %s ${name}")


def test_a_variable_that_moves_an_internal_url_stays_inside(start: Start) -> None:
    """Supabase: POSTGRES_PORT is the published port, the container's, and part of a URL."""
    file = stack(
        {
            "db": {
                "environment": {**WHOSE, "PORT": "${POSTGRES_PORT:-5432}"},
                "ports": ["${POSTGRES_PORT:-5432}:${POSTGRES_PORT:-5432}"],
            },
            "rest": {"environment": {"DB": "http://db:${POSTGRES_PORT:-5432}"}},
        }
    )
    for session in start(file):
        assert value(session, "rest", "DB") == "http://db:5432"
        assert session.project in inside(session, "rest", "http://db:5432")
        assert session.project in page(session.ok("url", "db").strip())


def test_a_browser_url_leads_to_the_session_s_own_page(start: Start) -> None:
    """Langfuse: NEXTAUTH_URL is what the browser is sent to."""
    file = stack(
        {
            "web": {
                "environment": {**WHOSE, "PORT": "3000", "NEXTAUTH_URL": "http://localhost:3000"},
                "ports": ["3000:3000"],
            },
            "worker": {"environment": {"PUBLIC_URL": "http://127.0.0.1:${WEB_PORT:-3000}/"}},
        }
    )
    for session in start(file):
        url = value(session, "web", "NEXTAUTH_URL")
        assert session.project in page(url)
        assert session.project in page(value(session, "worker", "PUBLIC_URL"))
        assert url == session.ok("url", "web").strip()


def test_one_number_of_several_profiles_is_a_port_each(make_repository: MakeRepository) -> None:
    """Hoppscotch: the same host port is published by services of different profiles."""
    file = stack(
        {
            name: {"profiles": [name], "ports": ["3170:80"], "environment": WHOSE}
            for name in ("backend", "allinone")
        }
    )
    repository = make_repository({"compose.yaml": file})
    for session in (repository.worktree("one"), repository.worktree("two")):
        session.ok("--profile", "backend", "up")
        before = session.ok("url", "backend").strip()
        session.ok("--profile", "*", "up")
        urls = {session.ok("url", name).strip() for name in ("backend", "allinone")}
        assert before in urls
        assert len(urls) == 2
        assert all(session.project in page(url) for url in urls)


def test_a_container_name_is_still_a_host_name(start: Start) -> None:
    """SonarQube: the database is reached by the name of its container."""
    file = stack(
        {
            "db": {"container_name": "sonar-db", "environment": WHOSE},
            "sonar": {"container_name": "sonar", "environment": {"DB": "http://sonar-db:80"}},
        }
    )
    for session in start(file):
        assert session.project in inside(session, "sonar", value(session, "sonar", "DB"))
        names = {each["Name"] for each in session.containers().values()}
        assert names == {f"/{session.project}-sonar", f"/{session.project}-sonar-db"}


def test_static_addresses_move_with_all_that_repeats_them(start: Start) -> None:
    """Mailcow: addresses in a fixed subnet, named as DNS server, in variables and by a prefix."""
    network = "${IPV4_NETWORK:-172.22.1}"
    file = stack(
        {
            "unbound": {
                "environment": WHOSE,
                "networks": {"mail": {"ipv4_address": f"{network}.254"}},
            },
            "web": {
                "environment": {"IPV4_NETWORK": network, "DNS_URL": f"http://{network}.254:80"},
                "dns": [f"{network}.254"],
                "extra_hosts": [f"resolver:{network}.254"],
                "networks": ["mail"],
            },
        },
        networks={
            "mail": {
                "driver_opts": {"com.docker.network.bridge.name": "br-mailcow"},
                "ipam": {"config": [{"subnet": f"{network}.0/24"}]},
            }
        },
    )
    one, two = start(file)
    subnets = set()
    for session in (one, two):
        prefix = value(session, "web", "IPV4_NETWORK")
        assert session.project in inside(session, "web", value(session, "web", "DNS_URL"))
        assert session.project in inside(session, "web", f"http://{prefix}.254")
        assert session.project in inside(session, "web", "http://resolver")
        assert session.containers()["web-1"]["HostConfig"]["Dns"] == [f"{prefix}.254"]
        subnets.add(prefix)
    assert len(subnets) == 2


def test_an_advertised_listener_leads_a_client_back_to_its_own_broker(start: Start) -> None:
    """Kafka: a client gets the broker's address, and connects to it."""
    serve = "GREETING=$$KAFKA_ADVERTISED_LISTENERS exec serve"
    file = stack(
        {
            "kafka": {
                "command": ["sh", "-c", serve],
                "environment": {
                    "PORT": "9092",
                    "KAFKA_LISTENERS": "EXT://0.0.0.0:9092,INT://0.0.0.0:29092",
                    "KAFKA_ADVERTISED_LISTENERS": "EXT://localhost:9092,INT://kafka:29092",
                },
                "ports": ["9092:9092"],
            }
        }
    )
    for session in start(file):
        told = page("http://" + session.ok("url", "kafka").strip().removeprefix("http://"))
        external, internal = told.split()[-1].split(",")
        assert internal == "INT://kafka:29092"
        assert told == fetch("http://" + external.removeprefix("EXT://"))
        hostname = session.containers()["kafka-1"]["Config"]["Hostname"]
        assert told.split()[0] == hostname
        assert value(session, "kafka", "KAFKA_LISTENERS").startswith("EXT://0.0.0.0:9092")


def test_fixed_volume_names_keep_their_data_over_down_and_up(start: Start) -> None:
    file = stack(
        {"db": {"container_name": "db", "volumes": ["data:/data"]}},
        volumes={"data": {"name": "shop-data"}},
    )
    one, two = start(file)
    one.ok("exec", "-T", "db", "sh", "-c", "echo one > /data/row")
    one.ok("down")
    one.ok("up")
    assert one.ok("exec", "-T", "db", "cat", "/data/row").strip() == "one"
    assert two.run("exec", "-T", "db", "cat", "/data/row").code != 0
    one.ok("down", "-v")
    assert one.resources_of() == []
    assert "volume" in str(two.resources_of("volume"))


def test_an_external_volume_outlives_down_v(
    make_repository: MakeRepository, external_volume: str
) -> None:
    file = stack(
        {"db": {"volumes": ["data:/data"]}},
        volumes={"data": {"external": True, "name": external_volume}},
    )
    session = make_repository({"compose.yaml": file}).worktree("one")
    (shared,) = session.json("up")["shared"]
    assert (shared["kind"], shared["name"]) == ("volume", external_volume)
    session.ok("exec", "-T", "db", "sh", "-c", "echo kept > /data/row")
    session.ok("down", "-v")
    session.ok("up")
    assert session.ok("exec", "-T", "db", "cat", "/data/row").strip() == "kept"
    session.ok("down", "-v")


@pytest.fixture
def external_volume(environ: dict[str, str]) -> Iterator[str]:
    name = f"external-{environ['PORT_ALLOC_BASE']}"
    docker("volume", "create", name)
    yield name
    remove("volume", name)


def test_logs_go_to_the_session_s_own_collector(start: Start) -> None:
    """The engine connects to the port that the collector publishes, not a container."""
    collect = "nc -l -p 514 >/collected; sleep 600"
    address = {"syslog-address": "tcp://localhost:5140"}
    speak = 'while :; do echo "from $$GREETING"; sleep 1; done'
    file = stack(
        {
            "logs": {"command": ["sh", "-c", collect], "ports": ["5140:514"]},
            "app": {
                "command": ["sh", "-c", speak],
                "depends_on": ["logs"],
                "environment": WHOSE,
                "logging": {"driver": "syslog", "options": address},
            },
        }
    )
    pair = start(file)
    for session, other in zip(pair, reversed(pair), strict=True):
        read = ("exec", "-T", "logs", "cat", "/collected")
        said = wait_until(lambda: session.ok(*read), "lines of the app")  # noqa: B023 - asked at once
        assert f"from {session.project}" in said
        assert other.project not in said


def test_built_images_are_each_session_s_own(make_repository: MakeRepository) -> None:
    file = stack({"web": {"image": "shop/web:1", "build": ".", "environment": WHOSE},
                  "job": {"image": "shop/web:1", "command": ["sleep", "600"]}})  # fmt: skip
    dockerfile = "FROM composeports-dev/tiny:1\nCOPY text /text\n"
    repository = make_repository({"compose.yaml": file, "Dockerfile": dockerfile, "text": "main"})
    one, two = repository.worktree("one"), repository.worktree("two")
    (one.directory / "text").write_text("one")
    (two.directory / "text").write_text("two")
    for session in (one, two):
        session.ok("up", "--build")
    for session, text in ((one, "one"), (two, "two")):
        assert session.ok("exec", "-T", "web", "cat", "/text") == text
        assert session.ok("exec", "-T", "job", "cat", "/text") == text
        session.ok("down", "--rmi", "all", "-t", "0")
