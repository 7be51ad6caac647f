"""The words of a `docker` command line: global options and names of the engine's objects.

Imports little, because the docker wrapper runs this code on every call that names an object.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from composeports.core.docker_options import (
    BY_CONTAINER,
    COMMANDS,
    CONNECT,
    CONNECTING,
    CONTAINER,
    COPIED,
    FILTERED,
    FIRST,
    GLOBALS_WITH_VALUE,
    GROUPS,
    IMAGE,
    IMAGE_COMMANDS,
    INSTEAD_OF_A_COMMAND,
    JOINED,
    KINDS,
    LISTING,
    LISTING_WITH_VALUE,
    NAME_FILTER,
    NETWORK,
    NETWORKS,
    OBJECT_COMMANDS,
    OBJECTS,
    OTHER_ENGINE,
    PROJECT,
    PROJECT_FILTER,
    RUN_FLAGS,
    RUNNING,
    VOLUME,
)
from composeports.core.image_names import full_name, short_name, split_tag

Predicate = Callable[[str], bool]
# Index of a word, start of the value in that word, and the option (empty for a word that is not an
# option).
Token = tuple[int, int, str]
# Index of a word, start of the name in that word, form of the value, and kind of the object.
Position = tuple[int, int, str, str]
# The session's name of each object, by kind and by the name in the file; images by full name.
SessionNames = Mapping[str, Mapping[str, str]]
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


def with_session_names(words: Sequence[str], names: SessionNames) -> tuple[str, ...]:
    """Return the command with names of the Compose file replaced by the session's.

    `words` begin with the command. A word that is not in the position of a name is not changed,
    such as the command that `exec` runs.
    """
    new_words = list(words)
    for index, start, form, kind in list(positions(words)):
        word = new_words[index]
        if found := _renamed(word[start:], form, kind, names):
            new_words[index] = word[:start] + found[0]
    return tuple(new_words)


def named_objects(words: Sequence[str], names: SessionNames) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each object in the command that has another name in the session."""
    for index, start, form, kind in positions(words):
        if found := _renamed(words[index][start:], form, kind, names):
            yield found[1:]


def as_words(names: SessionNames) -> str:
    """Return the names as one line, for the wrapper: bare old names, then `KIND:OLD=NEW`.

    The wrapper's script looks for the bare names; an image is there as people write it.
    """
    bare_names = dict.fromkeys(
        short_name(name) if kind == IMAGE else name
        for kind, new_names in names.items()
        for name in sorted(new_names)
    )
    entries = (
        f"{kind}:{before}={after}"
        for kind, new_names in names.items()
        for before, after in sorted(new_names.items())
    )
    return " ".join((*bare_names, *entries))


def read_words(text: str, project: str) -> dict[str, dict[str, str]]:
    """Return the names in a line of `as_words`.

    An entry with a new name that the session cannot have is ignored: the line may come from a file
    of the repository, which could lead the user's own `docker run postgres` to another image. A
    line of an earlier version has bare names only; they are containers.
    """
    names: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    entries = [word for word in text.split() if "=" in word]
    for entry in entries:
        kind, _, pair = entry.partition(":")
        before, _, after = pair.partition("=")
        if kind in KINDS and _is_of_session(kind, before, after, project):
            names[kind][before] = after
    if not entries:
        names[CONTAINER] = {name: f"{project}-{name}" for name in text.split()}
    return names


def _is_of_session(kind: str, before: str, after: str, project: str) -> bool:
    """Return True if a session of the project can give the new name to the old one."""
    if kind == IMAGE and split_tag(after)[1].endswith(f"-{project}"):
        return split_tag(full_name(after))[0] == split_tag(before)[0] and _is_name(after, "_.-/:")
    separator = "-" if kind in {CONTAINER, IMAGE} else "_"
    is_own = after == project if kind == PROJECT else after.startswith(f"{project}{separator}")
    return is_own and _is_name(after, "_.-")


def _is_name(text: str, letters: str) -> bool:
    return text[:1].isalnum() and all(
        letter.isascii() and (letter.isalnum() or letter in letters) for letter in text
    )


def positions(words: Sequence[str]) -> Iterator[Position]:
    """Yield the positions of the names of objects in a command."""
    head = 1 if words and words[0] in GROUPS else 0
    group, command = "".join(words[:head]), "".join(words[head : head + 1])
    for index, start, form, kind in _positions(group, command, words[head + 1 :]):
        yield index + head + 1, start, form, kind


