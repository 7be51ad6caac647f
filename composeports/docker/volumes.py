"""Lists volumes and copies their content; decides nothing, and starts no container.

`docker cp` can read and write the volumes of a container that was created and never started. The
image of that container is empty and is created here with `docker import`: the stack's own images
may not exist yet, and would add their own anonymous volumes. Containers, images and volumes that
are created for one copy have its token as a label, so that the remains of a killed copy can be
found.
"""

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from composeports.core.engine_resources import EngineVolume
from composeports.core.labels import PROJECT_LABEL, VOLUME_LABEL
from composeports.docker.engine import Engine
from composeports.errors import SeedError
from composeports.host.process import Finished

SEED_LABEL = "composeports.seed"
# Volumes are mounted at /volumes/0, /volumes/1, ... The stream contains the folder itself, so that
# the owner and mode of a volume's root are copied too; with `/.` at the end they would not be.
FOLDER = "/volumes"
# Number of bytes to read: more than the headers of the root and of the first entry in it.
ENOUGH = 1 << 16
END_OF_ARCHIVE = bytes(1024)
_USER = "\t".join(("{{.ID}}", "{{.State}}", f'{{{{.Label "{PROJECT_LABEL}"}}}}', "{{.Names}}"))


@dataclass(frozen=True, slots=True)
class VolumeUser:
    """A container that uses a volume."""

    id: str
    state: str
    project: str
    name: str


def volumes_of(engine: Engine, project: str) -> tuple[EngineVolume, ...]:
    """Return the volumes with the project's label."""
    return _inspect(engine, _names(engine, f"{PROJECT_LABEL}={project}"))


def find_volumes(engine: Engine, names: Iterable[str]) -> tuple[EngineVolume, ...]:
    """Return the volumes that exist under the given names."""
    return _inspect(engine, names)


def _names(engine: Engine, label: str) -> list[str]:
    answer = _done(engine, "volume", "ls", "--quiet", "--filter", f"label={label}")
    return answer.out.split()


def _inspect(engine: Engine, names: Iterable[str]) -> tuple[EngineVolume, ...]:
    volume_names = list(names)
    if not volume_names:
        return ()
    answer = engine.run_query("volume", "inspect", *volume_names)
    # A missing volume makes the command fail, but the command still prints the other volumes.
    if answer.code and "no such volume" not in answer.err.lower():
        raise _failed(answer, "check the volumes")
    return tuple(map(_volume, json.loads(answer.out or "[]")))


def _volume(found: Mapping[str, object]) -> EngineVolume:
    labels = _pairs(found.get("Labels"))
    return EngineVolume(
        name=str(found.get("Name")),
        project=labels.get(PROJECT_LABEL, ""),
        key=labels.get(VOLUME_LABEL, ""),
        driver=str(found.get("Driver")),
        options=_pairs(found.get("Options")),
        created=str(found.get("CreatedAt")),
        token=labels.get(SEED_LABEL, ""),
    )


def _pairs(value: object) -> dict[str, str]:
    return {str(name): str(text) for name, text in value.items()} if isinstance(value, dict) else {}


def users_of(engine: Engine, names: Iterable[str]) -> tuple[VolumeUser, ...]:
    """Return the containers that use any of the volumes; stopped containers too."""
    filters = [word for name in names for word in ("--filter", f"volume={name}")]
    answer = _done(engine, "ps", "--all", "--no-trunc", *filters, "--format", _USER)
    return tuple(VolumeUser(*line.split("\t")) for line in answer.out.splitlines())


