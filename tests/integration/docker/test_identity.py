"""The id of the engine and of the machine: asked once, cached, and never guessed."""

import os
import time
from pathlib import Path

import pytest

from composeports.core.engine_identity import EngineIdentity
from composeports.core.engine_traits import EngineTraits
from composeports.docker.engine import Engine
from composeports.errors import EngineError
from composeports.host.machine import boot_id, booted_at, machine_digest, machine_name
from tests.support.machine import UNREACHABLE, FakeDocker

pytestmark = pytest.mark.integration

FAR = "tcp://far.example:2376"
DOCKER = ("a-b-c\tbox\t/var/lib/docker\n", "Engine\tcontainerd\trunc\t\n")
PODMAN = ("5d0f-any\tbox\t/home/dev/.local/share\n", "Podman Engine\tConmon\t\n")


class Place:
    """A machine with a `docker` that reports the id of its engine."""

    def __init__(self, folder: Path) -> None:
        self.docker = FakeDocker(folder / "docker")
        self.state = folder / "state"
        self.socket = folder / "docker.sock"
        self.tells(*DOCKER)

    def tells(self, info: str, components: str) -> None:
        self.docker.answer("info", info)
        self.docker.answer("engine", components)

    def engine(self, host: str = FAR, **more: str) -> Engine:
        known = {"DOCKER_HOST": host, "COMPOSEPORTS_STATE_DIR": str(self.state)}
        return Engine({**self.docker.environ(), **known, **more})

    @property
    def asked(self) -> int:
        return sum(call.startswith("info") for call in self.docker.calls)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_engine_tells_its_id_and_the_name_of_its_machine(place: Place) -> None:
    place.docker.answer("network", "bridge\trun-1\nhost\th\nnone\tdata-1\n")
    told = place.engine().identity()
    far = EngineTraits("run-1", "data-1", "/var/lib/docker", "box", "far.example")
    assert told == EngineIdentity("a-b-c", "box", "far.example", local=False, traits=far)
    local = place.engine(f"unix://{place.socket}").identity()
    assert local.traits.kept == far._replace(reached="", machine=machine_digest(), boot=boot_id())
    assert local == EngineIdentity("a-b-c", "box", traits=local.traits)


