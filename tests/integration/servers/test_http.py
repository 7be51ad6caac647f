"""The HTTP contract, with a real client and a server process: answers, keys, guards, shutdown."""

import asyncio
import json
import os
import re
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from composeports.errors import FileAccessError, StoreError
from composeports.servers.api_keys import read_own_key
from composeports.servers.http.app import create_app
from tests.harness.waits import HANG, wait_until
from tests.support.fakes import FakeMachine
from tests.support.machine import FakeDocker, Shell, finished
from tests.support.serving import KEY, Server, serving, start_server

pytestmark = pytest.mark.integration

GRID = {"PORT_ALLOC_BASE": "28000", "PORT_ALLOC_RANGE": "10", "PORT_ALLOC_MAX_SESSIONS": "300"}
ALLOCATE, RENEW, RELEASE = "/ports/allocate", "/ports/renew", "/ports/release"
UP, DOWN = "/stacks/up", "/stacks/down"
POSTS = (ALLOCATE, RENEW, RELEASE, UP, DOWN)
GETS = ("/ports/status", "/health", "/openapi.json", "/docs")
SIX = (
    "AGENT_COORDINATOR_DB_PORT",
    "AGENT_COORDINATOR_REST_PORT",
    "AGENT_COORDINATOR_REALTIME_PORT",
    "API_PORT",
    "COMPOSE_PROJECT_NAME",
    "SUPABASE_URL",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A shell for the server that the tests of this module share; it has no engine."""
    folder = tmp_path_factory.mktemp("http")
    return Shell(folder, folder / "state", GRID)


@pytest.fixture(scope="module")
def server(place: Shell) -> Iterator[Server]:
    with serving(place, keys=f"old, {KEY}") as running:
        yield running


@pytest.fixture
def served(shell: Shell) -> Shell:
    return shell.having(**GRID)


# allocate


def test_allocate_gives_a_lease_and_its_snippet(server: Server) -> None:
    answer = server.post(ALLOCATE, "first")
    assert answer.status_code == 200
    document = answer.json()
    assert set(document) == {"success", "allocation", "env_snippet"}
    assert document["success"] is True
    given = document["allocation"]
    assert list(given) == [
        "session_id",
        "db_port",
        "rest_port",
        "realtime_port",
        "api_port",
        "compose_project_name",
        "allocated_at",
        "expires_at",
        "remaining_ttl_minutes",
    ]
    ports = [given[f"{name}_port"] for name in ("db", "rest", "realtime", "api")]
    assert ports == list(range(given["db_port"], given["db_port"] + 4))
    assert re.fullmatch(r"ac-[0-9a-f]{8}", given["compose_project_name"])
    assert given["session_id"] == "first"
    assert given["remaining_ttl_minutes"] == 120
    lasts = datetime.fromisoformat(given["expires_at"]) - datetime.fromisoformat(
        given["allocated_at"]
    )
    assert lasts.total_seconds() == 120 * 60
    assert given["expires_at"].endswith("+00:00")
    lines = document["env_snippet"].splitlines()
    assert [line.partition("=")[0] for line in lines] == [f"export {name}" for name in SIX]
    assert f"export AGENT_COORDINATOR_DB_PORT={given['db_port']}" in lines
    assert f"export COMPOSE_PROJECT_NAME={given['compose_project_name']}" in lines


def test_allocate_twice_is_the_same_lease(server: Server) -> None:
    first, second = server.allocate("twice"), server.allocate("twice")
    assert {**first, "expires_at": ""} == {**second, "expires_at": ""}
    assert second["expires_at"] >= first["expires_at"]


def test_the_command_line_has_the_same_lease(server: Server, place: Shell) -> None:
    given = server.allocate("both ways")
    document = place.run("allocate", "--session", "both ways", "--json").document
    assert {
        name: document[name] for name in given if name in document and name != "expires_at"
    } == {
        name: value
        for name, value in given.items()
        if name not in {"expires_at", "remaining_ttl_minutes"}
    }


def test_no_block_left_is_an_answer(served: Shell) -> None:
    with serving(served.having(PORT_ALLOC_MAX_SESSIONS="1")) as server:
        server.allocate("a")
        answer = server.post(ALLOCATE, "b")
        assert (answer.status_code, answer.json()) == (
            200,
            {"success": False, "error": "no_ports_available"},
        )
        server.allocate("a")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"session_id": ""}',
        '{"session_id": "  "}',
        '{"session_id": "a\\u0000b"}',
        '{"session_id": "\\ud800"}',
        '{"session_id": NaN}',
        '{"session_id": 7}',
        '{"session_id": null}',
        json.dumps({"session_id": "x" * 4097}),
        "[]",
        "",
        "no json",
        '"text"',
    ],
)
def test_a_request_without_a_session_is_422(server: Server, path: str, body: str) -> None:
    with server.client() as client:
        answer = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    for each in answer.json()["detail"]:
        assert set(each) == {"loc", "msg", "type"}


def test_a_body_that_is_no_text_is_422(server: Server) -> None:
    with server.client() as client:
        answer = client.post(
            ALLOCATE, content=b"\xff\xfe{", headers={"Content-Type": "application/json"}
        )
    assert answer.status_code == 422
    assert [set(each) for each in answer.json()["detail"]] == [{"loc", "msg", "type"}]


def test_any_text_can_be_a_session(server: Server) -> None:
    for name in (
        "<img src=x onerror=alert(1)>",
        "../../etc",
        "ünï 漢字",
        "a'b\"c\n$(id)",
        "x" * 4096,
    ):
        given = server.allocate(name)
        assert given["session_id"] == name
        assert server.post(RELEASE, name).json() == {"success": True}


# renew, release, down


def test_renew_extends_what_is_held_and_nothing_else(server: Server) -> None:
    given = server.allocate("renewed")
    answer = server.post(RENEW, "renewed")
    assert answer.status_code == 200
    assert answer.json()["allocation"]["db_port"] == given["db_port"]
    answer = server.post(RENEW, "nobody's")
    assert (answer.status_code, answer.json()["error"]) == (404, "no_lease")


@pytest.mark.parametrize("path", [RELEASE, DOWN])
def test_release_and_down_give_the_ports_back(server: Server, path: str) -> None:
    server.allocate("given back")
    answer = server.post(path, "given back")
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    assert "given back" not in [each["session_id"] for each in server.status()]


def test_release_of_an_unknown_session_succeeds(server: Server) -> None:
    answer = server.post(RELEASE, "never seen")
    assert (answer.status_code, answer.json()) == (200, {"success": True})


CONTAINER = "0123\trunning\t{}\tweb\t\tname"


def test_release_refuses_while_containers_exist(served: Shell, docker: FakeDocker) -> None:
    with serving(served.using(docker)) as server:
        project = server.allocate("a")["compose_project_name"]
        docker.answer("ps", CONTAINER.format(project) + "\n")
        answer = server.post(RELEASE, "a")
        assert answer.status_code == 409
        document = answer.json()
        assert (document["success"], document["error"]) == (False, "stack_left")
        assert project in document["message"]
        assert "down" in document["hint"]
        assert [each["state"] for each in server.status()] == ["running"]


def test_down_is_the_command_s_and_never_takes_volumes(
    served: Shell, docker: FakeDocker, repository: Path
) -> None:
    docker.publish(web=8080)
    shell = served.using(docker)
    assert shell.run("up").code == 0
    (row,) = shell.run("status", "--json").document
    with serving(shell.at(Path("/"))) as server:
        answer = server.post(DOWN, row["session_id"])
        assert (answer.status_code, answer.json()) == (200, {"success": True, "released": True})
        (call,) = [call for call in docker.calls if call.endswith(" down")]
        assert row["compose_project_name"] in call
        assert server.status() == []
    assert not (repository / ".composeports").exists()


def test_a_down_that_fails_keeps_the_lease(served: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080)
    shell = served.using(docker)
    assert shell.run("up").code == 0
    (row,) = shell.run("status", "--json").document
    with serving(shell) as server:
        docker.answer("compose", err="cannot\n", code=3)
        docker.run_before("compose", f"echo abc > {docker.folder}/network.out")
        answer = server.post(DOWN, row["session_id"])
        assert (answer.status_code, answer.json()["error"]) == (503, "compose_failed")
        assert "exit code 3" in answer.json()["message"]
        assert len(server.status()) == 1


# status and the other documents


def test_status_lists_what_is_held(server: Server, place: Shell) -> None:
    given = server.allocate("listed")
    with server.client(key=None) as client:
        answer = client.get("/ports/status")
    assert answer.headers["content-type"] == "application/json"
    entries = {each["session_id"]: each for each in answer.json()}
    entry = entries["listed"]
    assert given.items() <= entry.items()
    assert isinstance(entry["remaining_ttl_minutes"], int)
    assert entry["state"] == "unknown"
    listed = place.run("status", "--json").document
    assert [{**each, "current": False} for each in answer.json()] == listed


@pytest.mark.parametrize("path", GETS)
def test_reading_on_loopback_needs_no_key(server: Server, path: str) -> None:
    with server.client(key=None) as client:
        answer = client.get(path)
    assert answer.status_code == 200


def test_the_description_names_the_key_and_all_routes(server: Server) -> None:
    with server.client() as client:
        document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {*POSTS, "/ports/status", "/events", "/health"}
    (scheme,) = document["components"]["securitySchemes"].values()
    assert scheme == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    for path in POSTS:
        assert document["paths"][path]["post"]["security"]
    assert "security" not in document["paths"]["/ports/status"]["get"]


def test_the_docs_load_nothing_from_anywhere(server: Server) -> None:
    with server.client() as client:
        answer = client.get("/docs")
    assert all(path in answer.text for path in POSTS)
    assert not re.search(r"<script|<link|<img|src=|url\(|@import", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", [*GETS, "/no/such/page"])
def test_every_answer_has_the_strict_headers(server: Server, path: str) -> None:
    with server.client() as client:
        headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method_is_405(server: Server, method: str) -> None:
    with server.client() as client:
        answer = client.request(method, ALLOCATE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


# Keys


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "key", [None, "", "wrong", KEY[:-1], f"{KEY}x", f"old, {KEY}", KEY.upper()]
)
def test_without_a_valid_key_it_is_401(server: Server, path: str, key: str | None) -> None:
    answer = server.post(path, "x", key)
    assert answer.status_code == 401
    assert set(answer.json()) == {"detail"}
    assert answer.headers["www-authenticate"].startswith("APIKey")


def test_the_key_is_asked_for_before_the_body_is_read(server: Server) -> None:
    with server.client(key=None) as client:
        answer = client.post(ALLOCATE, content="no json")
    assert answer.status_code == 401


def test_several_keys_are_valid_at_once(server: Server) -> None:
    for key in ("old", KEY):
        assert server.post(RELEASE, "x", key).status_code == 200


def test_where_no_key_is_given_one_is_made_that_stays(served: Shell) -> None:
    made = served.state / f"api-key-{os.geteuid()}"
    keys = set()
    for _ in range(2):
        with serving(served, keys=" , ") as server:
            wait_until(lambda: any(str(made) in line for line in server.said), "the file's name")
            assert stat.S_IMODE(made.stat().st_mode) == 0o600
            key = made.read_text().strip()
            assert len(key) >= 32
            for wrong in (None, "", "any"):
                assert server.post(ALLOCATE, "x", wrong).status_code == 401
            assert server.post(ALLOCATE, "x", key).status_code == 200
            assert server.post(RELEASE, "x", key).status_code == 200
            server.end()
        assert key not in "\n".join(server.said)
        keys.add(key)
    assert len(keys) == 1


def test_servers_that_start_at_once_make_one_key(served: Shell) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: start_server(served, keys=""), range(4)))
    (made,) = served.state.glob("api-key-*")
    try:
        for server in servers:
            assert server.post(RELEASE, "x", made.read_text().strip()).status_code == 200
    finally:
        for server in servers:
            server.end()
            for pipe in (server.process.stdout, server.process.stderr):
                if pipe is not None:
                    pipe.close()


def _make_readable(path: Path) -> None:
    path.write_text(f"{'a' * 32}\n")
    path.chmod(0o644)


def _make_empty(path: Path) -> None:
    path.touch(0o600)


def _make_link(path: Path) -> None:
    path.with_name("elsewhere").write_text(f"{'a' * 32}\n")
    path.with_name("elsewhere").chmod(0o600)
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [_make_readable, _make_empty, _make_link, os.mkfifo, os.mkdir])
def test_a_made_key_that_is_not_one_s_own_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    made = tmp_path / "api-key-0"
    make(made)
    with pytest.raises(FileAccessError) as told:
        read_own_key(str(made))
    assert str(made) in told.value.message
    assert "makes a new key" in told.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_made_key_of_another_user_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "api-key-0"
    made.write_text(f"{'a' * 32}\n")
    made.chmod(0o600)
    assert read_own_key(str(made)) == "a" * 32
    os.chown(made, 12345, -1)
    with pytest.raises(FileAccessError, match="belongs to another user"):
        read_own_key(str(made))


def test_no_key_is_made_in_a_folder_that_every_user_may_write_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StoreError, match="every user may write to"):
        read_own_key(str(tmp_path / "api-key-0"))
    assert list(tmp_path.iterdir()) == []


def test_a_server_with_such_a_key_does_not_start(served: Shell) -> None:
    served.state.mkdir(0o700)
    os.mkfifo(served.state / f"api-key-{os.geteuid()}")
    done = served.run("serve", "--port", "0")
    assert done.code == 78
    assert "it is not a plain file" in done.err


def test_keys_come_from_a_file_too(served: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# two of them\none\n\n  two  \n")
    file.chmod(0o600)
    with serving(served, "--keys-file", str(file)) as server:
        for key in ("one", "two", KEY):
            assert server.post(RELEASE, "x", key).status_code == 200
        assert server.post(RELEASE, "x", "# two of them").status_code == 401


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("one\n", 0o640, "others may read"),
        ("one\n", 0o604, "others may read"),
        ("# none\n\n", 0o600, "holds no key"),
        (None, 0, "cannot read"),
    ],
)
def test_a_file_of_keys_that_cannot_be_used_is_78(
    served: Shell, tmp_path: Path, text: str | None, mode: int, said: str
) -> None:
    file = tmp_path / "keys"
    if text is not None:
        file.write_text(text)
        file.chmod(mode)
    done = served.run("serve", "--port", "0", "--keys-file", str(file))
    assert done.code == 78
    assert said in done.err
    assert "hint:" in done.err


def test_keys_are_shown_nowhere(served: Shell) -> None:
    with serving(served, keys="secret-one,secret-two") as server:
        answers = [server.post(path, "x", "secret-one") for path in POSTS]
        answers += [
            server.post(ALLOCATE, 7, "secret-two"),
            server.post(ALLOCATE, "x", "given-wrong"),
        ]
        with server.client("secret-one") as client:
            answers += [client.get(path) for path in (*GETS, "/nowhere")]
        server.end()
    told = "\n".join([*server.said, *(f"{each.headers}{each.text}" for each in answers)])
    for key in ("secret-one", "secret-two", "given-wrong"):
        assert key not in told


# Addresses


@pytest.mark.parametrize("command", [("serve",), ("mcp", "--http")], ids=["serve", "mcp"])
def test_an_address_for_all_needs_long_keys(served: Shell, command: tuple[str, ...]) -> None:
    shell = served.having(COMPOSEPORTS_API_KEYS=f"{'a' * 32},{'b' * 15}")
    done = shell.run(*command, "--port", "0", "--host", "0.0.0.0")
    assert done.code == 78
    assert "16 characters" in done.err
    assert "openssl rand" in done.err
    assert "bbb" not in done.err
    with serving(served, "--host", "0.0.0.0", keys="b" * 16):
        pass


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_address_for_all_without_a_key_is_78(served: Shell, host: str) -> None:
    done = served.run("serve", "--port", "0", "--host", host)
    assert done.code == 78
    assert "there is no API key" in done.err
    assert "COMPOSEPORTS_API_KEYS" in done.err


def test_on_an_address_for_all_everything_needs_a_key(served: Shell) -> None:
    with serving(served, "--host", "0.0.0.0") as server:
        port = httpx.URL(server.url).port
        url = f"http://127.0.0.1:{port}"
        for path in (*GETS, "/events", "/nowhere"):
            answer = httpx.get(url + path)
            assert answer.status_code == 401, path
        for path in GETS:
            assert httpx.get(url + path, headers={"X-API-Key": KEY}).status_code == 200
            assert httpx.get(url + path, auth=("any", KEY)).status_code == 200, "a browser's way"
            assert httpx.get(url + path, auth=("any", "wrong")).status_code == 401
        assert httpx.post(url + RELEASE, auth=("any", KEY)).status_code == 401
        document = httpx.get(url + "/openapi.json", headers={"X-API-Key": KEY}).json()
        assert document["paths"]["/ports/status"]["get"]["security"]
        answer = httpx.get(url + "/health", headers={"X-API-Key": KEY, "Host": "10.1.2.3:80"})
        assert answer.status_code == 200
        answer = httpx.get(url + "/health", headers={"X-API-Key": KEY, "Host": "evil.example"})
        assert answer.status_code == 403


@pytest.mark.parametrize("host", ["::1", "localhost"])
def test_other_names_of_loopback_need_no_key_to_read(served: Shell, host: str) -> None:
    with serving(served, "--host", host) as server:
        assert server.status() == []


@pytest.mark.parametrize("host", ["203.0.113.7", "no such host", "a" * 70, ""])
def test_an_address_that_is_not_ours_is_78(served: Shell, host: str) -> None:
    done = served.run("serve", "--port", "0", "--host", host)
    assert done.code == 78
    assert "hint:" in done.err


def test_a_port_that_is_taken_is_75(served: Shell) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        done = served.run("serve", "--port", str(port))
    assert done.code == 75
    assert f"127.0.0.1:{port}" in done.err
    assert "--port" in done.err


# Host, Origin, size


@pytest.mark.parametrize(
    "host",
    ["[::1]evil.com", "[::1]evil.com:80", "[::1", "::1", "[localhost]", "localhost]",
     "evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example",
     "user@localhost", "localhost:{port}/x", "localhost:x", "10.0.0.1", "[::2]", ""],
)  # fmt: skip
def test_another_host_name_is_refused(server: Server, host: str) -> None:
    name = host.format(port=httpx.URL(server.url).port)
    with server.client(Host=name) as client:
        for answer in (client.get("/ports/status"), client.post(ALLOCATE, json={})):
            assert (answer.status_code, answer.json()["error"]) == (403, "host_not_allowed")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.:1", "127.0.0.1:80", "[::1]:{port}", "[::1]"]
)
def test_our_own_names_are_let_in(server: Server, host: str) -> None:
    with server.client(Host=host.format(port=httpx.URL(server.url).port)) as client:
        assert client.get("/ports/status").status_code == 200


def test_more_names_can_be_allowed(served: Shell) -> None:
    with (
        serving(served, "--allow-host", "Ports.Example") as server,
        server.client(Host="ports.example:8377") as client,
    ):
        assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://127.0.0.1.evil.example:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_site_changes_nothing(server: Server, headers: dict[str, str]) -> None:
    port = httpx.URL(server.url).port
    with server.client(
        **{name: text.format(port=port) for name, text in headers.items()}
    ) as client:
        answer = client.post(ALLOCATE, json={"session_id": "crossed"})
    assert (answer.status_code, answer.json()["error"]) == (403, "cross_site")
    assert "crossed" not in [each["session_id"] for each in server.status()]


def test_our_own_page_may_ask(server: Server) -> None:
    origin = server.url
    with server.client(**{"Origin": origin, "Sec-Fetch-Site": "same-origin"}) as client:
        assert client.post(RELEASE, json={"session_id": "x"}).status_code == 200


def test_a_form_of_another_kind_is_not_read(server: Server) -> None:
    with server.client() as client:
        answer = client.post(
            ALLOCATE, content='{"session_id": "x"}', headers={"Content-Type": "text/plain"}
        )
    assert answer.status_code == 422


LARGE = b'{"session_id": "' + b"x" * 70_000 + b'"}'


def test_a_large_body_is_413(server: Server) -> None:
    with server.client() as client:
        answer = client.post(ALLOCATE, content=LARGE)
    assert (answer.status_code, answer.json()["error"]) == (413, "body_too_large")


def test_a_length_that_is_too_large_is_413_before_the_body_comes(server: Server) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=HANG) as client:
        head = f"POST {ALLOCATE} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        client.sendall(f"{head}Content-Length: {1 << 30}\r\n\r\n".encode())
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_large_body_in_chunks_is_413(server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 10_000

    with server.client() as client:
        try:
            answer = client.post(ALLOCATE, content=pieces())
        except httpx.WriteError:  # it hung up before all was sent
            return
    assert answer.status_code == 413


def test_a_body_in_chunks_is_read(server: Server) -> None:
    with server.client() as client:
        answer = client.post(
            RELEASE,
            content=iter([b'{"session', b'_id": "x"}']),
            headers={"Content-Type": "application/json"},
        )
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [RELEASE, "/health"])
def test_two_lengths_of_one_body_are_400(server: Server, method: str, path: str) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80), timeout=20) as client:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        kind = "Content-Type: application/json\r\nContent-Length: 4\r\n"
        rest = "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
        client.sendall(f"{head}{kind}{rest}".encode())
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"ambiguous_length" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_goes_away_in_its_body_harms_nobody(server: Server) -> None:
    url = httpx.URL(server.url)
    with socket.create_connection((url.host, url.port or 80)) as client:
        head = f"POST {ALLOCATE} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n"
        client.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert server.post(RELEASE, "x").status_code == 200


# Failures say nothing of the machine


def test_a_store_that_cannot_be_used_is_500_and_names_no_path(served: Shell) -> None:
    served.state.mkdir()
    (served.state / "leases.sqlite3").write_text("no database, this is " * 100)
    with serving(served) as server:
        answer = server.post(ALLOCATE, "x")
        assert (answer.status_code, answer.json()["error"]) == (500, "store_unusable")
        with server.client() as client:
            listed = client.get("/ports/status")
        assert listed.status_code == 500
        wait_until(lambda: any(str(served.state) in line for line in server.said), "the reason")
    assert str(served.state.parent) not in answer.text + listed.text


def test_an_engine_that_is_away_is_503_where_it_has_to_be_known(
    served: Shell, docker: FakeDocker
) -> None:
    docker.publish(web=8080)
    shell = served.using(docker)
    assert shell.run("up").code == 0
    (row,) = shell.run("status", "--json").document
    docker.go_away()
    with serving(shell) as server:
        for path in (RELEASE, DOWN):
            answer = server.post(path, row["session_id"])
            assert (answer.status_code, answer.json()["error"]) == (503, "engine_unreachable")
            assert "nowhere" not in answer.text
        assert server.allocate("another")["db_port"]
        assert {each["state"] for each in server.status()} == {"unknown"}


def test_a_bug_is_500_with_a_log_that_only_we_can_read(tmp_path: Path) -> None:
    """A failing clock simulates a bug."""

    def broken() -> float:
        raise RuntimeError("no clock")

    machine = FakeMachine(tmp_path)
    context = machine.context({"COMPOSEPORTS_STATE_DIR": str(tmp_path)})._replace(now=broken)
    transport = httpx.ASGITransport(app=create_app(context, keys=[KEY], hosts=None))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            asked = {"session_id": "a"}
            return await client.post(ALLOCATE, json=asked, headers={"X-API-Key": KEY})

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()["error"]) == (500, "internal")
    assert str(tmp_path) not in answer.text
    assert "no clock" not in answer.text
    (log,) = tmp_path.glob("bug-*.log")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "no clock" in log.read_text()
    assert any(str(log) in line for line in machine.said)


# Events


def events_of(answer: httpx.Response) -> Iterator[tuple[str, object]]:
    """Yield name and document of each event."""
    name = ""
    for line in answer.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


def test_events_are_the_list_now_and_when_it_changes(server: Server, place: Shell) -> None:
    server.allocate("seen")
    with server.client(key=None) as client, client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = events_of(answer)
        name, first = next(events)
        assert (name, first) == ("status", server.status())
        server.post(RELEASE, "seen")
        name, second = next(events)
        assert name == "status"
        assert "seen" not in str(second)
        place.run("allocate", "--session", "from a shell")
        _, third = next(events)
        assert "from a shell" in str(third)


# Ends


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_it_ends_at_once_with_streams_open(served: Shell, number: int, code: int) -> None:
    with serving(served) as server:
        with server.client() as client, client.stream("GET", "/events") as answer:
            events = events_of(answer)
            next(events)
            assert server.end(number) == code
            assert list(events) == []
        assert server.process.stdout is not None
        assert server.process.stdout.read() == b""
    assert not [line for line in server.said if "rror" in line]


def test_a_killed_server_leaves_the_leases_as_they_are(served: Shell) -> None:
    with serving(served) as server:
        given = server.allocate("a")
        server.end(signal.SIGKILL)
    with serving(served) as again:
        (entry,) = again.status()
    assert given.items() <= {**entry, "remaining_ttl_minutes": 120}.items()


def test_the_server_s_own_place_and_session_are_nobody_else_s(served: Shell) -> None:
    shell = served.having(COMPOSEPORTS_SESSION="the server's own", COMPOSE_FILE="none.yaml")
    with serving(shell) as server:
        server.allocate("a")
        (entry,) = server.status()
    assert (entry["session_id"], entry["worktree"]) == ("a", "")


# Many at once


def test_many_of_both_ways_at_once_never_share_a_block(place: Shell, server: Server) -> None:
    def by_http(number: int) -> int:
        return int(server.allocate(f"http {number}")["db_port"])

    def by_shell(number: int) -> int:
        done = place.run("allocate", "--session", f"shell {number}", "--json")
        return int(done.document["db_port"])

    before = {each["db_port"] for each in server.status()}
    with ThreadPoolExecutor(24) as pool:
        found = [pool.submit(by_http, number) for number in range(170)]
        found += [pool.submit(by_shell, number) for number in range(30)]
        ports = [each.result() for each in found]
    assert len(set(ports)) == 200
    assert not before & set(ports)
    assert {each["db_port"] for each in server.status()} == before | set(ports)


# Without the extra


def test_without_the_extra_it_says_what_to_install(served: Shell, tmp_path: Path) -> None:
    for missing in ("fastapi", "uvicorn"):
        folder = tmp_path / missing
        (folder / missing).mkdir(parents=True)
        text = f"raise ModuleNotFoundError('it is missing', name={missing!r})\n"
        (folder / missing / "__init__.py").write_text(text)
        done = served.having(PYTHONPATH=str(folder)).run("serve", "--port", "0")
        assert done.code == 69
        assert "pip install 'composeports[http]'" in done.err
        assert "uv tool install" in done.err


def test_a_server_needs_no_home_and_no_database(served: Shell) -> None:
    environ = {name: text for name, text in served.environ.items() if name != "HOME"}
    assert "SUPABASE_URL" not in environ
    bare = Shell(served.cwd, served.state, {**environ, "HOME": os.devnull})
    server = start_server(bare)
    try:
        assert server.allocate("a")
    finally:
        assert server.end() == 0
        for pipe in (server.process.stdout, server.process.stderr):
            if pipe is not None:
                pipe.close()


def test_usage(served: Shell) -> None:
    assert served.run("serve", "--port", "70000").code == 2
    assert finished(served.start("serve", "--reload")).code == 2
