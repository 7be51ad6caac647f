"""Every way to publish a port: its host port on the engine, and the URL that `url` prints."""

import socket
from collections.abc import Iterator

import pytest

from tests.harness.repository import stack
from tests.harness.session import Projects, Session, fresh_environ, new_repository
from tests.harness.waits import page

pytestmark = pytest.mark.e2e

SERVICES: dict[str, dict[str, object]] = {
    "literal": {"ports": ["8080:80"]},
    "long": {
        "ports": [
            {"target": 80, "published": "8081", "mode": "host", "name": "web", "app_protocol": "ws"}
        ]
    },
    "local": {"ports": ["127.0.0.1:8082:80"]},
    "dns": {"ports": ["5353:53/tcp", "5353:53/udp"]},
    "syslog": {"ports": ["5514:514/udp"]},
    "range": {"ports": ["7000-7002:7000-7002"]},
    "choice": {"ports": ["7100-7110:80"]},
    "variable": {"ports": ["${WEB_PORT:-8090}:80"]},
    "both": {"ports": ["${PORT:-8091}:${PORT:-8091}"], "environment": {"PORT": "${PORT:-8091}"}},
    "db": {"ports": ["${POSTGRES_PORT:-5432}:5432"], "environment": {"PORT": "5432"}},
    "app": {"environment": {"DATABASE": "db:${POSTGRES_PORT:-5432}"}},
    "owner": {"ports": ["8092:80", "8093:81"]},
    "guest": {"network_mode": "service:owner", "environment": {"PORT": "81", "GREETING": "guest"}},
    "free": {"ports": ["80"]},
    "twin": {"ports": ["8080:80"], "profiles": ["twin"]},
}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory, projects: Projects) -> Iterator[Session]:
    """Run all of them in one stack."""
    place = tmp_path_factory.mktemp("published")
    made = new_repository(place, fresh_environ(place), {"compose.yaml": stack(SERVICES)})
    made.main.ok("--profile", "twin", "up", "-t", "0")
    yield made.main
    projects.take_down(place)


@pytest.fixture(scope="module")
def bindings(one: Session) -> dict[str, dict[str, tuple[str, int]]]:
    """What each container asks the engine for: service -> target -> (address, host port)."""
    return {
        name.removesuffix("-1"): {
            target: (found[0]["HostIp"], int(found[0]["HostPort"] or 0))
            for target, found in (each["HostConfig"]["PortBindings"] or {}).items()
        }
        for name, each in one.containers("running").items()
    }


Bindings = dict[str, dict[str, tuple[str, int]]]


