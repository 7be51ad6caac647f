"""Words the reference of the variables and of composeports.toml; the values come from the code."""

from __future__ import annotations

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
from composeports.core import protected_names
from composeports.core.settings import Settings
from composeports.core.settings_schema import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from composeports.core.settings_schema import Keys

NUMBERS = {
    "base_port": "the first port",
    "range_per_session": "ports of one session",
    "ttl_minutes": "how long a lease lasts without any command in its session",
    "max_sessions": "how many sessions at once",
}
# What the program reads besides, and what it is when it is not set.
OTHERS = {
    "COMPOSEPORTS_SESSION": ("the worktree", "the session, as `--session`"),
    "COMPOSEPORTS_STATE_DIR": (
        "`/var/lib/composeports` where it can be written, else the user's state directory",
        "where the leases are",
    ),
    "COMPOSEPORTS_STORE": (
        "`sqlite:///<state directory>/leases.sqlite3`",
        "another file; `postgresql://...` for many machines; `memory:` is gone with the process",
    ),
    "COMPOSEPORTS_HOST": (
        "the host in the engine's address; `localhost` for an engine of this machine",
        "where published ports are reached, where that is not the engine's own host",
    ),
    "COMPOSEPORTS_MACHINE": (
        "the host name and a digest of the machine's own id",
        "this machine's name, where other machines see its leases",
    ),
    "COMPOSEPORTS_ENGINE": (
        "what the engine says",
        "the engine's id, where several have the same (cloned machines), or one has none",
    ),
    "COMPOSEPORTS_ENGINE_TIMEOUT": (
        f"{DEFAULT_TIMEOUT:g}",
        (
            "how many seconds the engine gets for an answer, before it counts as unknown; "
            f"{SHORTEST_TIMEOUT:g} to {LONGEST_TIMEOUT:g}"
        ),
    ),
    "COMPOSEPORTS_API_KEYS": (
        "none",
        "keys that `serve` and `mcp --http` accept, with commas between",
    ),
    "COMPOSEPORTS_SERVER_COMMANDS": (
        str(Config().server_commands),
        (
            "how many commands (`compose_plan`, `compose_up`, `compose_down`, `POST /stacks/down`) "
            "one `serve` or `mcp` runs at once; the others wait in order; 1 to 1000"
        ),
    ),
}
# What it sets itself, for programs that it starts and shells that evaluate it.
SET_BY_US = {
    "COMPOSEPORTS_ENV": "names the variables of an evaluated environment that are ours",
    **{
        name: f"tells the wrapper of docker {text}"
        for name, text in (
            ("COMPOSEPORTS_WRAP_PROJECT", "the session's project; without it all goes through"),
            ("COMPOSEPORTS_WRAP_DIRECTORY", "the session's project directory"),
            ("COMPOSEPORTS_WRAP_FOLDER", "where the session's own files are"),
            ("COMPOSEPORTS_WRAP_SESSION", "what `--session` said"),
            ("COMPOSEPORTS_WRAP_CONTAINERS", "which containers of the file have another name"),
            ("COMPOSEPORTS_WRAP_ENGINE", "which engine was meant; another one goes through"),
            ("COMPOSEPORTS_WRAP_VERBOSE", "to tell what it changes, where it is not empty"),
        )
    },
    "COMPOSEPORTS_GIT_COMMON_DIR": (
        "is git's folder of the whole repository (git's own GIT_COMMON_DIR would lead git in other "
        "repositories astray), for a container that mounts a worktree"
    ),
}
KEYS_IN_WORDS = {
    "files": ('`["deploy/compose.yaml"]`', "Compose files, relative to this file"),
    "profiles": ('`["dev"]`', "profiles that are on"),
    "prefix": ('`"ac"`', "projects are named `<prefix>-<hash>`"),
    "pin": (
        '`{"web:3000" = 3000}`',
        (
            'container port (`"dns:53/udp"` for UDP) = the host port that it always gets, held by '
            "one session at a time"
        ),
    ),
    "main": (
        '`"defaults"`',
        'the main checkout keeps the file\'s own ports; `"block"`: it does not',
    ),
    "strict": ("`true`", "what cannot be isolated is an error"),
    "env": (
        '`{SITE_URL = "http://{host}:{web:3000}"}`',
        "variables made from others, none of which [programs obey](#names-that-programs-obey)",
    ),
    "urls.keep": (
        '`["NEXTAUTH_URL", "web.SITE_URL", "http://localhost:3000"]`',
        "variables, variables of one service, and URLs that stay as they are",
    ),
    "urls.command": ("`true`", "addresses of the host in `command` and `entrypoint` follow, too"),
    "isolate.images": ("`false`", "tags of built images are shared by all sessions"),
    "isolate.volumes": ("`false`", "volumes with an explicit name are"),
    "isolate.networks": ("`false`", "networks with an explicit name are"),
    "isolate.external_networks": (
        '`["edge"]`',
        (
            "external networks that become the session's own, by name; `true`: all; `false`: they "
            "are shared on purpose"
        ),
    ),
    "shared": (
        '`["network:edge", "volume:models", "/srv/models"]`',
        (
            "what is shared on purpose, and then no warning: `network:`, `volume:`, `container:`, "
            "`image:`, `port:`, `label:`, `variable:`, `cache:` or `provider:` and a name "
            "(`network:host`, `ipc:host`, `pid:host`, `uts:host` for what is the host's), or a "
            "path, relative to this file"
        ),
    ),
    "subnets.pool": (
        '`"10.213.0.0/16"`',
        "where subnets come from: a private IPv4 network, /8 to /24",
    ),
}


