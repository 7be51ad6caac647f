"""Copies of volumes and events by the Docker SDK: whole or not at all, and always with an end."""

import io
import os
import shutil
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from composeports.docker.engine import Engine
from composeports.docker.sdk import EngineClient
from composeports.docker.volumes import (
    HelperContainers,
    VolumeMount,
    connect,
    copy_volume,
    find_volumes,
    pause,
    unpause,
)
from composeports.errors import ComposeMissingError, EngineSilentError, SeedError
from composeports.host.trace_hook import set_trace_hook
from tests.harness.program import write_program
from tests.harness.waits import HANG, wait_until
from tests.support.engine_server import Answer, Request, answering, way_to
from tests.support.frozen_engine import accepting
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration

PROJECT = "com.docker.compose.project"
END = bytes(1024)
# More than fits in the buffers of the connections.
MUCH = 8_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture(params=["socket", "command"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, path: Path) -> Engine:
    """The engine at the socket; `docker` is a program, or a script that only dials."""
    if request.param == "socket":
        (tmp_path / "bin").mkdir()
        shutil.copy("/usr/bin/env", tmp_path / "bin" / "docker")
        address = str(path)
    else:
        write_program(tmp_path / "bin" / "docker", way_to(path))
        address = f"{tmp_path}/another"
    environ = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "DOCKER_HOST": f"unix://{address}",
    }
    return Engine({**environ, "COMPOSEPORTS_ENGINE_TIMEOUT": str(HANG)})


def limit(engine: Engine) -> None:
    """Let it have one second for each answer from now on."""
    engine.time_limits.seconds = 1


# Copies


def giving(
    *pieces: bytes, then: Callable[[Request], None] = lambda each: each.piece(b"")
) -> Answer:
    """Return the answer of an archive in pieces."""

    def answer(request: Request) -> None:
        request.begin()
        for piece in pieces:
            request.piece(piece)
        then(request)

    return answer


class Taken:
    """Takes an upload, and knows whether it was whole."""

    def __init__(self) -> None:
        self.data = b""
        self.is_whole = False
        self.ended = threading.Event()

    def __call__(self, request: Request) -> None:
        """Read it to its end."""
        try:
            for piece in request.pieces():
                self.data += piece
            self.is_whole = True
            request.say({})
        except (EOFError, OSError, ValueError):
            pass
        finally:
            self.ended.set()


def copied(engine: Engine, passed: Callable[[int], None] = lambda _: None) -> int:
    with connect(engine) as client:
        source, target = VolumeMount(client, "one", ("a",)), VolumeMount(client, "two", ("b",))
        return copy_volume(source, target, 0, passed)


def test_all_bytes_arrive_and_are_counted(engine: Engine, path: Path) -> None:
    taken, counts = Taken(), list[int]()
    pieces = [bytes([number]) * (MUCH // 8) for number in range(8)]
    answers: dict[str, Answer] = {
        "GET /containers/one/archive": giving(*pieces, END),
        "PUT /containers/two": taken,
    }
    with answering(path, answers) as requests:
        assert copied(engine, counts.append) == MUCH + len(END)
    assert taken.is_whole
    assert taken.data == b"".join(pieces) + END
    assert counts == sorted(counts)
    assert counts[-1] == MUCH + len(END)
    assert [asked for _, asked, _ in requests[1:]] in (
        ["/containers/two/archive?path=/volumes", "/containers/one/archive?path=/volumes/0"],
        ["/containers/one/archive?path=/volumes/0", "/containers/two/archive?path=/volumes"],
    )


def cut(request: Request) -> None:
    """End the connection."""
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (giving(b"x" * MUCH), f"broke off the copy of the volume a after {MUCH} bytes"),
        (giving(b"x" * MUCH, END, then=cut), "could not read the volume a"),
        (giving(b"x", then=cut), "could not read the volume a"),
        (lambda each: each.say({"message": "no such file"}, 404), "volume a: no such file"),
    ],
    ids=["no mark at the end", "cut at the end", "cut at the beginning", "refused"],
)
def test_what_is_not_read_whole_is_never_whole_at_its_target(
    engine: Engine, path: Path, given: Answer, said: str
) -> None:
    taken = Taken()
    with answering(path, {"GET /containers/one/archive": given, "PUT /containers/two": taken}):
        with pytest.raises(SeedError, match=said):
            copied(engine)
        assert not taken.data or taken.ended.wait(HANG)
    assert not taken.is_whole


