"""Decide which session's volumes are copied, and which of them. Values in, values out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import basename

from composeports.core.compose_project import Project, Volume
from composeports.core.engine_resources import EngineVolume
from composeports.core.folders import is_within
from composeports.core.labels import PROJECT_LABEL, VOLUME_LABEL
from composeports.core.lease import Lease
from composeports.core.session_name import name_of
from composeports.errors import UsageError

MAIN = "main"
# The prefix for the name of a project that plain Compose started.
PLAIN = "compose:"
UNITS = ("B", "kB", "MB", "GB", "TB")
# Options of the driver `local` that put the data outside of the engine's own folder.
ELSEWHERE = ("type", "device")


@dataclass(frozen=True, slots=True)
class SeedCandidate:
    """A lease that the store knows; `repository` is the git directory of its main checkout."""

    lease: Lease
    repository: str = ""
    branch: str = ""

    @property
    def below(self) -> str:
        """Return the sub-folder of the worktree that the session is for."""
        return self.lease.place.below

    @property
    def shown(self) -> str:
        """Return the session's text in a list of sessions."""
        place = self.lease.place
        branch = f" on {self.branch}" if self.branch else ""
        location = place.directory or self.lease.session_id
        return f"{name_of(self.lease)} ({location}{branch}, {self.lease.project})"


@dataclass(frozen=True, slots=True)
class SeedSource:
    """The source of a copy: the name that `--seed-from` takes, and the project."""

    name: str
    project: str


def plain_source(text: str) -> SeedSource | None:
    """Return the plain Compose stack that `compose:PROJECT` names; None for another text."""
    project = text.removeprefix(PLAIN)
    return SeedSource(text, project) if project and project != text else None


@dataclass(frozen=True, slots=True)
class SeedQuery:
    """The value of `--seed-from`.

    If the value is the path of an existing file or folder, `path` is that path. `git_dir` is the
    git directory of the checkout around it.
    """

    text: str
    path: str = ""
    git_dir: str = ""


def find_source(wanted: SeedQuery, own: SeedCandidate, known: Sequence[SeedCandidate]) -> Lease:
    """Return the session that `wanted` names.

    Raises UsageError if it names no session, several sessions, or only `own`. The value is tried as
    a session id, a project name, `main`, a branch of this repository, a path, the name of a
    worktree's folder, the readable name of a session, and a part of a name, branch or folder of
    this repository, in this order.
    """
    matches = next(filter(None, _readings(wanted, own, known)), [])
    other_sessions = [
        candidate for candidate in matches if candidate.lease.session_id != own.lease.session_id
    ]
    choices = _narrowed(other_sessions, own)
    if not matches or len(choices) > 1:
        raise _unclear(wanted, choices, own, known)
    if not choices:
        message = f"seed {wanted.text} is this session itself"
        raise UsageError(message, hint=_listing(own, known))
    return choices[0].lease


def _readings(
    wanted: SeedQuery, own: SeedCandidate, known: Sequence[SeedCandidate]
) -> Iterator[list[SeedCandidate]]:
    text = wanted.text
    yield [candidate for candidate in known if candidate.lease.session_id == text]
    yield [candidate for candidate in known if candidate.lease.project == text]
    repository_sessions = [
        candidate
        for candidate in known
        if own.repository and candidate.repository == own.repository
    ]
    if text == MAIN:
        yield [
            candidate
            for candidate in repository_sessions
            if candidate.lease.place.git_dir == own.repository
        ]
    yield [candidate for candidate in repository_sessions if candidate.branch == text]
    if wanted.path:
        yield _at(wanted, known)
    else:
        yield [candidate for candidate in repository_sessions if _folder(candidate) == text]
        yield [candidate for candidate in known if name_of(candidate.lease) == text]
        yield [
            candidate
            for candidate in repository_sessions
            if any(text in name for name in _names(candidate))
        ]


def _names(candidate: SeedCandidate) -> tuple[str, str, str]:
    return name_of(candidate.lease), candidate.branch, _folder(candidate)


def _folder(candidate: SeedCandidate) -> str:
    return basename(candidate.lease.place.worktree)


def _at(wanted: SeedQuery, known: Sequence[SeedCandidate]) -> list[SeedCandidate]:
    """Return the sessions of the innermost project directory around the path.

    If no directory is around it, return all sessions of its checkout.
    """
    sessions = [candidate for candidate in known if candidate.lease.place.git_dir == wanted.git_dir]
    outer_sessions = [
        candidate for candidate in sessions if _holds(candidate.lease.place.directory, wanted.path)
    ]
    max_length = max(
        (len(candidate.lease.place.directory) for candidate in outer_sessions), default=0
    )
    innermost_sessions = [
        candidate
        for candidate in outer_sessions
        if len(candidate.lease.place.directory) == max_length
    ]
    return innermost_sessions or (sessions if wanted.git_dir else [])


def _holds(directory: str, path: str) -> bool:
    return bool(directory) and is_within(path, directory)


def _narrowed(found: list[SeedCandidate], own: SeedCandidate) -> list[SeedCandidate]:
    """Prefer sessions with our sub-folder and, of several, the sessions without a name."""
    peers = [candidate for candidate in found if candidate.below == own.below] or found
    unnamed_sessions = [candidate for candidate in peers if _is_unnamed(candidate.lease)]
    return peers if len(peers) == 1 else unnamed_sessions or peers


