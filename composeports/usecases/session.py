"""The session with its worktree and files, and the context that use cases work with."""

import os
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from composeports.config import FoundSettings, find_settings
from composeports.core.engine_identity import Viewpoint
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.project_name import HASH, prefix_of, project_prefix, with_prefix
from composeports.core.session import check_session_id, project_name
from composeports.core.settings import Settings
from composeports.docker.compose_cli import Compose
from composeports.docker.compose_files import Selection, has_link, read_unlinked, select_files
from composeports.docker.compose_queries import ComposeQueries
from composeports.docker.config_cache import ConfigCache, digest_of
from composeports.docker.engine import Engine
from composeports.docker.queries import StackQueries
from composeports.errors import ForeignProjectError, NoLeaseError, UsageError
from composeports.host.git import (
    checkout_around,
    find_checkout,
    is_linked,
    original_of,
    read_branch,
)
from composeports.host.session_files import OWN_COPIES
from composeports.host.session_folder import OwnFolder
from composeports.host.shell_environment import compose_environment
from composeports.paths import INCLUDE_FILE, config_cache_folder
from composeports.stores.read_once import ReadOnceStore
from composeports.usecases.context import Context
from composeports.usecases.empty_project import is_empty
from composeports.usecases.moved_worktree import place_of_session
from composeports.usecases.options import Options

STDIN = "-"


