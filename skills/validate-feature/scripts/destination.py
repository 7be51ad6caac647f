"""Decide where the report goes: --report, VALIDATE_REPORT, or a folder that git ignores."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "VALIDATE_REPORT"
CHANGE = "{change}"
OWN_FOLDER = ".composeports"
DEFAULT = f"{OWN_FOLDER}/validation-report.md"


@dataclass(frozen=True)
class Destination:
    """The report's path, and why the report cannot go there; `problem` is empty if it can."""

    path: str
    problem: str = ""


def report_path(
    option: str | None, environ: Mapping[str, str], top: str, branch: str
) -> Destination:
    """Return the path of the report; VALIDATE_REPORT is relative to the top of the worktree.

    `{change}` in VALIDATE_REPORT becomes the last part of the branch: `openspec/add-login` gives
    `add-login`.
    """
    if option:
        return Destination(option)
    setting = environ.get(VARIABLE) or DEFAULT
    change = branch.rpartition("/")[2]
    path = os.path.join(top, setting.replace(CHANGE, change))
    if CHANGE in setting and not change:
        return Destination(path, f"{VARIABLE} has {CHANGE}, but HEAD is on no branch")
    return Destination(path)
