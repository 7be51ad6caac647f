"""Words that several rules use in their warnings."""

from collections.abc import Iterable
from json import dumps

SHOWN = 6


def way_out(*entries: str) -> str:
    """Return the words that name the setting by which something is shared on purpose."""
    written = ", ".join(map(quoted, entries))
    return f"shared = [{written}] in the settings says that this is meant"


def quoted(text: str) -> str:
    """Return a text as TOML writes it."""
    return dumps(text, ensure_ascii=False)


def listed(names: Iterable[str]) -> str:
    """Return the first names with commas between, and how many more there are."""
    shown = list(dict.fromkeys(names))
    more = f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else ""
    return ", ".join(shown[:SHOWN]) + more
