"""Lists volumes and copies their content; decides nothing, and starts no container.

The engine reads and writes the volumes of a container that was created and never started. The
image of that container is empty and is imported here: the stack's own images may not exist yet, and
would add their own anonymous volumes. Containers, images and volumes that are created for one copy
have its token as a label, so that the remains of a killed copy can be found.
"""

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from composeports.core.engine_resources import EngineVolume
from composeports.core.labels import PROJECT_LABEL, VOLUME_LABEL
from composeports.docker.containers import Container, container_of
from composeports.docker.engine import Engine
from composeports.docker.sdk import FAILURES, EngineClient, reason
from composeports.errors import SeedError

SEED_LABEL = "composeports.seed"
# Volumes are mounted at /volumes/0, /volumes/1, ... The stream contains the folder itself, so that
# the owner and mode of a volume's root are copied too; with `/.` at the end they would not be.
FOLDER = "/volumes"
# Number of bytes to read: more than the headers of the root and of the first entry in it.
ENOUGH = 1 << 16
END_OF_ARCHIVE = bytes(1024)
HINT = "fix that and run it again: incomplete copies are removed, and none of your data is"


@contextmanager
def _may_fail(action: str) -> Iterator[None]:
    """Raise SeedError if the engine cannot do `action`."""
    try:
        yield
    except FAILURES as error:
        message = f"the engine could not {action}: {reason(error)}"
        raise SeedError(message, hint=HINT) from error


@contextmanager
def connect(engine: Engine) -> Iterator[EngineClient]:
    """Yield a client of the engine; raise SeedError if the engine cannot be reached."""
    with ExitStack() as stack:
        with _may_fail("be reached"):
            client = stack.enter_context(EngineClient(engine.environ, engine.time_limits))
        yield client


def volumes_of(client: EngineClient, project: str) -> tuple[EngineVolume, ...]:
    """Return the volumes with the project's label."""
    return _volumes(client, {"label": f"{PROJECT_LABEL}={project}"})


def find_volumes(client: EngineClient, names: Sequence[str]) -> tuple[EngineVolume, ...]:
    """Return the volumes that exist under the given names."""
    found = _volumes(client, {"name": names})  # parts of names match, too
    return tuple(volume for volume in found if volume.name in names)


def _volumes(client: EngineClient, filters: dict[str, Any]) -> tuple[EngineVolume, ...]:
    with _may_fail("list the volumes"):
        return tuple(map(_volume, client.volumes(filters=filters)["Volumes"] or ()))


def _volume(found: Mapping[str, Any]) -> EngineVolume:
    labels = found.get("Labels") or {}
    return EngineVolume(
        name=found["Name"],
        project=labels.get(PROJECT_LABEL, ""),
        key=labels.get(VOLUME_LABEL, ""),
        driver=found["Driver"],
        options=found.get("Options") or {},
        created=found.get("CreatedAt", ""),
    )


def users_of(client: EngineClient, names: Iterable[str]) -> tuple[Container, ...]:
    """Return the containers that use any of the volumes; stopped containers too."""
    return _containers(client, {"volume": list(names)})


def _containers(client: EngineClient, filters: dict[str, Any]) -> tuple[Container, ...]:
    with _may_fail("list the containers"):
        return tuple(map(container_of, client.containers(all=True, filters=filters)))


def create_volume(client: EngineClient, volume: EngineVolume, labels: Mapping[str, str]) -> None:
    """Create a volume; raise SeedError if the engine refuses."""
    with _may_fail(f"create the volume {volume.name}"):
        client.create_volume(volume.name, volume.driver, dict(volume.options), dict(labels))


def remove_unused_volume(client: EngineClient, name: str) -> bool:
    """Remove a volume; return False if the engine keeps it because a container uses it."""
    with suppress(*FAILURES):
        client.remove_volume(name)
        return True
    return False


def pause(client: EngineClient, ids: Sequence[str]) -> None:
    """Pause the containers; raise SeedError if one of them still runs afterwards.

    A container that has just ended is no error.
    """
    _change(client, ids, "running", client.pause, "pause the other session's containers")


def unpause(client: EngineClient, ids: Sequence[str]) -> None:
    """Unpause the containers; raise SeedError if one of them stays paused.

    A container that was removed or is no longer paused is no error.
    """
    action = f"unpause the containers: docker unpause {' '.join(ids)}"
    _change(client, ids, "paused", client.unpause, action)