def is_bound(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


def variables(session: Session, service: str) -> set[str]:
    return set(session.containers()[f"{service}-1"]["Config"]["Env"])


def test_every_port_lies_in_the_block_and_none_twice(one: Session, bindings: Bindings) -> None:
    block = range(one.row["db_port"] + 4, one.row["db_port"] + 20)
    numbers = {(service, port) for service in bindings for _, port in bindings[service].values()}
    planned = {(service, port) for service, port in numbers if service != "free"}
    assert set(bindings) == set(SERVICES)
    assert all(port in block for _, port in planned)
    assert len({port for _, port in planned}) == len(planned)
    assert all(is_bound(port, socket.SOCK_STREAM) for s, port in planned if s != "syslog")


def test_the_store_and_the_engine_agree(one: Session, bindings: Bindings) -> None:
    assert one.row["ports"] == {
        f"{service}:{target}": port
        for service, ports in bindings.items()
        for target, (_, port) in ports.items()
        if port
    }


def test_every_port_has_a_variable_of_ours(one: Session, bindings: Bindings) -> None:
    own = one.own_env
    assert own["PORT_LITERAL_80"] == str(bindings["literal"]["80/tcp"][1])
    assert own["PORT_DNS_53"] == own["PORT_DNS_53_UDP"] == str(bindings["dns"]["53/udp"][1])
    assert own["PORT_RANGE_7001"] == str(bindings["range"]["7001/tcp"][1])
    assert "PORT_FREE_80" not in own


def test_short_and_long_form_are_reached_by_their_urls(one: Session, bindings: Bindings) -> None:
    assert one.ok("url", "literal") == f"http://localhost:{bindings['literal']['80/tcp'][1]}\n"
    assert one.ok("url", "long") == f"ws://localhost:{bindings['long']['80/tcp'][1]}\n"
    ids = one.ids()
    assert ids["literal-1"].startswith(page(one.ok("url", "literal").strip()).split()[0])
    at_long = page(one.ok("url", "long").strip().replace("ws:", "http:"))
    assert ids["long-1"].startswith(at_long.split()[0])


def test_the_host_address_stays(one: Session, bindings: Bindings) -> None:
    assert bindings["local"]["80/tcp"][0] == "127.0.0.1"
    assert bindings["literal"]["80/tcp"][0] == ""
    assert page(one.ok("url", "local").strip())


def test_tcp_and_udp_of_one_number_stay_together(one: Session, bindings: Bindings) -> None:
    number = bindings["dns"]["53/tcp"][1]
    assert bindings["dns"]["53/udp"][1] == number
    assert is_bound(number, socket.SOCK_STREAM)
    assert is_bound(number, socket.SOCK_DGRAM)
    assert one.ok("url", "dns", "53/udp") == f"localhost:{number}\n"


def test_a_udp_port_is_given_as_host_and_port(one: Session, bindings: Bindings) -> None:
    number = bindings["syslog"]["514/udp"][1]
    assert one.ok("url", "syslog") == f"localhost:{number}\n"
    assert is_bound(number, socket.SOCK_DGRAM)
    assert not is_bound(number, socket.SOCK_STREAM)


def test_a_range_stays_side_by_side_and_in_order(one: Session, bindings: Bindings) -> None:
    first = bindings["range"]["7000/tcp"][1]
    numbers = [bindings["range"][f"{target}/tcp"][1] for target in (7000, 7001, 7002)]
    assert numbers == [first, first + 1, first + 2]
    assert one.ok("url", "range", "7001").endswith(f":{first + 1}\n")


def test_a_range_for_one_port_is_one_port(one: Session, bindings: Bindings) -> None:
    assert set(bindings["choice"]) == {"80/tcp"}
    assert page(one.ok("url", "choice").strip())


def test_a_variable_that_moves_a_published_port_alone_is_set(
    one: Session, bindings: Bindings
) -> None:
    assert one.own_env["WEB_PORT"] == str(bindings["variable"]["80/tcp"][1])
    assert page(one.ok("url", "variable").strip())


def test_a_variable_that_moves_the_container_port_too_stays(
    one: Session, bindings: Bindings
) -> None:
    assert set(bindings["both"]) == {"8091/tcp"}
    assert "PORT=8091" in variables(one, "both")
    assert "PORT" not in one.own_env
    assert one.ids()["both-1"].startswith(page(one.ok("url", "both").strip()).split()[0])


def test_a_variable_that_another_service_connects_by_stays(
    one: Session, bindings: Bindings
) -> None:
    assert "DATABASE=db:5432" in variables(one, "app")
    assert set(bindings["db"]) == {"5432/tcp"}
    assert "POSTGRES_PORT" not in one.own_env
    inside = one.ok("exec", "-T", "app", "sh", "-c", "wget -q -O - http://$DATABASE/")
    assert one.ids()["db-1"].startswith(inside.split()[0])
    assert page(one.ok("url", "db").strip()) == inside.strip()


def test_ports_of_a_shared_network_belong_to_its_owner(one: Session, bindings: Bindings) -> None:
    assert bindings["guest"] == {}
    assert page(one.ok("url", "owner", "81").strip()).endswith("guest")


def test_a_port_without_a_number_is_chosen_by_the_engine_and_shown(
    one: Session, bindings: Bindings
) -> None:
    assert bindings["free"]["80/tcp"][1] == 0
    number = one.published()["free-1:80/tcp"]
    assert one.ok("url", "free") == f"http://localhost:{number}\n"
    assert "free:80/tcp" not in one.row["ports"]
    assert page(one.ok("url", "free").strip())


def test_one_number_in_two_services_becomes_two(bindings: Bindings) -> None:
    assert bindings["twin"]["80/tcp"] != bindings["literal"]["80/tcp"]


def test_a_service_with_several_ports_needs_to_be_told_which(one: Session) -> None:
    done = one.run("url", "owner")
    assert (done.code, done.out) == (2, "")
    assert "80/tcp, 81/tcp" in done.err
    assert one.run("url", "owner", "80").code == 0
    assert one.json("url", "owner", "80")["url"] == one.ok("url", "owner", "80").strip()


@pytest.mark.parametrize("words", [("nobody",), ("literal", "81"), ("literal", "80/udp"), ("app",)])
def test_what_is_not_published_has_no_url(one: Session, words: tuple[str, ...]) -> None:
    done = one.run("url", *words)
    assert (done.code, done.out) == (2, "")
    assert "literal:80/tcp" in done.err
    document = one.run("url", *words, "--json").document
    assert document["error"]["code"] == "unknown_port"


def test_the_table_of_up_shows_what_the_engine_publishes(one: Session) -> None:
    table = one.ok("--profile", "twin", "up")
    lines = [line.split() for line in table.splitlines()[2:]]
    rows = {tuple(words[:2]): words[2] for words in lines if words[1] != "-"}
    assert [words[0] for words in lines if words[1] == "-"] == ["app", "guest"]
    assert {
        (key.partition("-1:")[0], key.partition("-1:")[2]): str(port)
        for key, port in one.published().items()
    } == {key: url.rpartition(":")[2] for key, url in rows.items()}
