"""Volumes of the engine and how their content is copied; decides nothing, and runs no container.

A container that is created and never started is enough for `docker cp` to reach the volumes that
it mounts. Its image is empty and made here (`docker import`), since the stack's own images may
not be there yet and would bring anonymous volumes of their own. Containers, images and volumes
made for one copy carry its token as a label, so that what a killed copy leaves can be found.
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
# Where volumes are mounted: /volumes/0, /volumes/1, ... The folder's own name is in the stream, so
# that owner and mode of a volume's root are copied too; with `/.` at the end they are not.
FOLDER = "/volumes"
# More than the headers of two entries, the root's and the first one in it.
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
    """Return the volumes that carry the project's label."""
    return _inspect(engine, _names(engine, f"{PROJECT_LABEL}={project}"))


def find_volumes(engine: Engine, names: Iterable[str]) -> tuple[EngineVolume, ...]:
    """Return those of the named volumes that exist."""
    return _inspect(engine, names)


def _names(engine: Engine, label: str) -> list[str]:
    listed = _done(engine, "volume", "ls", "--quiet", "--filter", f"label={label}")
    return listed.out.split()


def _inspect(engine: Engine, names: Iterable[str]) -> tuple[EngineVolume, ...]:
    wanted = list(names)
    if not wanted:
        return ()
    answer = engine.answer("volume", "inspect", *wanted)
    # One that is missing, or gone meanwhile, is an error of the command; the others are shown.
    if answer.code and "no such volume" not in answer.err.lower():
        raise _failed(answer, "look at the volumes")
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
    return {str(name): str(each) for name, each in value.items()} if isinstance(value, dict) else {}


def users_of(engine: Engine, names: Iterable[str]) -> tuple[VolumeUser, ...]:
    """Return the containers that use any of the volumes, stopped ones too."""
    only = [word for name in names for word in ("--filter", f"volume={name}")]
    shown = _done(engine, "ps", "--all", "--no-trunc", *only, "--format", _USER)
    return tuple(VolumeUser(*line.split("\t")) for line in shown.out.splitlines())