def test_a_machine_tells_its_boot_and_a_digest_of_its_id(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("0123\n")
    assert machine_digest(str(tmp_path / "id")) in known_as(tmp_path / "a", tmp_path / "id")
    assert machine_digest(str(tmp_path / "none")) == boot_id(str(tmp_path / "none")) == ""
    assert 0 < booted_at() < time.time()


def test_an_engine_that_does_not_list_its_networks_is_known_all_the_same(place: Place) -> None:
    place.docker.answer("network", err=UNREACHABLE, code=1)
    traits = place.engine().identity().traits
    assert traits == EngineTraits("", "", "/var/lib/docker", "box", "far.example")


def test_podman_gives_another_id_each_time_and_is_known_by_where_it_keeps_things(
    place: Place,
) -> None:
    place.tells(*PODMAN)
    assert place.engine().identity().id == "podman:box:/home/dev/.local/share"


def test_an_engine_without_an_id_needs_one_from_somebody(place: Place) -> None:
    place.tells("\tbox\t/var/lib\n", "Engine\t\n")
    with pytest.raises(EngineError) as caught:
        place.engine().identity()
    assert "COMPOSEPORTS_ENGINE" in caught.value.hint
    assert place.engine(COMPOSEPORTS_ENGINE="mine").identity().id == "mine"


def test_what_a_socket_said_holds_as_long_as_it_is_the_same_socket(place: Place) -> None:
    place.socket.touch()
    for _ in range(2):
        assert place.engine(f"unix://{place.socket}").identity(refresh=True).id == "a-b-c"
    assert place.asked == 1
    place.socket.rename(place.socket.with_name("earlier"))
    place.socket.touch()
    place.tells("d-e-f\tbox\t/var/lib/docker\n", DOCKER[1])
    assert place.engine(f"unix://{place.socket}").identity().id == "d-e-f"


def test_a_remote_engine_is_asked_again_by_who_takes_a_lease(place: Place) -> None:
    place.engine().identity()
    place.tells("d-e-f\tother\t/var/lib/docker\n", DOCKER[1])
    assert place.engine().identity().id == "a-b-c"
    engine = place.engine()
    assert engine.identity().id == "a-b-c"
    assert engine.identity(refresh=True).id == "d-e-f"
    engine.identity(refresh=True)
    assert place.asked == 2, "it was asked less than a minute ago"


def test_an_engine_that_is_away_is_the_one_it_was(place: Place) -> None:
    place.engine().identity()
    place.docker.answer("info", err=UNREACHABLE, code=1)
    assert place.engine().identity(refresh=True).id == "a-b-c"


def test_one_that_never_answered_is_unknown(place: Place) -> None:
    place.docker.answer("info", err=UNREACHABLE, code=1)
    with pytest.raises(EngineError, match="did not answer"):
        place.engine().identity()


@pytest.mark.parametrize("text", ["", "not json", "[1]", '{"a": 1}', '["a", "b"]'])
def test_a_damaged_memory_is_asked_for_again(place: Place, text: str) -> None:
    place.engine().identity()
    (memory,) = (place.state / "known").iterdir()
    memory.write_text(text)
    assert place.engine().identity().id == "a-b-c"
    assert place.asked == 2


def test_what_an_earlier_version_remembered_is_asked_for_anew(place: Place) -> None:
    place.engine().identity()
    (memory,) = (place.state / "known").iterdir()
    memory.write_text('["", "a-b-c", "box"]')
    assert place.engine().identity().traits.folder == "/var/lib/docker"
    assert place.asked == 2


def test_where_nothing_can_be_remembered_it_is_asked_each_time(place: Place) -> None:
    place.state.mkdir()
    (place.state / "known").write_text("no folder")
    for _ in range(2):
        assert place.engine().identity().id == "a-b-c"
    assert place.asked == 2


# The machine


def known_as(state: Path, identity: Path, **more: str) -> str:
    return machine_name({"COMPOSEPORTS_STATE_DIR": str(state), **more}, str(identity))


def test_a_machine_is_named_after_its_host_and_its_own_id(tmp_path: Path) -> None:
    first, second = tmp_path / "id-1", tmp_path / "id-2"
    first.write_text("0123\n")
    second.write_text("4567\n")
    name = known_as(tmp_path / "a", first)
    assert name.startswith(os.uname().nodename + "-")
    assert name != known_as(tmp_path / "b", second)


def test_a_machine_keeps_its_name_when_its_host_name_changes(tmp_path: Path) -> None:
    identity = tmp_path / "id"
    identity.write_text("0123\n")
    name = known_as(tmp_path / "a", identity)
    record = tmp_path / "a" / "known" / "machine"
    record.write_text(record.read_text().replace(name, "earlier-name"))
    assert known_as(tmp_path / "a", identity) == "earlier-name"


def test_a_state_directory_that_came_from_another_machine_does_not_count(tmp_path: Path) -> None:
    first, second = tmp_path / "id-1", tmp_path / "id-2"
    first.write_text("0123\n")
    second.write_text("4567\n")
    assert known_as(tmp_path / "a", first) != known_as(tmp_path / "a", second)


def test_a_machine_has_the_name_that_it_is_given(tmp_path: Path) -> None:
    assert known_as(tmp_path / "a", tmp_path, COMPOSEPORTS_MACHINE="ci-1") == "ci-1"
    assert not (tmp_path / "a").exists()


def test_a_machine_without_an_id_or_a_place_to_remember_has_a_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no folder")
    assert known_as(tmp_path / "a", tmp_path / "none").startswith(os.uname().nodename)


def test_an_engine_that_is_away_is_told_of_in_the_words_that_say_why(place: Place) -> None:
    place.docker.answer("info", "\n", err="template: :1:2: executing <.ID>: nil pointer\n", code=1)
    place.docker.answer("engine", "\n", err=UNREACHABLE, code=1)
    with pytest.raises(EngineError, match=r"at tcp://far\.example:2376 did not answer: Cannot con"):
        place.engine().identity()
