"""Generate the reference of the variables and of composeports.toml; values come from the code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from composeports.config import (
    DEFAULT_TIMEOUT,
    LONGEST_TIMEOUT,
    LOWEST,
    SHORTEST_TIMEOUT,
    VARIABLES,
    Config,
    PortAllocatorConfig,
)
from composeports.core import machine_settings, protected_names, settings_values
from composeports.core.project_name import HASH, NAMINGS
from composeports.core.settings import SUBNET_POOL, Settings
from composeports.core.settings_schema import KEYS, fields_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from composeports.core.settings_schema import Keys

LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
NUMBERS = {
    "base_port": "the first port",
    "range_per_session": "the number of ports of one session",
    "ttl_minutes": "how many minutes a lease lasts after the last command in its session",
    "max_sessions": "how many sessions can hold ports at the same time",
}
# Other variables that the program reads: (value if it is not set, description).
OTHERS = {
    "COMPOSEPORTS_SESSION": ("the worktree", "the session, like `--session`"),
    "COMPOSEPORTS_STATE_DIR": (
        "`/var/lib/composeports` if it is writable, else the user's state directory",
        "the directory with the leases",
    ),
    "COMPOSEPORTS_STORE": (
        "`sqlite:///<state directory>/leases.sqlite3`",
        (
            "the store: a file; `postgresql://...` for many machines; `memory:`, which ends with "
            "the process"
        ),
    ),
    "COMPOSEPORTS_SUBNET_POOL": (
        f"`{SUBNET_POOL}`",
        ("the pool for subnets of repositories that set none: a private IPv4 network, /8 to /24"),
    ),
    "COMPOSEPORTS_NAMING": (
        f"`{HASH}`",
        (
            "the naming of projects in repositories that set none: `hash` (`ac-<hash>`) or "
            "`worktree` (`ac-<name>-<hash>`)"
        ),
    ),
    "COMPOSEPORTS_HOST": (
        "the host in the engine's address; `localhost` for an engine of this machine",
        "the host name for published ports, if it is not the engine's host",
    ),
    "COMPOSEPORTS_MACHINE": (
        "the host name and a digest of the machine's id",
        "the name of this machine that other machines see with its leases",
    ),
    "COMPOSEPORTS_ENGINE": (
        "the id that the engine reports",
        "the engine's id, if several engines have the same id (cloned machines), or one has none",
    ),
    "COMPOSEPORTS_ENGINE_TIMEOUT": (
        f"{DEFAULT_TIMEOUT:g}",
        (
            "how many seconds composeports waits for the engine's answer, before the state counts "
            "as unknown; "
            f"{SHORTEST_TIMEOUT:g} to {LONGEST_TIMEOUT:g}"
        ),
    ),
    "COMPOSEPORTS_API_KEYS": (
        "none",
        "keys that `serve` and `mcp --http` accept, separated by commas",
    ),
    "COMPOSEPORTS_SERVER_COMMANDS": (
        str(Config().server_commands),
        (
            "how many commands (`compose_plan`, `compose_up`, `compose_down`, `POST /stacks/up`, "
            "`POST /stacks/down`) one `serve` or `mcp` runs at the same time; the others wait in "
            "order; 1 to 1000"
        ),
    ),
}
# Variables that composeports sets, for programs that it starts and shells that evaluate `env`.
SET_BY_US = {
    "COMPOSEPORTS_ENV": "lists the variables that `composeports env` set in a shell",
    **{
        name: f"tells the wrapper of docker {text}"
        for name, text in (
            (
                "COMPOSEPORTS_WRAP_PROJECT",
                "the session's project; without it the wrapper changes no call",
            ),
            ("COMPOSEPORTS_WRAP_DIRECTORY", "the session's project directory"),
            ("COMPOSEPORTS_WRAP_FOLDER", "the folder with the session's files"),
            ("COMPOSEPORTS_WRAP_SESSION", "the value of `--session`"),
            ("COMPOSEPORTS_WRAP_CONTAINERS", "which containers of the file have another name"),
            (
                "COMPOSEPORTS_WRAP_ENGINE",
                "the session's engine; it does not change calls to another engine",
            ),
            ("COMPOSEPORTS_WRAP_VERBOSE", "to print what it changes, if the value is not empty"),
        )
    },
    "COMPOSEPORTS_GIT_COMMON_DIR": (
        "is the git folder of the whole repository, for a container that mounts a worktree (git "
        "would also use its own variable GIT_COMMON_DIR in other repositories, where it is wrong)"
    ),
}
KEYS_IN_WORDS = {
    "files": ('`["deploy/compose.yaml"]`', "Compose files, relative to this file"),
    "profiles": ('`["dev"]`', "active profiles"),
    "prefix": ('`"ac"`', "the project names are `<prefix>-<hash>`"),
    "naming": (
        '`"worktree"`',
        (
            '`"worktree"`: the project names are `<prefix>-<name>-<hash>`, with the name of the '
            'worktree\'s folder; `"hash"`: they are `<prefix>-<hash>`'
        ),
    ),
    "pin": (
        '`{"web:3000" = 3000}`',
        (
            'container port (`"dns:53/udp"` for UDP) = the host port that it always gets; only one '
            "session can hold it at a time"
        ),
    ),
    "main": (
        '`"defaults"`',
        '`"defaults"`: the main checkout keeps the file\'s ports; `"block"`: it does not',
    ),
    "strict": ("`true`", "`true`: it is an error if something cannot be isolated"),
    "wait": (
        "`true`",
        "`true`: `up` waits until all services are healthy; `--no-wait` switches it off once",
    ),
    "seed": (
        '`"main"`',
        (
            "the session of this repository whose data fill new volumes at `up`: `main`, a branch "
            "or a folder; `--no-seed` switches it off once"
        ),
    ),
    "env": (
        '`{SITE_URL = "http://{host}:{web:3000}"}`',
        (
            "variables made from other variables; names that "
            "[programs obey](#names-that-programs-obey) are refused"
        ),
    ),
    "after.first-up": (
        '`"make fixtures"`',
        (
            "a command for `sh -c` that runs on this machine after the first `up`, when the "
            "volumes are new; [`composeports allow`](../guide.md#commands-after-up) has to allow it"
        ),
    ),
    "after.up": ('`"make migrate"`', "the same, after every `up`"),
    "urls.keep": (
        '`["NEXTAUTH_URL", "web.SITE_URL", "http://localhost:3000"]`',
        "variables, variables and commands (`web.command`) of one service, and URLs that stay",
    ),
    "urls.command": (
        "`true`",
        "`true`: addresses of the host in `command` and `entrypoint` change, too",
    ),
    "isolate.images": ("`false`", "`false`: all sessions share the tags of built images"),
    "isolate.volumes": ("`false`", "`false`: all sessions share volumes with an explicit name"),
    "isolate.networks": ("`false`", "`false`: all sessions share networks with an explicit name"),
    "isolate.external_networks": (
        '`["edge"]`',
        (
            "names of external networks for which each session gets its own network; `true`: all "
            "external networks; `false`: all sessions share them on purpose"
        ),
    ),
    "shared": (
        '`["network:edge", "volume:models", "/srv/models"]`',
        (
            "what sessions share on purpose, so that there is no warning: `network:`, `volume:`, "
            "`container:`, `image:`, `port:`, `label:`, `variable:`, `cache:`, `provider:`, "
            "`script:` or `file:` and a name (`network:host`, `ipc:host`, `pid:host`, `uts:host` "
            "for namespaces of the host), "
            "or a path, relative to this file"
        ),
    ),
    "copy": (
        '`[".env", "config/*.local.yml"]`',
        (
            "patterns in the form of .gitignore, relative to this file: a linked worktree gets "
            "[these files](../guide.md#files-that-git-ignores) of the main checkout, if git "
            "ignores them there and they are missing here; at most 200 patterns of 500 characters"
        ),
    ),
    "link": (
        '`["models"]`',
        (
            "folders below this file's folder that git ignores: a linked worktree gets a link to "
            "the folder of the main checkout"
        ),
    ),
    "subnets.pool": (
        '`"10.213.0.0/16"`',
        "the pool for subnets: a private IPv4 network, /8 to /24",
    ),
}


# The type of a key's value in a JSON schema, by the function that reads it.
TEXTS: dict[str, object] = {"type": "array", "items": {"type": "string", "minLength": 1}}
TYPES: dict[str, dict[str, object]] = {
    "files": TEXTS,
    "profiles": {"type": "array", "items": {"type": "string", "pattern": "^[^,]+$"}},
    "prefix": {"type": "string", "pattern": f"^{settings_values.PREFIX.pattern}$"},
    "pins": {
        "type": "object",
        "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 65535},
    },
    "naming": {"enum": list(NAMINGS)},
    "main": {"enum": ["defaults", "block"]},
    "flag": {"type": "boolean"},
    "templates": {"type": "object", "additionalProperties": {"type": "string"}},
    "texts": TEXTS,
    "seed": {"type": "string", "pattern": "^(?!compose:|-)."},
    "command": {"type": "string", "minLength": 1},
    "flag_or_texts": {"anyOf": [{"type": "boolean"}, TEXTS]},
    "shared": TEXTS,
    "patterns": TEXTS,
    "folders": TEXTS,
    "pool": {"type": "string", "pattern": r"^\d+\.\d+\.\d+\.\d+/\d+$"},
}


def schema() -> str:
    """Return templates/composeports.schema.json, the JSON schema of composeports.toml."""
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "composeports.toml",
        "description": "Settings of a repository for composeports; all keys are optional.",
        **_table_schema(KEYS),
    }
    return f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"


def _table_schema(keys: Keys, above: str = "") -> dict[str, object]:
    properties = {
        name: _key_schema(f"{above}{name}", known[0], known[1].__name__)
        if isinstance(known, tuple)
        else _table_schema(known, f"{above}{name}.")
        for name, known in keys.items()
    }
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _key_schema(key: str, field: str, reader: str) -> dict[str, object]:
    words = LINK.sub(r"\1", KEYS_IN_WORDS[key][1]).replace("`", "")
    default = getattr(Settings(), field)
    has_default = isinstance(default, (bool, str)) and key != "main"
    return {
        **TYPES[reader],
        "description": words,
        **({"default": default} if has_default else {}),
        **({"default": "block"} if key == "main" else {}),
    }


def page() -> str:
    """Return docs/reference/settings.md."""
    return f"""\