def refuse(request: Request) -> None:
    """Read a part, then say that there is no more room."""
    next(request.pieces())
    request.close_connection = True
    request.say({"message": "no space left on device"}, 500)


@pytest.mark.parametrize(
    ("taking", "said"), [(refuse, "no space left on device"), (cut, "copy the volume a to b: ")]
)
def test_the_target_that_refuses_more_says_why(
    engine: Engine, path: Path, taking: Answer, said: str
) -> None:
    endless = giving(*[b"x" * MUCH] * 50)
    with (
        answering(path, {"GET /containers/one/archive": endless, "PUT /containers/two": taking}),
        pytest.raises(SeedError, match=said),
    ):
        copied(engine)


def test_an_interrupt_ends_both_connections(engine: Engine, path: Path) -> None:
    taken, source_ended = Taken(), threading.Event()

    def wait(request: Request) -> None:
        request.rfile.read()  # until the client has gone
        source_ended.set()

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    given = giving(b"x" * 1000, then=wait)
    with answering(path, {"GET /containers/one/archive": given, "PUT /containers/two": taken}):
        with pytest.raises(KeyboardInterrupt):
            copied(engine, stop)
        assert source_ended.wait(HANG)
        assert taken.ended.wait(HANG)
    assert not taken.is_whole


def archive(*names: str) -> bytes:
    """Return an archive of folders."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            tar.addfile(folder)
    return out.getvalue()


def test_a_volume_is_empty_if_its_archive_has_only_its_root(engine: Engine, path: Path) -> None:
    endless = giving(archive("0", "0/a")[:1024], *[b"x" * MUCH] * 50)
    answers = {
        "GET /containers/empty/": giving(archive("0")),
        "GET /containers/full/": giving(archive("0", "0/a")),
        "GET /containers/endless/": endless,
        "GET /containers/broken/": giving(b"?"),
    }
    with answering(path, answers), connect(engine) as client:
        looked = {
            name: VolumeMount(client, name, ("a",)).is_empty("a")
            for name in ("empty", "endless", "full", "broken")
        }
        with pytest.raises(SeedError, match="look into the volume a"):
            VolumeMount(client, "gone", ("a",)).is_empty("a")
    assert looked == {"empty": True, "endless": False, "full": False, "broken": False}


def test_names_that_only_resemble_are_other_volumes(engine: Engine, path: Path) -> None:
    volumes = [{"Name": name, "Driver": "local", "Labels": None} for name in ("a", "aa")]
    with (
        answering(path, {"GET /volumes": lambda each: each.say({"Volumes": volumes})}),
        connect(engine) as client,
    ):
        assert [volume.name for volume in find_volumes(client, ["a"])] == ["a"]


def test_the_image_that_the_engine_does_not_import_is_an_error(engine: Engine, path: Path) -> None:
    said = {"error": "no room", "errorDetail": {"message": "no room"}}
    with (
        answering(path, {"POST /images/create": lambda each: each.say(said)}),
        connect(engine) as client,
        pytest.raises(SeedError, match="no room"),
    ):
        HelperContainers(client, "token").mount(["a"], read_only=True)


@pytest.mark.parametrize(("change", "before"), [(pause, "running"), (unpause, "paused")])
@pytest.mark.parametrize("stays", [True, False])
def test_a_container_that_does_not_change_is_an_error_unless_it_is_gone(
    engine: Engine, path: Path, change: Callable[..., None], before: str, *, stays: bool
) -> None:
    present = [{"Id": name, "State": before, "Names": [f"/{name}"]} for name in ("one", "two")]
    answers: dict[str, Answer] = {
        "GET /containers/json": lambda each: each.say(present if stays else []),
        "POST /containers/one": lambda each: each.say({"message": "cannot freeze"}, 500),
        "POST /containers/two": lambda each: each.say(None),
    }
    expected = pytest.raises(SeedError, match="cannot freeze") if stays else nullcontext()
    with answering(path, answers) as requests, connect(engine) as client, expected:
        change(client, ["one", "two"])
    tried = [asked for method, asked, _ in requests if method == "POST"]
    assert [name.split("/")[2] for name in tried] == ["one", "two"]


# Requests


def test_a_frozen_engine_is_not_waited_for_for_ever(engine: Engine, path: Path) -> None:
    limit(engine)
    begun = time.monotonic()
    with accepting(path), pytest.raises(EngineSilentError, match="within 1 s"), connect(engine):
        pass
    assert 1 <= time.monotonic() - begun < HANG / 2


def test_an_answer_that_does_not_end_is_not_waited_for_for_ever(engine: Engine, path: Path) -> None:
    go_on = threading.Event()

    def stall(request: Request) -> None:
        request.begin()
        go_on.wait(HANG)

    with answering(path, {"GET /volumes": stall}), connect(engine) as client:
        limit(engine)
        with pytest.raises(SeedError, match="timed out"):
            find_volumes(client, ["a"])
        go_on.set()


def test_what_acts_has_no_limit(engine: Engine, path: Path) -> None:
    """It is answered only after a query that began later has reached the limit."""
    is_asked, is_over = threading.Event(), threading.Event()

    def change(request: Request) -> None:
        is_asked.set()
        assert is_over.wait(HANG)
        request.say(None)

    def stall(_: Request) -> None:
        is_over.wait(HANG)

    answers: dict[str, Answer] = {
        "POST /containers/one/pause": change,
        "GET /volumes": stall,
    }
    with answering(path, answers), connect(engine) as client:
        failures = list[BaseException]()
        thread = threading.Thread(target=_failing, args=(client, failures))
        thread.start()
        assert is_asked.wait(HANG)
        with connect(engine) as other:
            limit(engine)
            with pytest.raises(EngineSilentError):
                find_volumes(other, ["a"])
        assert thread.is_alive()
        is_over.set()
        thread.join(HANG)
        assert not thread.is_alive()
        assert failures == []


def _failing(client: EngineClient, failures: list[BaseException]) -> None:
    try:
        client.pause("one")
    except Exception as error:  # noqa: BLE001 - the test looks at it
        failures.append(error)


def test_requests_and_programs_are_traced(engine: Engine, path: Path) -> None:
    seen: list[str] = []

    def trace(argv: Sequence[str]) -> Callable[[int | None], None]:
        seen.append(" ".join(argv))
        return lambda _code: seen.append("end")

    set_trace_hook(trace)
    try:
        with answering(path, {}), connect(engine):
            pass
    finally:
        set_trace_hook(None)
    asked = f"GET {engine.endpoint.address} /version"
    dialed = ["docker system dial-stdio", "end"] if "another" in asked else []
    assert sorted(seen) == sorted([asked, "end", *dialed])


def test_no_proxy_is_asked_and_docker_s_own_headers_are_sent(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    environ = {**engine.environ, "DOCKER_CUSTOM_HEADERS": "X-One=1,X-Two=2"}
    write_program(Path(environ["PATH"]) / "docker", way_to(path))
    with answering(path, {}) as requests, connect(Engine(environ)):
        pass
    assert {"X-One": "1", "X-Two": "2"}.items() <= requests[0][2].items()


def test_docker_says_why_it_cannot_connect_and_gets_no_secrets(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    program = f"/usr/bin/env > {seen}; echo first >&2; echo permission denied >&2; exit 1"
    write_program(tmp_path / "bin" / "docker", program)
    secret = {"COMPOSEPORTS_API_KEYS": "secret", "COMPOSEPORTS_STORE": "secret"}
    environ = {"PATH": str(tmp_path / "bin"), "HOME": str(tmp_path), "DOCKER_HOST": "ssh://far"}
    with (
        pytest.raises(SeedError, match="could not be reached: permission denied"),
        connect(Engine(environ | secret)),
    ):
        pass
    assert "secret" not in seen.read_text()


def test_a_machine_without_docker_is_told(tmp_path: Path) -> None:
    engine = Engine({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    with pytest.raises(ComposeMissingError), connect(engine):
        pass


# Events


def event(project: str = "") -> bytes:
    """Return an event as the engine writes it."""
    attributes = f'{{"{PROJECT}": "{project}"}}' if project else "{}"
    return f'{{"Type": "container", "Actor": {{"Attributes": {attributes}}}}}\n'.encode()


def test_events_come_until_the_engine_ends(engine: Engine, path: Path) -> None:
    with answering(path, {"GET /events": giving(event("a"), event(), event("b"))}) as requests:
        assert list(engine.follow_events()) == ["a", "", "b"]
    assert '"type": ["container"]' in requests[-1][1]


@pytest.mark.parametrize("then", ["half an event", "cut", "no events"])
def test_events_that_break_off_just_end(engine: Engine, path: Path, then: str) -> None:
    answer: Answer = {
        "half an event": giving(event("a"), event("b")[:20]),
        "cut": giving(event("a"), then=cut),
        "no events": lambda each: each.say({"message": "no"}, 500),
    }[then]
    with answering(path, {"GET /events": answer}):
        assert list(engine.follow_events()) == ([] if then == "no events" else ["a"])


def test_an_engine_that_is_away_has_no_events(engine: Engine, tmp_path: Path) -> None:
    assert list(engine.follow_events()) == []
    (tmp_path / "bin" / "docker").unlink()
    assert list(engine.follow_events()) == []


@pytest.fixture(params=["silent head", "silent stream", "frozen"])
def is_asked(request: pytest.FixtureRequest, path: Path) -> Iterator[Callable[[], bool]]:
    """An engine without an event: Podman's has not begun its answer before there is one.

    The function returns True once it was asked, and lets the question wait.
    """
    if request.param == "frozen":
        with accepting(path) as connections:
            yield lambda: bool(connections)
        return
    ended, asked = threading.Event(), threading.Event()

    def wait(request_: Request) -> None:
        if request.param == "silent stream":
            request_.begin()
        asked.set()
        ended.wait(HANG)

    with answering(path, {"GET /events": wait}):
        yield asked.is_set
        ended.set()


@pytest.mark.parametrize("when", ["at any moment", "while it waits"])
def test_another_thread_ends_events_at_once(
    engine: Engine, is_asked: Callable[[], bool], when: str
) -> None:
    events = engine.follow_events()
    heard: list[str] = []
    thread = threading.Thread(target=lambda: heard.extend(events))
    thread.start()
    if when == "while it waits":
        wait_until(is_asked, "the question for events")
    begun = time.monotonic()
    events.stop()
    thread.join(HANG)
    assert not thread.is_alive()
    assert time.monotonic() - begun < HANG / 4
    assert heard == []


def test_the_program_of_the_events_has_ended_with_them(
    docker: FakeDocker, path: Path, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    docker.run_before("dial", f"echo $$ > {pid}; {way_to(path)}")
    engine = Engine({**docker.environ(), "HOME": str(tmp_path)})
    events = engine.follow_events()
    thread = threading.Thread(target=lambda: list(events))

    def wait(request: Request) -> None:
        request.rfile.read()

    with answering(path, {"GET /events": wait}) as requests:
        thread.start()
        wait_until(lambda: any("/events" in asked for _, asked, _ in requests), "the request")
        events.stop()
        thread.join(HANG)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
