"""Whose a project is: what somebody else started under its name is not ours to touch."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from composeports.core.lease import Lease


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a container was started from, as its labels say: real folder, and Compose files."""

    container: str
    directory: str
    files: str = ""


def foreign(
    record: Lease | None, origins: Iterable[Origin], directories: Collection[str]
) -> tuple[Origin, ...]:
    """Return those of a project's containers that this session has not started.

    A held lease with a stack has started them all. Without one (the store was lost, or they are
    there since its release) those are ours that were started from one of our `directories`, or
    from where the record says.
    """
    if record is not None and record.held and record.stack.files:
        return ()
    known = {*directories, *((record.place.directory,) if record is not None else ())} - {""}
    return tuple(each for each in origins if each.directory not in known)