@dataclass(frozen=True)
class Session:
    """One session in its worktree, with the options of the command.

    If `is_read_only`, it writes nothing, neither in the worktree nor in the state directory.
    `early_queries` are queries to Compose that already run, most likely about this session.
    `incoming` are the files that the worktree got from the main checkout; None before that is
    known. If `may_use_main` is False, a server must not look at the main checkout. `is_hook` is
    True in the git hook: a lease that it takes counts as unused.
    """

    context: Context
    options: Options = field(default_factory=Options)
    is_read_only: bool = False
    early_queries: ComposeQueries | None = None
    incoming: tuple[str, ...] | None = None
    may_use_main: bool = True
    is_hook: bool = False

    @cached_property
    def store(self) -> ReadOnceStore:
        """Return the store, which reads the session's lease once."""
        return ReadOnceStore(self.context.store)

    @cached_property
    def environ(self) -> Mapping[str, str]:
        """Return the shell's environment without the variables that `composeports env` set."""
        return compose_environment(self.context.environ, self.context.cwd)

    @cached_property
    def settings(self) -> Settings:
        """Return the settings; search for their file from here up to the checkout's top."""
        return self._found_settings.settings

    @property
    def settings_folder(self) -> str:
        """Return the folder of the settings file; empty if there is none."""
        return os.path.dirname(self._found_settings.path)

    @cached_property
    def _found_settings(self) -> FoundSettings:
        defaults = self.context.config.default_settings
        return find_settings(self._start, self.checkout and self.checkout[0], defaults)

    @property
    def _start(self) -> str:
        return os.path.join(self.context.cwd, self.options.project_directory or "")

    @cached_property
    def checkout(self) -> tuple[str, str] | None:
        """Return worktree and git directory of the folder whose settings count; None outside git.

        Unlike `place`, this needs no Compose file and reads no `.env`.
        """
        return find_checkout(self._start)

    @property
    def may_lack_files(self) -> bool:
        """Return True if this is a linked worktree that is to get files of the main checkout."""
        if self.incoming is not None or not self.may_use_main:
            return False
        if self.checkout is None or not is_linked(self.checkout[1]):
            return False
        if self.settings.copy or self.settings.link:
            return True
        return os.path.lexists(os.path.join(self.checkout[0], INCLUDE_FILE))

    @cached_property
    def selection(self) -> Selection:
        """Return the files that Compose would use here.

        UsageError for stdin (`-f -`), which can be read only once.
        """
        if STDIN in self.options.files:
            raise UsageError(
                "a Compose file from stdin (-f -) cannot be planned: it has to be read twice",
                hint="write it to a file and name that with -f",
            )
        return select_files(
            self.context.cwd,
            self.environ,
            files=self.options.files,
            env_files=self.options.env_files,
            project_directory=self.options.project_directory,
            default_files=() if self.options.files else self.settings.files,
        )

    @property
    def profiles(self) -> tuple[str, ...]:
        """Return the profiles to pass to Compose, which reads COMPOSE_PROFILES itself."""
        option_profiles = self.options.profiles
        if option_profiles or "COMPOSE_PROFILES" in {**self.selection.variables, **self.environ}:
            return option_profiles
        return self.settings.profiles

    @property
    def given_session(self) -> str | None:
        """Return the id from `--session` or COMPOSEPORTS_SESSION; None without one.

        Several sessions with given ids may share a worktree.
        """
        option = self.options.session
        return self.context.config.session if option is None else option

    @cached_property
    def session_id(self) -> str:
        """Return the id from `--session` or COMPOSEPORTS_SESSION, else the worktree's own id.

        ForeignProjectError in a copy of a worktree, because git takes the copy for the original.
        """
        if self.given_session is not None:
            return check_session_id(self.given_session)
        place = self.place
        original = original_of(place.worktree, place.git_dir) if place.git_dir else ""
        if original:
            raise _copied(place.worktree, original)
        return place.session_id

    @property
    def session_here(self) -> str:
        """Return the session id for commands that list all sessions; "" in a copy of a worktree."""
        try:
            return self.session_id
        except ForeignProjectError:
            return ""

    @cached_property
    def machine(self) -> str:
        """Return this machine's name if other machines see its leases or stacks, else "".

        With a name, the same path on two machines is two sessions.
        """
        if self.context.engine.is_local and not self.context.config.is_shared:
            return ""
        from composeports.host.machine import machine_name  # noqa: PLC0415 - shared or remote only

        return machine_name(self.context.environ)

    def refresh_engine_identity(self) -> None:
        """Ask a remote engine for its identity again, before a lease is changed."""
        if not self.context.engine.is_local:
            self.context.engine.identity(refresh=True)

    @property
    def view(self) -> Viewpoint:
        """Return the viewpoint on leases: the engine's id and traits, and the machine's name.

        If only this machine uses the store and the engine, the id is the engine's address, which
        needs no request.
        """
        engine = self.context.engine
        if engine.is_local and not self.context.config.is_shared:
            return Viewpoint(local_address(engine), machine=self.machine)
        identity = engine.identity()
        return Viewpoint(identity.id, identity.traits, self.machine)

    @cached_property
    def place(self) -> WorktreeLocation:
        """Return the project directory and its checkout.

        Without a Compose file and --project-directory, the project directory is the top of the
        worktree.
        """
        checkout = find_checkout(self.selection.directory)
        directory = os.path.realpath(self.selection.directory)
        if checkout is None:
            return WorktreeLocation(directory, "", directory, "", self.machine)
        worktree, git_dir = checkout
        if not self.selection.files and self.options.project_directory is None:
            directory = worktree
        outer_git_dir = checkout_around(worktree, git_dir)
        place = WorktreeLocation(
            worktree, git_dir, directory, read_branch(git_dir), self.machine, around=outer_git_dir
        )
        if self.given_session is not None or original_of(worktree, git_dir):
            return place
        return place_of_session(self.store, place)

    @cached_property
    def folder(self) -> OwnFolder:
        """Return the `.composeports` folder of the project directory, or a sub-folder of it.

        A session that may share the worktree with other sessions has a sub-folder of its own: a
        session with a given id, and a session on a remote engine.
        """
        subfolder = ""
        if self.given_session is not None or not self.context.engine.is_local:
            prefix = prefix_of(self.expected_project_name(self.record()))
            subfolder = project_name(self.session_id, prefix=prefix)
        return OwnFolder(self.selection.directory, subfolder)

    @property
    def compose(self) -> Compose:
        """Return `docker compose` for the current files."""
        return Compose(self._unlinked, self.environ, self.profiles, self.options.flags)

    @cached_property
    def _unlinked(self) -> Selection:
        """Return the files for Compose to read, with a copy of each linked env file.

        The copy leaves out the block of `composeports link`, which contains results of a plan. If
        the plan read them as the user's values, it would move the ports twice.
        """
        selection = self.selection
        linked_paths = [path for path in selection.env_files if has_link(path)]
        if not linked_paths:
            return selection
        copies = dict(zip(linked_paths, OWN_COPIES, strict=False))
        for path, name in copies.items():
            self._write_copy(name, read_unlinked(path) or b"")
        env_files = tuple(
            os.path.join(self._copies, copies[path]) if path in copies else path
            for path in selection.env_files
        )
        return Selection(selection.directory, selection.files, env_files, selection.variables)

    @cached_property
    def _copies(self) -> str:
        """Return the folder for copies: the session's folder, or a temporary one if read-only.

        The temporary folder is removed together with this object.
        """
        if not self.is_read_only:
            return self.folder.path
        from shutil import rmtree  # noqa: PLC0415 - only `plan`, with a linked `.env`
        from tempfile import mkdtemp  # noqa: PLC0415 - the same

        folder = mkdtemp(prefix="composeports-")
        weakref.finalize(self, rmtree, folder, ignore_errors=True)
        return folder

    def _write_copy(self, name: str, data: bytes) -> None:
        if not self.is_read_only:
            self.folder.write(name, data.decode("utf-8", "surrogateescape"))
            return
        with open(os.path.join(self._copies, name), "wb") as file:
            file.write(data)

    @cached_property
    def queries(self) -> StackQueries:
        """Return the queries to Compose and the engine; the first access starts them."""
        record = self.record()
        is_new_stack = (
            record is None or not record.held or record.marks is None or record.tags is None
        )
        queries = self._running_queries or ComposeQueries(
            self.compose, self.expected_project_name(record), self.config_cache
        )
        return StackQueries(queries, self.context.engine, is_new_stack=is_new_stack)

    @contextmanager
    def queries_in_turn(self) -> Iterator[None]:
        """Start the queries; of many simultaneous starts on equal files, only one asks Compose."""
        cache = self.config_cache
        cache.take_turn()
        try:
            _ = self.queries
            yield
        finally:
            cache.release()

    @cached_property
    def _running_queries(self) -> ComposeQueries | None:
        """Return the early queries if they are about this session; else stop them."""
        queries = self.early_queries
        if queries is None:
            return None
        if queries.are_about(self.compose, self.expected_project_name(self.record())):
            return queries
        queries.stop()
        return None

    @cached_property
    def config_cache(self) -> ConfigCache:
        """Return the config cache of these files."""
        if self._running_queries is not None:
            return self._running_queries.memory
        return ConfigCache(
            config_cache_folder(self.context.environ), digest_of(self.selection.files)
        )

    @property
    def stack(self) -> ComposeInvocation:
        """Return what a later command needs to call Compose on the same files."""
        selection = self.selection
        return ComposeInvocation(_real(selection.files), _real(selection.env_files), self.profiles)

    def with_fresh_queries(self) -> "Session":
        """Return the same session with queries that have not started yet."""
        return Session(
            self.context,
            self.options,
            self.is_read_only,
            incoming=self.incoming,
            may_use_main=self.may_use_main,
            is_hook=self.is_hook,
        )

    def read_only(self) -> "Session":
        """Return the same session as one that writes nothing."""
        return replace(self, is_read_only=True)

    def record(self) -> Lease | None:
        """Return the store's record of the session, held or released; None if it has none."""
        return self.store.get(self.session_id)

    def held_lease(self) -> Lease:
        """Return the session's lease; NoLeaseError if it holds none."""
        lease = self.record()
        if lease is None or not lease.held:
            raise no_lease(self.session_id)
        return lease

    def expected_project_name(self, record: Lease | None) -> str:
        """Return the project name that the session has, or will most likely get."""
        if record is None:
            return project_name(self.session_id, prefix=self.project_prefix)
        if self.leaves_project(record):
            return with_prefix(record.project, self.project_prefix)
        return record.project

    @cached_property
    def project_prefix(self) -> str:
        """Return what the project name of a new session has here before its hash."""
        settings = self.settings
        if settings.naming == HASH:
            return settings.prefix
        return project_prefix(settings.prefix, settings.naming, self.session_id, self.place)

    def leaves_project(self, record: Lease) -> bool:
        """Return True if the session's next lease gets another project name by the settings.

        It does if it holds no lease, the settings give another name than before, and this engine
        has nothing under the earlier name. The first answer about a project stays, so that a
        command uses one name from its start to its end.
        """
        answers = self._left_projects
        if record.project not in answers:
            is_kept = record.held or prefix_of(record.project) == self.project_prefix
            answers[record.project] = not is_kept and is_empty(self.context, self.view, record)
        return answers[record.project]

    @cached_property
    def _left_projects(self) -> dict[str, bool]:
        return {}


def local_address(engine: Engine) -> str:
    """Return an address that is different for each engine of this machine; ask no engine."""
    socket = engine.endpoint.socket
    return f"unix://{os.path.realpath(socket)}" if socket else engine.endpoint.address


def _real(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths with resolved folders; a file that is itself a symlink keeps its name."""
    return tuple(
        os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        for path in paths
    )


def _copied(worktree: str, original: str) -> ForeignProjectError:
    return ForeignProjectError(
        f"{worktree} is a copy of the worktree {original}, which is in use: to git both are one, "
        "and the stack is the original's; nothing was changed",
        hint="`git worktree add` makes a worktree of its own; a copy gets a session of its own "
        "with --session NAME or COMPOSEPORTS_SESSION; where the copy replaces the original, "
        "`git worktree repair` in the copy tells git",
        working_directories=[original],
    )


def no_lease(session_id: str) -> NoLeaseError:
    """Return the error for a session that holds no lease."""
    return NoLeaseError(
        f"this session holds no lease: {session_id}",
        hint="`composeports up` starts the stack; `composeports allocate` takes the ports alone",
        session_id=session_id,
    )
