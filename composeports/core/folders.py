"""Compare paths of folders as texts. Imports nothing, because fast paths use it."""

TYPE_CHECKING = False  # importing `typing` takes 4 ms
if TYPE_CHECKING:
    from collections.abc import Iterable


def is_within(path: str, folder: str) -> bool:
    """Return True if the path is the folder, or lies below it; both are absolute."""
    return path == folder or is_below(path, folder)


def is_below(path: str, folder: str) -> bool:
    """Return True if the path lies below the folder; both are absolute."""
    return path.startswith(folder.rstrip("/") + "/")


def short_names(paths: "Iterable[str]") -> dict[str, str]:
    """Return for each absolute path the shortest end of it that no other one of them has.

    It is the name of the folder, unless two folders have one name: then `one/shop`, `two/shop`.
    """
    parts = {path: [part for part in path.split("/") if part] for path in paths}
    names = {}
    for path, own in parts.items():
        others = [other for other_path, other in parts.items() if other_path != path]
        ends = ("/".join(own[-length:]) for length in range(1, len(own) + 1))
        names[path] = next(
            (end for end in ends if not any(_ends_with(other, end) for other in others)), path
        )
    return names


def _ends_with(parts: list[str], end: str) -> bool:
    return "/".join(parts).endswith(f"/{end}") or "/".join(parts) == end
