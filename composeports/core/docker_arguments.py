"""The words of a `docker` command line: global options and names of containers.

Imports nothing but `collections.abc`, because the docker wrapper runs this code on every call that
names a container.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

Predicate = Callable[[str], bool]
# Index of a word, start of the value in that word, and the option (empty for a word that is not an
# option).
Token = tuple[int, int, str]

GLOBALS_WITH_VALUE = frozenset(
    {"--config", "-c", "--context", "-H", "--host", "-l", "--log-level"}
    | {"--tlscacert", "--tlscert", "--tlskey"}
)
OTHER_ENGINE = frozenset({"-c", "--context", "-H", "--host"})
INSTEAD_OF_A_COMMAND = frozenset({"-v", "--version", "-h", "--help"})

# The positional words of a command that are containers.
FIRST, ALL, COPIED = "first", "all", "copied"
_STOP = frozenset({"-s", "--signal", "-t", "--time", "--timeout"})
_EXEC = frozenset({"-e", "--env", "--env-file", "-u", "--user", "-w", "--workdir", "--detach-keys"})
_UPDATE = frozenset(
    {"--blkio-weight", "--cpu-period", "--cpu-quota", "--cpu-rt-period", "--cpu-rt-runtime", "-c"}
    | {"--cpu-shares", "--cpus", "--cpuset-cpus", "--cpuset-mems", "-m", "--memory"}
    | {"--memory-reservation", "--memory-swap", "--pids-limit", "--restart"}
)
_NONE: frozenset[str] = frozenset()
COMMANDS = {
    "attach": (frozenset({"--detach-keys"}), FIRST),
    "commit": (frozenset({"-a", "--author", "-c", "--change", "-m", "--message"}), FIRST),
    "cp": (_NONE, COPIED),
    "diff": (_NONE, FIRST),
    "exec": (_EXEC, FIRST),
    "export": (frozenset({"-o", "--output"}), FIRST),
    "inspect": (frozenset({"-f", "--format", "--type"}), ALL),
    "kill": (frozenset({"-s", "--signal"}), ALL),
    "logs": (frozenset({"--since", "--until", "-n", "--tail"}), ALL),
    "pause": (_NONE, ALL),
    "port": (_NONE, FIRST),
    "rename": (_NONE, FIRST),
    "restart": (_STOP, ALL),
    "rm": (_NONE, ALL),
    "start": (frozenset({"--checkpoint", "--checkpoint-dir", "--detach-keys"}), ALL),
    "stats": (frozenset({"--format"}), ALL),
    "stop": (_STOP, ALL),
    "top": (_NONE, FIRST),
    "unpause": (_NONE, ALL),
    "update": (_UPDATE, ALL),
    "wait": (_NONE, ALL),
}
LISTING = frozenset({"ps", "ls", "list"})
LISTING_WITH_VALUE = frozenset({"-f", "--filter", "--format", "-n", "--last"})
NAME_FILTER = "name="
RUNNING = frozenset({"run", "create"})
# `docker run` has about a hundred options; these are the options without a value.
RUN_FLAGS = frozenset(
    {"-d", "--detach", "--disable-content-trust", "--help", "--init", "-i", "--interactive"}
    | {"--no-healthcheck", "--oom-kill-disable", "--privileged", "-P", "--publish-all", "-q"}
    | {"--quiet", "--read-only", "--rm", "--sig-proxy", "-t", "--tty", "--use-api-socket"}
)
JOINED = frozenset({"--network", "--net", "--pid", "--ipc"})
BY_CONTAINER = "container:"
# The value of the option is the next word.
NEXT_WORD = -1


def split_command(words: Sequence[str]) -> int:
    """Return the number of leading words that are global options; the command follows them."""
    for index, _, option in scan(words, GLOBALS_WITH_VALUE.__contains__, until_name=True):
        if not option:
            return index
    return len(words)


def is_elsewhere(options: Sequence[str]) -> bool:
    """Return True if the global options name another engine, or ask for help or the version."""
    option_names = {option for _, _, option in scan(options, GLOBALS_WITH_VALUE.__contains__)}
    return bool(option_names & (OTHER_ENGINE | INSTEAD_OF_A_COMMAND))


def config_folder(options: Sequence[str]) -> str:
    """Return the folder of the global option `--config`; empty without that option."""
    folder = ""
    for index, start, option in scan(options, GLOBALS_WITH_VALUE.__contains__):
        if option == "--config":
            folder = options[index][start:]
    return folder


def with_session_names(
    words: Sequence[str], names: Collection[str], project: str
) -> tuple[str, ...]:
    """Return the command with container names of the Compose file replaced by the session's.

    `words` begin with the command; `names` are the container names of the Compose file. A word that
    is not in the position of a container name is not changed, such as the command that `exec` runs.
    """
    head = 1 if words[:1] == ["container"] or words[:1] == ("container",) else 0
    command, arguments = "".join(words[head : head + 1]), list(words[head + 1 :])
    positions: Iterator[tuple[int, int, str]] = iter(())
    if command in COMMANDS:
        positions = _in_command(command, arguments)
    elif command in LISTING:
        positions = _in_filters(arguments)
    elif command in RUNNING:
        positions = _in_run(arguments)
    for index, start, kind in list(positions):
        word = arguments[index]
        arguments[index] = word[:start] + _renamed(word[start:], names, project, kind)
    return (*words[: head + 1], *arguments)


def _in_command(command: str, words: Sequence[str]) -> Iterator[Token]:
    """Yield the positions of the container names in a command.

    Yield nothing if `--type` asks for other objects than containers.
    """
    value_options, selection = COMMANDS[command]
    # Words after the name of one container can belong to another program.
    tokens = list(scan(words, value_options.__contains__, until_name=selection == FIRST))
    types = {words[index][start:] for index, start, option in tokens if option == "--type"}
    if types - {"container"}:
        return
    positions = [(index, 0) for index, _, option in tokens if not option]
    for index, start in positions[:1] if selection == FIRST else positions:
        if selection != COPIED:
            yield index, start, ""
        elif ":" in words[index]:
            yield index, start, ":"


def _in_filters(words: Sequence[str]) -> Iterator[Token]:
    for index, start, option in scan(words, LISTING_WITH_VALUE.__contains__):
        if option in {"-f", "--filter"} and words[index][start:].startswith(NAME_FILTER):
            yield index, start + len(NAME_FILTER), "^"


def _in_run(words: Sequence[str]) -> Iterator[Token]:
    """Yield the positions where `docker run` names an existing container."""
    for index, start, option in scan(words, _takes_value_in_run, until_name=True):
        value = words[index][start:]
        if option in JOINED and value.startswith(BY_CONTAINER):
            yield index, start + len(BY_CONTAINER), ""
        elif option == "--volumes-from":
            yield index, start, ":"
        elif option == "--link":
            yield index, start, "="


def _takes_value_in_run(option: str) -> bool:
    return option not in RUN_FLAGS


def _renamed(text: str, names: Collection[str], project: str, kind: str) -> str:
    """Return the value with the session's container name.

    `kind` is ":" if more text can follow the name, "^" for a pattern, and "=" for a link. A link
    without an alias gets the original name as its alias, because the container is known under that
    name.
    """
    prefix, suffix = "", ""
    if kind == "^":
        prefix, suffix = "^" * text.startswith("^"), "$" * text.endswith("$")
        text = text.removeprefix("^").removesuffix("$")
    elif kind:
        text, colon, remainder = text.partition(":")
        suffix = colon + remainder
    slash = "/" * text.startswith("/")
    name = text.removeprefix("/")
    if name not in names:
        return prefix + text + suffix
    if kind == "=" and not suffix:
        suffix = f":{name}"
    return f"{prefix}{slash}{project}-{name}{suffix}"


def scan(
    words: Sequence[str], takes_value: Predicate, *, until_name: bool = False
) -> Iterator[Token]:
    """Yield each option with the position of its value, and each word that is not an option.

    For an option without a value, the position is the end of its word. With `until_name`, the scan
    ends at the first word that is not an option.
    """
    indices = iter(range(len(words)))
    options_ended = False
    for index in indices:
        word = words[index]
        if word == "--" and not options_ended:
            options_ended = True
        elif options_ended or word in {"", "-"} or word[0] != "-":
            yield index, 0, ""
            if until_name:
                return
        else:
            for start, option in _options(word, takes_value):
                position = (index, start) if start != NEXT_WORD else (next(indices, -1), 0)
                if position[0] >= 0:
                    yield *position, option


def _options(word: str, takes_value: Predicate) -> Iterator[tuple[int, str]]:
    """Yield the options in one word, each with the start of its value, or NEXT_WORD."""
    if word.startswith("--"):
        name, separator, _ = word.partition("=")
        yield NEXT_WORD if not separator and takes_value(name) else len(name) + len(separator), name
        return
    for position, letter in enumerate(word[1:], 2):
        name = f"-{letter}"
        if not takes_value(name):
            yield len(word), name
            continue
        equals = int(word[position : position + 1] == "=")
        yield position + equals if position < len(word) else NEXT_WORD, name
        return