def _change(
    client: EngineClient, ids: Iterable[str], state: str, change: Callable[[str], None], action: str
) -> None:
    """Change the containers; raise SeedError if one of them is in `state` afterwards."""
    failures = []
    for container_id in ids:
        try:
            change(container_id)
        except FAILURES as error:
            failures.append(error)
    unchanged = _containers(client, {"status": state}) if failures else ()
    if any(container.id in ids for container in unchanged):
        with _may_fail(action):
            raise failures[0]


class HelperContainers:
    """Creates the containers of one copy; they have its token as a label."""

    def __init__(self, client: EngineClient, token: str) -> None:
        self._client = client
        self._token = token
        self._image = ""

    def mount(self, names: Sequence[str], *, read_only: bool) -> "VolumeMount":
        """Create a container that mounts the volumes; it is never started."""
        client, labels = self._client, {SEED_LABEL: self._token}
        with _may_fail("create a container for the copy"):
            if not self._image:
                change = f"LABEL {SEED_LABEL}={self._token}"
                lines = client.import_image_from_data(b"", changes=[change]).splitlines()
                answer = json.loads(lines[-1])
                if "status" not in answer:
                    raise OSError(answer.get("error"))
                self._image = answer["status"]
            mode = "ro" if read_only else "rw"
            binds = [f"{name}:{FOLDER}/{number}:{mode}" for number, name in enumerate(names)]
            made = client.create_container(
                self._image,
                "never-started",
                labels=labels,
                host_config={"NetworkMode": "none", "Binds": binds},
                use_config_proxy=False,
            )
        return VolumeMount(client, made["Id"], tuple(names))


class VolumeMount(NamedTuple):
    """A container that mounts volumes, so that the engine reads and writes their content."""

    client: EngineClient
    id: str
    names: tuple[str, ...]

    def remove(self) -> None:
        """Remove the container, so that it no longer uses the volumes."""
        with _may_fail("remove a container of the copy"):
            self.client.remove_container(self.id)

    def is_empty(self, name: str) -> bool:
        """Return True if the volume has no content; raise SeedError if it cannot be read."""
        data, path = b"", f"{FOLDER}/{self.names.index(name)}"
        try:
            with _may_fail(f"look into the volume {name}"):
                for piece in self.client.get_archive(self.id, path)[0]:
                    data += piece
                    if len(data) >= ENOUGH:
                        break
        finally:
            self.client.hang_up()
        with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            return tar.next() is not None and tar.next() is None
        return False


def copy_volume(
    source: VolumeMount, target: VolumeMount, number: int, passed: Callable[[int], None]
) -> int:
    """Copy all of the source's volume with this number to the target's; return how many bytes.

    Owners, modes, times, links and empty folders are kept. `passed` is called with the number of
    bytes so far. Raise SeedError if the copy is not complete: an archive that the engine cut off
    has no end-of-archive mark.
    """
    name, count = source.names[number], 0

    def pieces() -> Iterator[bytes]:
        """Yield the archive, and raise instead of its end if the end is missing.

        What is raised here breaks the upload off, and the engine refuses it.
        """
        nonlocal count
        tail = b""
        with _may_fail(f"read the volume {name}"):
            for piece in source.client.get_archive(source.id, f"{FOLDER}/{number}")[0]:
                count += len(piece)
                tail = (tail + piece[-len(END_OF_ARCHIVE) :])[-len(END_OF_ARCHIVE) :]
                yield piece
                passed(count)
        if tail != END_OF_ARCHIVE:
            message = f"the engine broke off the copy of the volume {name} after {count} bytes"
            hint = "files that change during the copy cause this: leave out --no-pause"
            raise SeedError(message, hint=hint)

    try:
        with _may_fail(f"copy the volume {name} to {target.names[number]}"):
            target.client.put_archive(target.id, FOLDER, pieces())
    finally:
        source.client.hang_up()  # it may not have been read to its end
    return count


def clear(client: EngineClient, token: str, *, volumes: bool) -> None:
    """Remove the containers and images with the token, and with `volumes` the volumes too.

    `volumes` is for a copy that failed.
    """
    filters = {"label": f"{SEED_LABEL}={token}"}
    for container in _containers(client, filters):
        with suppress(*FAILURES):  # one that is already gone must not block the others
            client.remove_container(container.id, v=True, force=True)
    for volume in _volumes(client, filters) if volumes else ():
        with _may_fail(f"remove the volume {volume.name}"):
            client.remove_volume(volume.name)
    with _may_fail("list the images"):
        images = client.images(quiet=True, filters=filters)
    for image in images:
        with suppress(*FAILURES):
            client.remove_image(image)
