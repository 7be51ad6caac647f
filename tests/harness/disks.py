"""Mount small disks, which a test may fill; it needs root."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.program import output


@contextmanager
def small_disk(folder: Path, size: str, mode: str = "0700") -> Iterator[Path]:
    """Mount a disk of a size, as "1m", at a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    output("mount", "-t", "tmpfs", "-o", f"size={size},mode={mode}", "tmpfs", folder)
    try:
        yield folder
    finally:
        output("umount", "--lazy", folder)