def page() -> str:
    """Return docs/reference/settings.md."""
    return f"""\
# Settings

## Variables

| variable | default | |
|---|---|---|
{_table(_variables())}

`PORT_ALLOC_BASE + PORT_ALLOC_RANGE * PORT_ALLOC_MAX_SESSIONS` has to be within 65535. A value that
cannot work is [`invalid_config`](../troubleshooting.md#invalid_config), with the limit named.

{_ours()}

## composeports.toml

All keys are optional. They may stand under `[tool.composeports]` in `pyproject.toml`, too.
[The guide](../guide.md#settings) says which file counts, and what templates know.

| key | default | for example | |
|---|---|---|---|
{_table(_keys())}

## Names that programs obey

No Compose file, setting or store sets one of these variables, since a shell, the C library,
Docker, Compose, git or a language's runtime takes it as an order: what to run or load, and where
files and engines are. A published port that comes from one (`NODE_PORT`, `PGPORT`) still moves,
and `PORT_<SERVICE>_<TARGET>` has its number; the variable itself stays as it is. In `[env]` such
a name is refused. `PGPORT` and `PGHOST` are among them because libpq reads them wherever a URL
leaves them out, that of a store included. Small letters count as large ones.

| obeyed by | names |
|---|---|
{_table(_protected())}
"""


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _protected() -> Iterator[tuple[str, str]]:
    """Yield who obeys names, and the names, of which some are beginnings or ends."""
    yield "names that begin like this", _code(f"{each}*" for each in protected_names.PREFIXES)
    yield "names that end like this", _code(f"*{each}" for each in protected_names.SUFFIXES)
    for program, names in protected_names.EXACT_BY_PROGRAM.items():
        yield program, _code(names.split())
    yield "zsh and fish, in small letters alone", _code(sorted(protected_names.SMALL))


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
    return f"composeports sets these by itself: {words}."


def _keys() -> Iterator[tuple[str, ...]]:
    defaults = Settings()
    for key, field in fields_of(KEYS):
        example, words = KEYS_IN_WORDS[key]
        yield f"`{key}`", _shown(getattr(defaults, field), key), example, words


def fields_of(keys: Keys, above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key of the file, with dots, and the field of Settings that it sets."""
    for name, known in keys.items():
        if isinstance(known, tuple):
            yield above + name, known[0]
        else:
            yield from fields_of(known, f"{above}{name}.")


def _shown(value: object, key: str) -> str:
    if key == "main":
        return '`"block"`'
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f'`"{value}"`' if isinstance(value, str) else "none"


def unset_fields() -> set[str]:
    """Return the fields of Settings that no key sets; there should be none."""
    return set(Settings._fields) - {field for _, field in fields_of(KEYS)}
