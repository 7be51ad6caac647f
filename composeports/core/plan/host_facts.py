"""What is around a project and decides what it shares: real paths, networks, and its checkout."""

from collections.abc import Mapping
from posixpath import normpath
from typing import NamedTuple

from composeports.core.plan.compose_project import Texts


class NetworkMember(NamedTuple):
    """A project with containers on a network, and the host names that they answer to there."""

    project: str
    directory: str
    names: frozenset[str]


class SiblingProject(NamedTuple):
    """A network or volume (`kind`) of another Compose project in this worktree.

    `name` is what plain Compose calls it, `own_name` what that project's session in this worktree
    calls it. `directory` is the other project's folder, and `is_up` tells whether containers of it
    exist.
    """

    kind: str
    name: str
    own_name: str
    directory: str
    is_up: bool = True


class Checkout(NamedTuple):
    """The git side of a worktree.

    `link` is what its `.git` file says (empty in a main checkout), `git_dir` where that leads,
    `common_dir` the folder that all worktrees of the repository have in common, and `others` the
    real paths of the other checkouts.
    """

    link: str = ""
    git_dir: str = ""
    common_dir: str = ""
    others: Texts = ()


class ScriptCall(NamedTuple):
    """A call of docker in a script of the worktree that names one of the file's containers."""

    where: str
    command: str
    container: str


class ScriptBuild(NamedTuple):
    """A line of a script of the worktree that builds, or tags, an image that the file runs."""

    where: str
    image: str


class PublishedElsewhere(NamedTuple):
    """A host port that a running container of another Compose project publishes."""

    port: int
    project: str
    container: str


class HostFacts(NamedTuple):
    """What was seen around the project.

    `paths` are the real paths of what the file mounts, by the path in the file; `members` are the
    other projects on its external networks, by the network's name; `calls` are what scripts of the
    worktree do with containers that have a fixed name, `builds` the images that they make;
    `published` are the ports of other projects on the engine.
    """

    paths: Mapping[str, str] = {}
    members: Mapping[str, tuple[NetworkMember, ...]] = {}
    siblings: tuple[SiblingProject, ...] = ()
    checkout: Checkout = Checkout()
    calls: tuple[ScriptCall, ...] = ()
    builds: tuple[ScriptBuild, ...] = ()
    published: tuple[PublishedElsewhere, ...] = ()

    def real(self, path: str) -> str:
        """Return the real path, or the path as it is where it was not looked at."""
        return self.paths.get(path) or normpath(path)

    def sibling(self, kind: str, name: str) -> SiblingProject | None:
        """Return the other project of the worktree that a network or volume belongs to."""
        return next(
            (each for each in self.siblings if (each.kind, each.name) == (kind, name)), None
        )


NOTHING_AROUND = HostFacts()
