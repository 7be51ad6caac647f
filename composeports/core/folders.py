"""Compare paths of folders as texts. Imports nothing, because fast paths use it."""


def is_within(path: str, folder: str) -> bool:
    """Return True if the path is the folder, or lies below it; both are absolute."""
    return path == folder or is_below(path, folder)


def is_below(path: str, folder: str) -> bool:
    """Return True if the path lies below the folder; both are absolute."""
    return path.startswith(folder.rstrip("/") + "/")
