"""Set up a repository: inspect it, prepare the files, write them."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from composeports.config import find_settings
from composeports.core.folders import is_below
from composeports.docker.compose_files import DEFAULT_NAMES, select_files
from composeports.errors import UnsafeFileError, UserFileError
from composeports.host.atomic_files import read_file, write_file
from composeports.host.bundled_files import read_bundled
from composeports.host.git import find_checkout
from composeports.paths import SETTINGS_FILE
from composeports.usecases.init import policy
from composeports.usecases.init.policy import LEFT, InitStep

TEMPLATE = "docker-compose.yml"
CI = {"github": ".github/workflows/composeports.yml", "gitlab": ".gitlab-ci.yml"}
JSON_CLIENTS = {
    "claude": ".mcp.json",
    "gemini": ".gemini/settings.json",
    "vscode": ".vscode/mcp.json",
}
CODEX = ".codex/config.toml"
CODEX_TABLE = "mcp_servers"
# How many levels below the top we search for Compose files, and the folders that we skip.
DEPTH = 3
SKIPPED = frozenset({"node_modules", "vendor", "venv", "dist", "build", "target", "site-packages"})
LIKE_ONE = re.compile(r"(docker-)?compose([.-][\w.-]+)?\.ya?ml")
MODE = 0o644


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository: its top folder (outside git the working directory) and its Compose files.

    `files` are the files that Compose uses there. `below` are files that Compose does not find by
    itself. All are relative to `top`.
    """

    top: str
    files: tuple[str, ...]
    below: tuple[str, ...]

    @property
    def proposed(self) -> tuple[str, ...]:
        """Return the file that the settings must name; empty if Compose finds one itself."""
        return () if self.files else self.below[:1]


@dataclass(frozen=True, slots=True)
class InitOptions:
    """What `init` is to write.

    `servers` maps the name of a client to the content for its file: a key and an entry for JSON, or
    an empty key and a text for TOML.
    """

    settings: bool = False
    direnv: bool = False
    template: bool = False
    ci: tuple[str, ...] = ()
    servers: Mapping[str, tuple[str, Mapping[str, object] | str]] | None = None


def inspect_repository(cwd: str, environ: Mapping[str, str]) -> Repository:
    """Find the top folder of the repository and its Compose files."""
    checkout = find_checkout(cwd)
    top = checkout[0] if checkout else os.path.realpath(cwd)
    default_files = find_settings(top, top).settings.files
    other_variables = {
        name: text for name, text in environ.items() if not name.startswith("COMPOSE_")
    }
    selected_files = select_files(top, other_variables, default_files=default_files).files
    files = tuple(
        os.path.relpath(path, top)
        for path in selected_files
        if is_below(os.path.realpath(path), top)
    )
    files_below = () if files else tuple(_below(top))
    return Repository(top, files, files_below)


def _below(top: str) -> list[str]:
    """Return the Compose files below `top` with a default name; if there is none, similar names."""
    candidates = sorted(_walk(top, DEPTH), key=lambda path: (path.count(os.sep), path))
    matches = [path for path in candidates if os.path.basename(path) in DEFAULT_NAMES]
    return matches or candidates


def _walk(top: str, depth: int, below: str = "") -> Iterator[str]:
    try:
        entries = sorted(os.scandir(os.path.join(top, below)), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = os.path.join(below, entry.name)
        if entry.is_dir(follow_symlinks=False):
            is_skipped = entry.name.startswith(".") or entry.name in SKIPPED
            if depth and not is_skipped and not _is_linked_worktree(entry.path):
                yield from _walk(top, depth - 1, path)
        elif LIKE_ONE.fullmatch(entry.name) and ".override." not in entry.name:
            yield path


def _is_linked_worktree(path: str) -> bool:
    """Return True for a worktree inside of this one; its files are another session's."""
    if not os.path.lexists(os.path.join(path, ".git")):
        return False
    checkout = find_checkout(path)
    return checkout is not None and os.path.basename(os.path.dirname(checkout[1])) == "worktrees"


def work_out(found: Repository, wanted: InitOptions) -> list[InitStep]:
    """Return what `init` would write, one step per file."""
    return [_safe(found.top, step) for step in _steps(found, wanted)]


def _steps(found: Repository, wanted: InitOptions) -> Iterator[InitStep]:
    def before(path: str) -> bytes | None:
        full_path = os.path.join(found.top, path)
        # For a file that cannot be read, `_safe` gives the reason why it is left.
        return (_readable(full_path) or b"") if os.path.lexists(full_path) else None

    if wanted.template:
        yield _template(found, before(TEMPLATE))
    if wanted.settings:
        settings_name = os.path.basename(find_settings(found.top, found.top).path)
        yield policy.settings(SETTINGS_FILE, before(SETTINGS_FILE), settings_name, found.proposed)
    if wanted.direnv:
        yield policy.envrc(".envrc", before(".envrc"))
    for client, (key, server) in (wanted.servers or {}).items():
        if isinstance(server, str):
            yield policy.toml_client(CODEX, before(CODEX), server, CODEX_TABLE)
        else:
            path = JSON_CLIENTS[client]
            yield policy.json_client(path, before(path), key, server)
    for kind in wanted.ci:
        yield policy.new_file(CI[kind], before(CI[kind]), read_bundled(f"templates/ci/{kind}.yml"))


def _template(found: Repository, before: bytes | None) -> InitStep:
    text = read_bundled(f"templates/{TEMPLATE}")
    compose_files = [path for path in (*found.files, *found.below) if path != TEMPLATE]
    if compose_files:
        return InitStep(
            TEMPLATE, LEFT, before, before, f"there is a Compose file: {compose_files[0]}"
        )
    if before == text:
        return InitStep(TEMPLATE, policy.THERE, before, before)
    if before is not None:
        why = "the file exists, and composeports did not make it"
        return InitStep(TEMPLATE, LEFT, before, before, why)
    return InitStep(TEMPLATE, policy.MADE, None, text)


def _safe(top: str, step: InitStep) -> InitStep:
    """Return the step, or a step that leaves the file if it is not safe to write.

    The path must not go through a link, and an existing file must be a regular file of at most 1
    MiB that can be read.
    """
    path = os.path.join(top, step.path)
    if not step.is_to_write:
        return step
    if os.path.realpath(path) != path:
        return InitStep(step.path, LEFT, step.before, step.before, "it leads elsewhere by a link")
    if step.before is not None and _readable(path) is None:
        reason = "it is no regular file of at most 1 MiB that can be read"
        return InitStep(step.path, LEFT, step.before, step.before, reason)
    return step


def _readable(path: str) -> bytes | None:
    """Return the content of the file; None if it cannot be read, or must not be."""
    with suppress(UnsafeFileError):
        return read_file(path)
    return None


def write(found: Repository, steps: list[InitStep]) -> None:
    """Write the files of the steps; an existing file keeps its mode and owner."""
    for step in steps:
        if step.is_to_write and step.after is not None:
            mode = MODE if step.before is None else None
            write_file(os.path.join(found.top, step.path), step.after, mode)


def refusal(steps: list[InitStep]) -> UserFileError | None:
    """Return the error that names the files that were left, and why; None if there are none."""
    left_steps = [step for step in steps if step.state == LEFT]
    if not left_steps:
        return None
    return UserFileError(
        "left as it is:\n" + "\n".join(f"{step.path}: {step.why}" for step in left_steps),
        hint="add it by hand (--dry-run in an empty folder shows what), or move it away; "
        "all the rest is done",
        left=[step.path for step in left_steps],
    )
