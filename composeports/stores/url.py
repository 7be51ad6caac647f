"""The URLs of stores (COMPOSEPORTS_STORE): which kind they name, compared, and shown safely."""

import os

from composeports.config import SHARED_STORES
from composeports.errors import ConfigError

ACCEPTED = "sqlite:///absolute/path/of/a/file, postgresql://..., or memory:"


def is_shared(url: str) -> bool:
    """Return True if several machines may use the store at `url`."""
    return url.startswith(SHARED_STORES)


def same_store(first_url: str, second_url: str) -> bool:
    """Return True if both URLs name one store, as far as this is clear without opening it."""
    if is_shared(first_url) or is_shared(second_url):
        return first_url.partition("://")[2] == second_url.partition("://")[2]
    return os.path.realpath(sqlite_path(first_url)) == os.path.realpath(sqlite_path(second_url))


def sqlite_path(url: str) -> str:
    """Return the absolute path in a `sqlite:///...` URL; raise ConfigError for any other URL."""
    scheme, _, encoded_path = url.partition("://")
    if scheme != "sqlite":
        raise _refused(url, "is no store that this version knows")
    path = _decoded(encoded_path)
    if not encoded_path.startswith("/"):
        raise _refused(url, "names no absolute path (three slashes)")
    if "?" in encoded_path or "#" in encoded_path or "\0" in path:
        raise _refused(url, "has more than a path (write ? and # as %3F and %23)")
    if path.endswith("/") or os.path.isdir(path):
        raise _refused(url, "names a folder, not a file")
    return path


def check_url(url: str) -> None:
    """Raise ConfigError if no store has this form of URL; do not open the store."""
    if url != "memory:" and not is_shared(url):
        sqlite_path(url)


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    from urllib.parse import unquote  # noqa: PLC0415 - seldom needed, takes 3 ms

    return unquote(path, errors="surrogateescape")


def _refused(url: str, reason: str) -> ConfigError:
    safe_url = without_password(url)
    return ConfigError(
        f"COMPOSEPORTS_STORE={safe_url} {reason}",
        hint=f"accepted: {ACCEPTED}; unset it for a file in the state directory",
        setting="COMPOSEPORTS_STORE",
        value=safe_url,
    )


def without_password(url: str) -> str:
    """Return `url` with "..." for every part that may contain a password.

    These are the user part, the query and key=value pairs.
    """
    scheme, separator, address = url.partition("://")
    if not separator:
        return url if "=" not in url and "@" not in url else "..."
    credentials, _, target = address.rpartition("@")
    if "=" in credentials:  # the `@` may be part of the query, or `=` part of a password
        return f"{scheme}://..."
    location, query, _ = target.partition("?")
    return f"{scheme}://{'...@' if credentials else ''}{location}{'?...' if query else ''}"
