"""Decide what `composeports init` writes: new files, and additions to old ones. Works on bytes.

Content that composeports did not write is never changed. An existing file gets an addition if that
is safe; otherwise it is left as it is.
"""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from shlex import quote

from composeports.core.marked_block import BlockMarks, is_broken, with_block
from composeports.usecases.init.json_edit import has_entry, with_entry

MADE = "made"
ADDED = "added to"
THERE = "there already"
LEFT = "left"

NAME = "composeports"
DIRENV = BlockMarks("direnv")
DIRENV_BODY = b"""\
if has composeports; then
    watch_file .composeports/.env
    eval "$(composeports env)"
fi
"""
SETTINGS = """\
# Settings of composeports. All are optional; the lines with a `#` in front show an example.
# `composeports settings` shows the values, `composeports settings schema` the JSON schema.
{files}
# profiles = ["dev"]                # profiles that are on; default: none
# prefix = "ac"                     # projects are named <prefix>-<hash>; the default
# naming = "worktree"               # <prefix>-<name>-<hash>, by the folder; default: "hash"
# main = "defaults"                 # the main checkout keeps the file's own ports; default: "block"
# pin = {{"web:3000" = 3000}}         # container port = host port it always gets; default: none
# copy = [".env"]                   # ignored files that a new worktree gets; default: none
# link = ["models"]                 # ignored folders of the main checkout; default: none
# strict = true                     # what cannot be isolated is an error; default: false
# wait = true                       # up waits until all services are healthy; default: false
# seed = "main"                     # whose data fill new volumes; default: none
# shared = ["network:edge"]         # shared on purpose, no warning; default: none

# [env]                             # variables made from others; default: none
# DATABASE_URL = "postgresql://postgres:postgres@{{host}}:{{db}}/postgres"

# [urls]
# keep = ["NEXTAUTH_URL"]           # stay as they are; default: none
# command = true                    # addresses in commands change, too; default: false

# [after]                           # run on this machine after up, once allowed; default: none
# first-up = "make fixtures"        # once, when the volumes are new
# up = "make migrate"               # after every up

# [isolate]                         # false: shared by all sessions; default: true
# images = false
# volumes = false
# networks = false
# external_networks = ["edge"]      # external networks that become the session's own; default: none

# [subnets]
# pool = "10.213.0.0/16"            # where subnets come from; the default
"""


# The column of the comments in SETTINGS.
COMMENT_COLUMN = 36


def next_step(files: Sequence[str], below: Sequence[str]) -> str:
    """Return what the user runs next.

    `files` are the Compose files that Compose finds. `below` are those in sub-folders, which it
    does not find.
    """
    if files:
        return "composeports up"
    if below:
        folder = quote(below[0].rpartition("/")[0] or ".")
        return (
            f"composeports init --settings, so that `composeports up` finds {below[0]}; or "
            f"cd {folder} && composeports up"
        )
    return (
        "write a compose.yaml, then composeports up; or composeports init --template, for a stack "
        "to begin with; or composeports allocate, for ports without a stack"
    )


@dataclass(frozen=True, slots=True)
class InitStep:
    """One file: what is done with it and, if it is left as it is, why."""

    path: str
    state: str
    before: bytes | None
    after: bytes | None
    why: str = ""

    @property
    def is_to_write(self) -> bool:
        """Return True if the file has to be written."""
        return self.state in {MADE, ADDED}

    @property
    def diff(self) -> str:
        """Return the change as a unified diff."""
        old_lines, new_lines = (
            (data or b"").decode("utf-8", "replace").splitlines(keepends=True)
            for data in (self.before, self.after if self.is_to_write else self.before)
        )
        old_path = "/dev/null" if self.before is None else f"a/{self.path}"
        lines = difflib.unified_diff(old_lines, new_lines, old_path, f"b/{self.path}")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def new_file(path: str, before: bytes | None, text: bytes) -> InitStep:
    """Return the step for a file that contains nothing but what composeports writes.

    An existing file with our name in it needs no change.
    """
    if before is None:
        return InitStep(path, MADE, None, text)
    if NAME.encode() in before:
        return InitStep(path, THERE, before, before)
    return InitStep(path, LEFT, before, before, "the file exists, and composeports did not make it")


def settings(path: str, before: bytes | None, elsewhere: str, files: Sequence[str]) -> InitStep:
    """Return the step for composeports.toml.

    `elsewhere` is the name of another file that has settings already. `files` are the Compose
    files, if Compose does not find them by itself.
    """
    if before is not None:
        return InitStep(path, THERE, before, before)
    if elsewhere:
        return InitStep(path, THERE, None, None, f"{elsewhere} has settings")
    names = ", ".join(f'"{_escaped(file)}"' for file in files)
    line = f"files = [{names}]" if files else '# files = ["deploy/compose.yaml"]'
    comment = "# Compose files, relative to this file"
    # A long value has its comment on the line before.
    line = f"{line:36}{comment}" if len(line) < COMMENT_COLUMN else f"{comment}\n{line}"
    return InitStep(path, MADE, None, SETTINGS.format(files=line).encode())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def envrc(path: str, before: bytes | None) -> InitStep:
    """Return the step for direnv's file `.envrc`."""
    text = before or b""
    if is_broken(text, DIRENV):
        return InitStep(path, LEFT, before, before, "it has a part of our block, but not all of it")
    if b"composeports env" in text:
        return InitStep(path, THERE, before, before)
    new_content = with_block(text, DIRENV, "variables of this worktree's stack", DIRENV_BODY)
    return InitStep(path, MADE if before is None else ADDED, before, new_content)


def json_client(path: str, before: bytes | None, key: str, entry: Mapping[str, object]) -> InitStep:
    """Return the step for a client's JSON file, which gets our server under `key`."""
    text = "{}\n" if before is None else before.decode("utf-8", "surrogateescape")
    if has_entry(text, key, NAME):
        return InitStep(path, THERE, before, before)
    new_text = with_entry(text, key, NAME, entry)
    if new_text is None:
        return InitStep(path, LEFT, before, before, f"it is no plain JSON with an object {key!r}")
    new_content = new_text.encode("utf-8", "surrogateescape")
    return InitStep(path, MADE if before is None else ADDED, before, new_content)


def toml_client(path: str, before: bytes | None, snippet: str, table: str) -> InitStep:
    """Return the step for a client's TOML file, which gets our server in `table` at its end."""
    text = (before or b"").decode("utf-8", "surrogateescape")
    servers = _parsed(text).get(table, {})
    if isinstance(servers, dict) and NAME in servers:
        return InitStep(path, THERE, before, before)
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    new_text = text + gap + snippet
    if NAME not in str(_parsed(new_text).get(table)):
        return InitStep(path, LEFT, before, before, "it is no TOML to which a table can be added")
    new_content = new_text.encode("utf-8", "surrogateescape")
    return InitStep(path, MADE if before is None else ADDED, before, new_content)


def _parsed(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