def create_volume(
    engine: Engine,
    name: str,
    driver: str,
    options: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    """Create a volume; raise SeedError if the engine refuses."""
    words = [word for pair in options.items() for word in ("--opt", "=".join(pair))]
    words += [word for pair in labels.items() for word in ("--label", "=".join(pair))]
    _done(engine, "volume", "create", "--driver", driver or "local", *words, name)


def remove_unused_volume(engine: Engine, name: str) -> bool:
    """Remove a volume; return False if the engine keeps it because a container uses it."""
    return not engine.run_change("volume", "rm", name).code


def pause(engine: Engine, ids: Sequence[str]) -> None:
    """Pause the containers; raise SeedError if one of them still runs afterwards.

    A container that has just ended is no error.
    """
    answer = engine.run_change("pause", *ids)
    if answer.code and _states(engine, ids, "running"):
        raise _failed(answer, "pause the other session's containers")


def unpause(engine: Engine, ids: Sequence[str]) -> None:
    """Unpause the containers; raise SeedError if one of them stays paused.

    A container that was removed or is no longer paused is no error.
    """
    paused_ids = _states(engine, ids, "paused")
    if paused_ids:
        answer = engine.run_change("unpause", *paused_ids)
        if answer.code and _states(engine, paused_ids, "paused"):
            raise _failed(answer, f"unpause the containers: docker unpause {' '.join(paused_ids)}")


def _states(engine: Engine, ids: Sequence[str], state: str) -> list[str]:
    """Return the ids of the containers that are in `state` now."""
    answer = engine.run_query("container", "inspect", "--format", "{{.Id}} {{.State.Status}}", *ids)
    if answer.code and "no such container" not in answer.err.lower():
        raise _failed(answer, "check the other session's containers")
    lines = (line.split() for line in answer.out.splitlines())
    return [line[0] for line in lines if line[1:] == [state]]


class HelperContainers:
    """Creates the containers of one copy; they have its token as a label."""

    def __init__(self, engine: Engine, token: str) -> None:
        self._engine = engine
        self._label = f"{SEED_LABEL}={token}"
        self._image = ""

    def mount(self, names: Sequence[str], *, read_only: bool) -> "VolumeMount":
        """Create a container that mounts the volumes; it is never started."""
        if not self._image:
            change = f"LABEL {self._label}"
            answer = _done(self._engine, "import", "--change", change, "-")
            self._image = answer.out.split()[-1]
        mode = ",readonly" if read_only else ""
        mounts = [
            word
            for number, name in enumerate(names)
            for word in ("--mount", f"type=volume,src={name},dst={FOLDER}/{number}{mode}")
        ]
        words = ("create", "--network", "none", "--label", self._label)
        answer = _done(self._engine, *words, *mounts, self._image, "never-started")
        return VolumeMount(self._engine, answer.out.split()[-1], tuple(names))


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A container that mounts volumes, so that `docker cp` can reach them."""

    engine: Engine
    id: str
    names: tuple[str, ...]

    def place(self, name: str) -> str:
        """Return the path of the volume's root for `docker cp`."""
        return f"{self.id}:{FOLDER}/{self.names.index(name)}"

    def remove(self) -> None:
        """Remove the container, so that it no longer uses the volumes."""
        _done(self.engine, "rm", self.id)

    def is_empty(self, name: str) -> bool:
        """Return True if the volume has no content; raise SeedError if it cannot be read."""
        import tarfile  # noqa: PLC0415 - only for existing volumes

        data = self.engine.read_head("cp", self.place(name), "-", size=ENOUGH)
        if data is None:
            raise SeedError(f"cannot look into the volume {name}", hint="`docker info` may say why")
        with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            return tar.next() is not None and tar.next() is None
        return False


def copy_volume(
    source: VolumeMount,
    name: str,
    target: VolumeMount,
    target_name: str,
    passed: Callable[[int], None],
) -> int:
    """Copy the whole content of a volume into an empty one; return the bytes of the stream.

    Owners, modes, times, links and empty folders are kept. `passed` is called with the number of
    bytes so far. Raise SeedError if the copy is not complete: an archive that the engine cut off
    has no end-of-archive mark.
    """
    if source.place(name).partition(":")[2] != target.place(target_name).partition(":")[2]:
        raise ValueError(name)  # the stream contains the folder's name
    count = 0
    tail = b""

    def see(piece: bytes) -> None:
        nonlocal count, tail
        count += len(piece)
        ending = piece[-len(END_OF_ARCHIVE) :]
        tail = (tail + ending)[-len(END_OF_ARCHIVE) :]
        passed(count)

    sink = ("cp", "-", f"{target.id}:{FOLDER}")
    source_answer, target_answer = source.engine.pipe(("cp", source.place(name), "-"), sink, see)
    for answer in (target_answer, source_answer):
        if answer.code:
            raise _failed(answer, f"copy the volume {name} to {target_name}")
    if tail != END_OF_ARCHIVE:
        message = f"the engine broke off the copy of the volume {name} after {count} bytes"
        hint = "files that change during the copy cause this: leave out --no-pause"
        raise SeedError(message, hint=hint)
    return count


def clear(engine: Engine, token: str, *, volumes: bool) -> None:
    """Remove the containers and images with the token, and with `volumes` the volumes too.

    `volumes` is for a copy that failed.
    """
    label = f"{SEED_LABEL}={token}"
    containers = _done(engine, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
    # One call for each container: a container that is already gone must not block the others.
    for resource_id in containers.out.split():
        engine.run_change("rm", "--force", "--volumes", resource_id)
    if volumes:
        for name in _names(engine, label):
            _done(engine, "volume", "rm", name)
    images = _done(engine, "images", "--quiet", "--no-trunc", "--filter", f"label={label}")
    for resource_id in images.out.split():
        engine.run_change("rmi", resource_id)


def _done(engine: Engine, *arguments: str) -> Finished:
    answer = engine.run_change(*arguments)
    if answer.code:
        raise _failed(answer, f"run `docker {' '.join(arguments[:2])}`")
    return answer


def _failed(answer: Finished, action: str) -> SeedError:
    lines = answer.err.strip().splitlines() or [f"docker ended with exit code {answer.code}"]
    message = lines[-1].removeprefix("Error response from daemon: ")
    return SeedError(f"the engine could not {action}: {message}", hint=HINT)


HINT = "fix that and run it again: incomplete copies are removed, and none of your data is"