def _positions(group: str, command: str, words: Sequence[str]) -> Iterator[Position]:
    """Yield the positions of the names in the words after a command."""
    if group in OBJECTS:
        yield from _in_group(group, command, words)
    elif (group, command) in FILTERED or (not group and command == "images"):
        yield from _in_filters(words, group)
    elif group == IMAGE or (not group and command not in COMMANDS and command in IMAGE_COMMANDS):
        options = IMAGE_COMMANDS.get(command)
        for index, start in () if options is None else _arguments(words, options):
            yield index, start, "", IMAGE
            if command == "tag":
                return
    elif command in COMMANDS:
        yield from _in_command(command, words)
    elif command in LISTING:
        yield from _in_filters(words, CONTAINER)
    elif command in RUNNING:
        yield from _in_run(words)


def _arguments(words: Sequence[str], value_options: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield the positions of the words that are not options."""
    for index, start, option in scan(words, value_options.__contains__):
        if not option:
            yield index, start


def _in_group(kind: str, command: str, words: Sequence[str]) -> Iterator[Position]:
    """Yield the positions of names after `docker volume` or `docker network`."""
    if command in LISTING or command == "prune":
        yield from _in_filters(words, kind)
    elif command in OBJECT_COMMANDS:
        for index, start in _arguments(words, OBJECT_COMMANDS[command]):
            yield index, start, "", kind
    elif kind == NETWORK and command in CONNECTING:
        # The network is first, the container second.
        for (index, start), named in zip(
            _arguments(words, CONNECT), (NETWORK, CONTAINER), strict=False
        ):
            yield index, start, "", named


def _in_command(command: str, words: Sequence[str]) -> Iterator[Position]:
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
            yield index, start, "", CONTAINER
        elif ":" in words[index]:
            yield index, start, ":", CONTAINER


def _in_filters(words: Sequence[str], kind: str) -> Iterator[Position]:
    """Yield the positions of names and of Compose's project label in filters."""
    for index, start, option in scan(words, LISTING_WITH_VALUE.__contains__):
        value = words[index][start:]
        if option in {"-f", "--filter"} and value.startswith(NAME_FILTER):
            yield index, start + len(NAME_FILTER), "^", kind
        elif option in {"-f", "--filter"} and value.startswith(PROJECT_FILTER):
            yield index, start + len(PROJECT_FILTER), "", PROJECT


def _in_run(words: Sequence[str]) -> Iterator[Position]:
    """Yield the positions where `docker run` names the image or an existing object."""
    for index, start, option in scan(words, _takes_value_in_run, until_name=True):
        value = words[index][start:]
        if not option:
            yield index, start, "", IMAGE
        elif option in JOINED and value.startswith(BY_CONTAINER):
            yield index, start + len(BY_CONTAINER), "", CONTAINER
        elif option in NETWORKS:
            yield index, start, "", NETWORK
        elif option == "--volumes-from":
            yield index, start, ":", CONTAINER
        elif option in {"-v", "--volume"}:
            yield index, start, ":", VOLUME
        elif option == "--mount":
            yield from _in_mount(index, start, value)
        elif option == "--link":
            yield index, start, "=", CONTAINER


def _in_mount(index: int, start: int, value: str) -> Iterator[Position]:
    """Yield the position of the source in `type=volume,source=NAME,target=PATH`."""
    for part in value.split(","):
        key = part.partition("=")[0]
        if key in {"source", "src"}:
            yield index, start + len(key) + 1, ",", VOLUME
        start += len(part) + 1


def _takes_value_in_run(option: str) -> bool:
    return option not in RUN_FLAGS


def _renamed(text: str, form: str, kind: str, names: SessionNames) -> tuple[str, str, str] | None:
    """Return the text with the session's name, and kind and old name; None if it has none.

    A link without an alias gets the original name as its alias, because the container is known
    under that name. A filter may have the start of a name, with the project name of plain Compose.
    """
    prefix, name, suffix = _split(text, form, kind)
    new_name = names.get(kind, {}).get(name)
    if new_name:
        if form == "=" and not suffix:
            suffix = f":{name}"
        return f"{prefix}{new_name}{suffix}", kind, name
    for plain_project, project in names.get(PROJECT, {}).items() if form == "^" else ():
        remainder = name.removeprefix(plain_project)
        if remainder != name and remainder[:1] in {"", "-", "_"}:
            return f"{prefix}{project}{remainder}{suffix}", PROJECT, plain_project
    return None


def _split(text: str, form: str, kind: str) -> tuple[str, str, str]:
    """Return what is before the name, the name (of an image the full name), and what follows.

    `form` is ":" or "," if more text can follow the name, "^" for a pattern, and "=" for a link.
    """
    prefix, suffix = "", ""
    if form == "^":
        prefix, suffix = "^" * text.startswith("^"), "$" * text.endswith("$")
        text = text.removeprefix("^").removesuffix("$")
    elif form:
        text, separator, remainder = text.partition("," if form == "," else ":")
        suffix = separator + remainder
    if kind == IMAGE and text:
        return prefix, full_name(text), suffix
    if kind == CONTAINER and text.startswith("/"):
        return f"{prefix}/", text[1:], suffix
    return prefix, text, suffix


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
