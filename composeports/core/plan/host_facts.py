"""Facts about the host that decide what a project shares: real paths, networks, the checkout."""

from collections.abc import Mapping
from posixpath import normpath
from typing import NamedTuple

from composeports.core.compose_project import Texts


class NetworkMember(NamedTuple):
    """Another project with containers on a network, and their host names there."""

    project: str
    directory: str
    names: frozenset[str]


class SiblingProject(NamedTuple):
    """A network or volume that another Compose project in this worktree creates.

    `kind` is `network` or `volume`. `name` is its name with plain Compose, `own_name` its name in
    that project's session in this worktree. `directory` is the other project's folder. `is_up` is
    True if that project has containers.
    """

    kind: str
    name: str
    own_name: str
    directory: str
    is_up: bool = True


class Checkout(NamedTuple):
    """The git folders of a worktree.

    `link` is the path in its `.git` file (empty in a main checkout), `git_dir` is the folder that
    this path leads to, `common_dir` is the git folder that all worktrees of the repository share,
    and `others` are the real paths of the other checkouts.
    """

    link: str = ""
    git_dir: str = ""
    common_dir: str = ""
    others: Texts = ()


class ScriptCall(NamedTuple):
    """A `docker` call in a script of the worktree; `words` begin with the command."""

    where: str
    words: Texts


class ScriptBuild(NamedTuple):
    """A line in a script of the worktree that builds or tags an image that the file runs."""

    where: str
    image: str


class PublishedElsewhere(NamedTuple):
    """A host port that a running container of another Compose project publishes."""

    port: int
    project: str
    container: str


class MissingPath(NamedTuple):
    """A file or folder that the Compose file names, and that does not exist.

    `main` is the same path in the main checkout; empty if it does not exist there either. `pattern`
    is the entry of `copy` that would copy it; empty if git does not ignore it there. `is_replaced`
    is True if there is an empty folder, most likely made by the engine, in place of a file.
    """

    path: str
    main: str = ""
    pattern: str = ""
    is_folder: bool = False
    has_parent: bool = True
    is_replaced: bool = False


class HostFacts(NamedTuple):
    """The facts that were collected around the project.

    `paths` maps the paths that the file mounts to their real paths. `members` maps the name of an
    external network to the other projects on it. `calls` are the `docker` calls in scripts of the
    worktree, `builds` the images that scripts build. `published` are the host ports of other
    projects on the engine. `plain_projects` are the project names that plain Compose gives the
    files, here and in the main checkout. `dockerfiles` maps services to the texts of Dockerfiles
    that name images of other services. `named_contexts` is False if the builder cannot replace such
    a name. `handed_values` maps paths such as `configs.site.environment` to the text that the
    variable named there has. `file_texts` maps absolute paths to the texts of files that containers
    read: files in mounted folders, configs and secrets. `missing` are the paths that the file names
    and that do not exist. `missing_env` is the main checkout's `.env`, and `unset_variables` are
    variables that have a value there, and none here. `incoming` are the files that `up` takes from
    the main checkout before it plans.
    """

    paths: Mapping[str, str] = {}
    members: Mapping[str, tuple[NetworkMember, ...]] = {}
    siblings: tuple[SiblingProject, ...] = ()
    checkout: Checkout = Checkout()
    calls: tuple[ScriptCall, ...] = ()
    builds: tuple[ScriptBuild, ...] = ()
    published: tuple[PublishedElsewhere, ...] = ()
    plain_projects: Texts = ()
    dockerfiles: Mapping[str, str] = {}
    named_contexts: bool = True
    handed_values: Mapping[str, str] = {}
    file_texts: Mapping[str, str] = {}
    missing: tuple[MissingPath, ...] = ()
    missing_env: MissingPath | None = None
    unset_variables: Texts = ()
    incoming: Texts = ()

    def real(self, path: str) -> str:
        """Return the real path; the normalized path if the real one was not collected."""
        return self.paths.get(path) or normpath(path)

    def sibling(self, kind: str, name: str) -> SiblingProject | None:
        """Return the entry of a network or volume of a sibling project; None if there is none."""
        return next(
            (sibling for sibling in self.siblings if (sibling.kind, sibling.name) == (kind, name)),
            None,
        )


NO_HOST_FACTS = HostFacts()
