"""Check that composeports may have written a lease that was read from a store.

Other programs may write to a store. Their records must not name the project of another session, set
a variable that programs obey, or contain an invalid path. Imports little.
"""

from collections.abc import Iterable, Mapping, Sequence

from composeports.core.project_name import is_project_of
from composeports.core.protected_names import is_protected, is_settable
from composeports.core.session import check_session_id
from composeports.core.session_name import is_session_name
from composeports.errors import InvalidSessionError

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from typing import TypeGuard

    from composeports.core.lease import Lease

LOWEST_PORT, HIGHEST_PORT = 1, 65535
# The number of ports in the six fixed variables.
SMALLEST_BLOCK = 4
# The first second of the year 1, the last second of the year 9999, and the largest signed 32-bit
# number.
EARLIEST, LATEST = -62135596800.0, 253402300799.0
MOST_MINUTES = 2**31 - 1


class UnsoundError(ValueError):
    """A field of a record has a value that no composeports command writes."""

    def __init__(self, field: str, reason: str) -> None:
        """Store the name of the field and the reason why its value is wrong."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def check_lease(lease: "Lease", machine: str = "") -> None:
    """Raise UnsoundError for the first unsound field of a lease.

    `machine` is the name of this machine in shared stores.
    """
    check_block(lease.block.start, lease.block.size)
    check_times(lease.allocated_at, lease.expires_at, lease.ttl_minutes)
    check_place(
        lease.place.worktree,
        lease.place.git_dir,
        lease.place.directory,
        lease.place.branch,
        lease.place.machine,
        lease.place.named_by,
        lease.place.around,
    )
    check_project(lease.session_id, lease.project, lease.place.machine, machine)
    _check_line("engine", lease.engine)
    for trait in lease.traits.kept[:-1]:
        _check_line("engine", trait)
    check_host(lease.host)
    check_numbers("offsets", lease.offsets, 0)
    check_numbers("ports", lease.ports, LOWEST_PORT)
    check_numbers("pins", lease.pins, LOWEST_PORT)
    check_urls(lease.urls)
    check_subnets(lease.subnets)
    check_environment(lease.environment)
    check_marks(lease.marks or {}, lease.former_stores)
    check_standings(lease.standings)
    check_name(lease.name)
    check_tags(lease.tags or {})
    stack = lease.stack
    check_stack(stack.files, stack.env_files, stack.profiles)
    check_flags("stack", stack.overridden, stack.default_ports)
    check_flags("unused", lease.unused)


def check_project(session_id: str, project: str, place_machine: str, machine: str = "") -> None:
    """Raise UnsoundError if the project name does not belong to the session id.

    A session that moved between a machine's own store and a shared store kept its project name. In
    a shared store its id begins with the machine's name; in a machine's own store it does not. An
    invalid session id also raises UnsoundError.
    """
    try:
        check_session_id(session_id)
    except (InvalidSessionError, AttributeError, TypeError) as error:
        raise UnsoundError("session_id", str(error)) from None
    _check_text("project", project)
    ids = [session_id]
    if place_machine:
        if session_id.startswith(f"{place_machine}:"):
            ids.append(session_id[len(place_machine) + 1 :])
    elif machine:
        ids.append(f"{machine}:{session_id}")
    if not any(is_project_of(project, candidate) for candidate in ids):
        reason = f"{project!r} is not the name that the session's id gives"
        raise UnsoundError("project", reason)


def check_block(start: object, size: object) -> None:
    """Raise UnsoundError for a block that cannot hold the ports of the six fixed variables."""
    if not _is_number(start) or not _is_number(size):
        raise UnsoundError("block", f"{start!r} and {size!r} are not two numbers")
    if size < SMALLEST_BLOCK or start < LOWEST_PORT or start + size - 1 > HIGHEST_PORT:
        reason = f"{size} ports from {start} on are no block of ports"
        raise UnsoundError("block", reason)


def check_times(allocated_at: object, expires_at: object, ttl_minutes: object) -> None:
    """Raise UnsoundError for times outside the years 1 to 9999 or invalid minutes.

    Times before 1970 are accepted, because a clock can be set to one.
    """
    for field, moment in (("allocated_at", allocated_at), ("expires_at", expires_at)):
        if not isinstance(moment, int | float) or not EARLIEST <= moment <= LATEST:
            raise UnsoundError(field, f"{moment!r} is no time")
    if not _is_number(ttl_minutes) or not 1 <= ttl_minutes <= MOST_MINUTES:
        raise UnsoundError("ttl_minutes", f"{ttl_minutes!r} is no number of minutes")


def check_place(  # noqa: PLR0913, PLR0917 - the fields of a location
    worktree: str,
    git_dir: str,
    directory: str,
    branch: str,
    machine: str,
    named_by: str = "",
    around: str = "",
) -> None:
    """Raise UnsoundError for a location whose folders are neither absolute nor empty."""
    folders = {
        "worktree": worktree,
        "git_dir": git_dir,
        "directory": directory,
        "named_by": named_by,
        "around": around,
    }
    for field, path in folders.items():
        if path != "":
            _check_path(f"place.{field}", path)
    _check_line("place.branch", branch)
    _check_line("place.machine", machine)


def check_environment(pairs: Iterable[Sequence[str]]) -> None:
    """Raise UnsoundError for a variable that a store must not set."""
    for pair in pairs:
        name, value = pair
        _check_text("environment", name)
        if not is_settable(name):
            reason = "programs obey it" if is_protected(name) else "it is no name of a variable"
            raise UnsoundError("environment", f"{name!r} may not be set: {reason}")
        _check_text("environment", value)


def check_stack(files: Sequence[str], env_files: Sequence[str], profiles: Sequence[str]) -> None:
    """Raise UnsoundError for paths that are not absolute, and profiles that are not text."""
    for path in files:
        _check_path("stack.files", path)
    for path in env_files:
        _check_path("stack.env_files", path)
    for profile in profiles:
        _check_text("stack.profiles", profile)


def check_numbers(field: str, numbers: Mapping[str, int], lowest: int) -> None:
    """Raise UnsoundError for keys that are not text, and values that are not a port or offset."""
    for key, number in numbers.items():
        _check_text(field, key)
        if not _is_number(number) or not lowest <= number <= HIGHEST_PORT:
            raise UnsoundError(field, f"{number!r} is no port")


def check_urls(urls: Mapping[str, str]) -> None:
    """Raise UnsoundError for a value that is not an HTTP or WebSocket URL or `host:port`."""
    for key, url in urls.items():
        _check_text("urls", key)
        _check_text("urls", url)
        scheme, separator, endpoint = url.rpartition("://")
        host, colon, port = endpoint.rpartition(":")
        is_known_scheme = scheme in {"http", "https", "ws", "wss"} if separator else not scheme
        is_port = port.isascii() and port.isdecimal() and int(port) <= HIGHEST_PORT
        if not (is_known_scheme and colon and is_port and _is_host(host)):
            raise UnsoundError("urls", f"{url!r} is no URL of a port")


def check_subnets(subnets: Mapping[str, str]) -> None:
    """Raise UnsoundError for a value that is not a subnet."""
    for key, text in subnets.items():
        from composeports.core.subnet import parse_subnet  # noqa: PLC0415 - few stacks have subnets

        _check_text("subnets", key)
        _check_text("subnets", text)
        try:
            parse_subnet(text)
        except ValueError:
            raise UnsoundError("subnets", f"{text!r} is no subnet") from None


def check_marks(marks: Mapping[str, Sequence[str]], former_stores: Iterable[str]) -> None:
    """Raise UnsoundError for labels that cannot name a store and a session."""
    for key, mark in marks.items():
        _check_text("marks", key)
        store, session = mark
        _check_line("marks", store)
        _check_line("marks", session)
    for store_id in former_stores:
        _check_line("former_stores", store_id)


def check_standings(standings: Mapping[str, tuple[str, Sequence[str]]]) -> None:
    """Raise UnsoundError for names of services, containers or networks that are not text."""
    for service, (name, networks) in standings.items():
        for text in (service, name, *networks):
            _check_text("standings", text)


def check_name(name: object) -> None:
    """Raise UnsoundError for a text that is not the readable name of a session, and not empty."""
    if name != "" and not is_session_name(name):
        raise UnsoundError("name", f"{name!r} is no name of a session")


def check_tags(tags: Mapping[str, Iterable[str]]) -> None:
    """Raise UnsoundError for labels that are not lines of text."""
    for key, values in tags.items():
        _check_text("tags", key)
        for value in values:
            _check_line("tags", value)


def check_host(host: str) -> None:
    """Raise UnsoundError for a text that is not the name or address of a machine."""
    _check_text("host", host)
    if not _is_host(host):
        raise UnsoundError("host", f"{host!r} is no name or address")


def _is_host(host: str) -> bool:
    from composeports.core.engine_address import host_problem  # noqa: PLC0415 - unused by `env`

    return not host_problem(host)


def _is_number(value: object) -> "TypeGuard[int]":
    return isinstance(value, int) and not isinstance(value, bool)


def check_flags(field: str, *flags: object) -> None:
    """Raise UnsoundError for a flag that is neither True nor False."""
    if not all(isinstance(flag, bool) for flag in flags):
        raise UnsoundError(field, "a flag is neither true nor false")


def _check_path(field: str, path: str) -> None:
    _check_text(field, path)
    if not path.startswith("/"):
        raise UnsoundError(field, f"{path!r} is no absolute path")


def _check_line(field: str, text: str) -> None:
    _check_text(field, text)
    if "\n" in text or "\r" in text:
        raise UnsoundError(field, f"{text!r} has more than one line")


def _check_text(field: str, text: object) -> None:
    if not isinstance(text, str):
        raise UnsoundError(field, f"{text!r} is no text")
    if "\0" in text:
        raise UnsoundError(field, f"{text!r} holds a character that is not text")
