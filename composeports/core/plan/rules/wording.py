"""Phrases that several rules use in their warnings."""

from collections.abc import Iterable
from json import dumps

SHOWN = 6


def way_out(*entries: str) -> str:
    """Return the phrase with the setting that declares something as shared."""
    quoted_entries = ", ".join(map(quoted, entries))
    return f"shared = [{quoted_entries}] in the settings says that this is meant"


def quoted(text: str) -> str:
    """Return a text as a TOML string."""
    return dumps(text, ensure_ascii=False)


def listed(names: Iterable[str]) -> str:
    """Return the first names, separated by commas, and the number of further names."""
    unique_names = list(dict.fromkeys(names))
    suffix = f" and {len(unique_names) - SHOWN} more" if len(unique_names) > SHOWN else ""
    return ", ".join(unique_names[:SHOWN]) + suffix