# Settings

## Variables

| variable | default | |
|---|---|---|
{_table(_variables())}

`PORT_ALLOC_BASE + PORT_ALLOC_RANGE * PORT_ALLOC_MAX_SESSIONS` must not exceed 65535. A value that
cannot work is the error [`invalid_config`](../troubleshooting.md#invalid_config); the message names
the limit.

{_ours()}

## Settings of the machine

`~/.config/composeports/config.toml` has your settings for this machine. A variable that is set has
precedence over it. `composeports settings` shows every value and its origin, and
`composeports settings set max_sessions 100` writes one.

| key | variable |
|---|---|
{_table(_machine_keys())}

## composeports.toml

All keys are optional. You can also write them under `[tool.composeports]` in `pyproject.toml`.
[The guide](../guide.md#settings) says which file composeports reads, and what templates can use.

| key | default | for example | |
|---|---|---|---|
{_table(_keys())}

## Names that programs obey

composeports never sets one of these variables because of a Compose file, a setting or a store: a
shell, the C library, Docker, Compose, git or a language's runtime would obey it, and run or load
another program, or use other files or another engine. A published port whose number is in such a
variable (`NODE_PORT`, `PGPORT`) still moves, and `PORT_<SERVICE>_<TARGET>` has its number; the
variable itself does not change. In `[env]` such a name is an error. The list has `PGPORT` and
`PGHOST` because libpq reads them if a URL has no port or host, also if it is the URL of a store.
A name in lower case counts like its form in upper case.

| obeyed by | names |
|---|---|
{_table(_protected())}
"""


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _machine_keys() -> Iterator[tuple[str, ...]]:
    for key, setting in machine_settings.KEYS.items():
        yield f"`{key}`", f"`{setting.variable}`"


def _protected() -> Iterator[tuple[str, str]]:
    """Yield (program, names); the first two rows have beginnings and ends of names."""
    yield "names that start with", _code(f"{each}*" for each in protected_names.PREFIXES)
    yield "names that end with", _code(f"*{each}" for each in protected_names.SUFFIXES)
    for program, names in protected_names.EXACT_BY_PROGRAM.items():
        yield program, _code(names.split())
    yield "zsh and fish, only in lower case", _code(sorted(protected_names.SMALL))


def _code(words: Iterable[str]) -> str:
    return f"`{' '.join(words)}`"


def _variables() -> Iterator[tuple[str, ...]]:
    defaults = PortAllocatorConfig()
    for name, variable in VARIABLES.items():
        words = f"{NUMBERS[name]}; at least {LOWEST[name]}"
        yield f"`{variable}`", str(getattr(defaults, name)), words
    for variable, (default, words) in OTHERS.items():
        yield f"`{variable}`", default, words


def _ours() -> str:
    words = "; ".join(f"`{name}` {text}" for name, text in SET_BY_US.items())
    return f"composeports itself sets these variables: {words}."


def _keys() -> Iterator[tuple[str, ...]]:
    defaults = Settings()
    for key, field in fields_of(KEYS):
        example, words = KEYS_IN_WORDS[key]
        yield f"`{key}`", _shown(getattr(defaults, field), key), example, words


def _shown(value: object, key: str) -> str:
    if key == "main":
        return '`"block"`'
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f'`"{value}"`' if isinstance(value, str) else "none"


def unset_fields() -> set[str]:
    """Return the fields of Settings that no key sets; a test expects the empty set."""
    return set(Settings._fields) - {field for _, field in fields_of(KEYS)}