def create_volume(
    engine: Engine,
    name: str,
    driver: str,
    options: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    """Make a volume; SeedError where the engine refuses."""
    words = [word for pair in options.items() for word in ("--opt", "=".join(pair))]
    words += [word for pair in labels.items() for word in ("--label", "=".join(pair))]
    _done(engine, "volume", "create", "--driver", driver or "local", *words, name)


def remove_unused_volume(engine: Engine, name: str) -> bool:
    """Remove a volume; False where the engine keeps it, since a container uses it."""
    return not engine.act("volume", "rm", name).code


def pause(engine: Engine, ids: Sequence[str]) -> None:
    """Pause the containers; one that ended meanwhile does no harm, one that runs on is an error."""
    answer = engine.act("pause", *ids)
    if answer.code and _states(engine, ids, "running"):
        raise _failed(answer, "pause the other session's containers")


def unpause(engine: Engine, ids: Sequence[str]) -> None:
    """Let the containers go on; those that are gone or were let go already are no error."""
    paused = _states(engine, ids, "paused")
    if paused:
        answer = engine.act("unpause", *paused)
        if answer.code and _states(engine, paused, "paused"):
            raise _failed(answer, f"let go on what it paused: docker unpause {' '.join(paused)}")


def _states(engine: Engine, ids: Sequence[str], state: str) -> list[str]:
    """Return those of the containers that are in the state now."""
    answer = engine.answer("container", "inspect", "--format", "{{.Id}} {{.State.Status}}", *ids)
    if answer.code and "no such container" not in answer.err.lower():
        raise _failed(answer, "look at the other session's containers")
    lines = (line.split() for line in answer.out.splitlines())
    return [line[0] for line in lines if line[1:] == [state]]


class HelperContainers:
    """The containers of one copy, marked with its token."""

    def __init__(self, engine: Engine, token: str) -> None:
        self._engine = engine
        self._label = f"{SEED_LABEL}={token}"
        self._image = ""

    def mount(self, names: Sequence[str], *, read_only: bool) -> "VolumeMount":
        """Create a container with the volumes mounted; it is never started."""
        if not self._image:
            change = f"LABEL {self._label}"
            made = _done(self._engine, "import", "--change", change, "-")
            self._image = made.out.split()[-1]
        mode = ",readonly" if read_only else ""
        mounts = [
            word
            for number, name in enumerate(names)
            for word in ("--mount", f"type=volume,src={name},dst={FOLDER}/{number}{mode}")
        ]
        words = ("create", "--network", "none", "--label", self._label)
        made = _done(self._engine, *words, *mounts, self._image, "never-started")
        return VolumeMount(self._engine, made.out.split()[-1], tuple(names))


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A container with volumes that `docker cp` can reach."""

    engine: Engine
    id: str
    names: tuple[str, ...]

    def place(self, name: str) -> str:
        """Return what `docker cp` calls the volume's root."""
        return f"{self.id}:{FOLDER}/{self.names.index(name)}"

    def remove(self) -> None:
        """Let go of the volumes."""
        _done(self.engine, "rm", self.id)

    def is_empty(self, name: str) -> bool:
        """Tell whether nothing lies in the volume."""
        import tarfile  # noqa: PLC0415 - only for volumes that exist already

        data = self.engine.beginning("cp", self.place(name), "-", size=ENOUGH)
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
    """Copy all of one volume into another, which is empty, and return the bytes of the stream.

    Owners, modes, times, links and empty folders are kept. SeedError where not all arrived; an
    archive that the engine broke off ends without the mark that ends one.
    """
    if source.place(name).partition(":")[2] != target.place(target_name).partition(":")[2]:
        raise ValueError(name)  # the stream holds the folder's name
    count = 0
    tail = b""

    def see(piece: bytes) -> None:
        nonlocal count, tail
        count += len(piece)
        last = piece[-len(END_OF_ARCHIVE) :]
        tail = (tail + last)[-len(END_OF_ARCHIVE) :]
        passed(count)

    take = ("cp", "-", f"{target.id}:{FOLDER}")
    given, taken = source.engine.pipe(("cp", source.place(name), "-"), take, see)
    for answer in (taken, given):
        if answer.code:
            raise _failed(answer, f"copy the volume {name} to {target_name}")
    if tail != END_OF_ARCHIVE:
        message = f"the engine broke off the copy of the volume {name} after {count} bytes"
        raise SeedError(message, hint="files that change meanwhile do that: leave out --no-pause")
    return count


def clear(engine: Engine, token: str, *, volumes: bool) -> None:
    """Remove the helpers that carry the token and, where it led to nothing, its `volumes`."""
    label = f"{SEED_LABEL}={token}"
    listed = _done(engine, "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")
    # One a call: what is gone already, or going, shall not keep the others.
    for each in listed.out.split():
        engine.act("rm", "--force", "--volumes", each)
    if volumes:
        for name in _names(engine, label):
            _done(engine, "volume", "rm", name)
    images = _done(engine, "images", "--quiet", "--no-trunc", "--filter", f"label={label}")
    for each in images.out.split():
        engine.act("rmi", each)


def _done(engine: Engine, *arguments: str) -> Finished:
    answer = engine.act(*arguments)
    if answer.code:
        raise _failed(answer, f"run `docker {' '.join(arguments[:2])}`")
    return answer


def _failed(answer: Finished, what: str) -> SeedError:
    lines = answer.err.strip().splitlines() or [f"docker ended with exit code {answer.code}"]
    said = lines[-1].removeprefix("Error response from daemon: ")
    return SeedError(f"the engine could not {what}: {said}", hint=HINT)


HINT = "mend that and run it again: what is half copied is removed, and no data of yours is"