def _is_unnamed(lease: Lease) -> bool:
    return lease.session_id == lease.place.session_id


def _unclear(
    wanted: SeedQuery,
    found: Sequence[SeedCandidate],
    own: SeedCandidate,
    known: Sequence[SeedCandidate],
) -> UsageError:
    if found:
        message = f"seed {wanted.text} means several sessions"
        return UsageError(message, hint=_listing(own, found), session=wanted.text)
    message = f"seed {wanted.text}: no such session is known"
    return UsageError(message, hint=_listing(own, known), session=wanted.text)


def _listing(own: SeedCandidate, known: Iterable[SeedCandidate]) -> str:
    """Return a hint with the sessions to choose from, this repository's sessions first."""
    other_sessions = [
        candidate for candidate in known if candidate.lease.session_id != own.lease.session_id
    ]
    if not other_sessions:
        return "no other session is known: start the one with the data by `composeports up` first"
    other_sessions.sort(key=lambda session: (session.repository != own.repository, session.shown))
    return f"give one of these: {'; '.join(candidate.shown for candidate in other_sessions)}"


@dataclass(frozen=True, slots=True)
class VolumeCopy:
    """One volume to fill: the volume of the Compose file, and the names of source and target."""

    volume: Volume
    source: str
    target: str

    @property
    def key(self) -> str:
        """Return the volume's key in the Compose file."""
        return self.volume.key


@dataclass(frozen=True, slots=True)
class SkippedVolume:
    """One volume that is not copied, and why."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class SeedChoice:
    """The volumes to copy and the volumes to skip, in the order of the Compose file."""

    copies: tuple[VolumeCopy, ...] = ()
    skipped: tuple[SkippedVolume, ...] = ()


def volume_names(project: Project, name: str, override: Mapping[str, object]) -> dict[str, str]:
    """Return the name that Compose will give to each volume of project `name`, by key.

    A name in the override takes precedence, as it does for Compose.
    """
    section = override.get("volumes")
    entries = section if isinstance(section, Mapping) else {}
    names: dict[str, str] = {}
    for volume in project.volumes:
        entry = entries.get(volume.key)
        new_name = entry.get("name") if isinstance(entry, Mapping) else None
        default_name = volume.name if project.is_fixed(volume.name) else f"{name}_{volume.key}"
        names[volume.key] = str(new_name) if new_name else default_name
    return names


def choose(
    volumes: Iterable[Volume], names: Mapping[str, str], source: Iterable[EngineVolume]
) -> SeedChoice:
    """Return which volumes of the source fill which volumes of this session.

    External volumes are left out, because they belong to no session.
    """
    copies: list[VolumeCopy] = []
    skips: list[SkippedVolume] = []
    # If the file changes a volume's name, the old volume keeps the key. The newest one is used.
    source_volumes = {
        engine_volume.key: engine_volume
        for engine_volume in sorted(source, key=lambda engine_volume: engine_volume.created)
    }
    for volume in volumes:
        if volume.external:
            continue
        source_volume = source_volumes.get(volume.key)
        reason = _obstacle(volume, names[volume.key], source_volume)
        if source_volume is None or reason:
            skips.append(SkippedVolume(volume.key, reason))
        else:
            copies.append(VolumeCopy(volume, source_volume.name, names[volume.key]))
    return SeedChoice(tuple(copies), tuple(skips))


def _obstacle(volume: Volume, name: str, found: EngineVolume | None) -> str:
    """Return why the volume cannot be copied; empty if it can."""
    if obstacle := _elsewhere(volume.driver, volume.driver_opts):
        return obstacle
    if found is None:
        return "the other session has no such volume"
    if found.name == name:
        return f"both sessions share {name}"
    return _elsewhere(found.driver, found.options)


def _elsewhere(driver: str, options: Mapping[str, str]) -> str:
    """Return where the data is, if it is not in the engine's own folder; otherwise empty."""
    if driver not in {"", "local"}:
        return f"its driver is {driver}"
    locations = [f"{name} {options[name]}" for name in ELSEWHERE if options.get(name)]
    return f"its data lies outside of the engine ({', '.join(locations)})" if locations else ""


def labels_of(copy: VolumeCopy, project: str, override: Mapping[str, object]) -> dict[str, str]:
    """Return the labels that Compose would give to the volume, so that Compose accepts it."""
    compose_labels = {PROJECT_LABEL: project, VOLUME_LABEL: copy.key}
    return {**copy.volume.labels, **_overridden(copy.key, override), **compose_labels}


def _overridden(key: str, override: Mapping[str, object]) -> dict[str, str]:
    """Return the labels that the override gives to a volume; Compose reads `$$` as `$`."""
    node: object = override
    for name in ("volumes", key, "labels"):
        node = node.get(name) if isinstance(node, Mapping) else None
    labels = node if isinstance(node, Mapping) else {}
    return {str(name): str(value).replace("$$", "$") for name, value in labels.items()}


def shown_bytes(count: int) -> str:
    """Return a number of bytes as text, like `1.5 MB`."""
    power = min((len(str(count)) - 1) // 3, len(UNITS) - 1)
    return f"{count / 1000**power:.{min(power, 1)}f} {UNITS[power]}"
