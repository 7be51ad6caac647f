"""Read parts of the documents that Compose and composeports print, without interpreting them."""

from collections.abc import Iterator, Mapping

Json = Mapping[str, object]


def items(value: object) -> Iterator[tuple[str, Json]]:
    """Yield the entries of a mapping of mappings; `null` counts as an empty mapping."""
    for name, each in value.items() if isinstance(value, Mapping) else ():
        yield str(name), each if isinstance(each, Mapping) else {}


def mappings(value: object) -> list[Json]:
    """Return the mappings of a list."""
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, Mapping)]


def mapping(value: object) -> Json:
    """Return the value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str:
    """Return a scalar as text; `null` is empty."""
    return "" if value is None else str(value)


def texts(value: object) -> list[str]:
    """Return a list of scalars as texts."""
    return [text(each) for each in value] if isinstance(value, list) else []


def pairs(value: object) -> dict[str, str]:
    """Return a mapping of scalars as texts."""
    return {str(name): text(each) for name, each in mapping(value).items()}
