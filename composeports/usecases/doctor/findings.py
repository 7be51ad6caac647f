"""The result of a check: fine, not checked, or findings with a next step; plain values."""

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
OK, SKIPPED, FOUND = "ok", "skipped", "found"


@dataclass(frozen=True, slots=True)
class Fix:
    """One action of `--fix`: set a path's `mode`, or remove a `file`, a `lock` or a `folder`."""

    kind: str
    path: str
    mode: int = 0
    project: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. A finding of level NOTE is only information and no failure."""

    level: str
    what: str
    why: str
    next_step: str
    fix: Fix | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: a summary line and the findings."""

    name: str
    said: str
    findings: tuple[Finding, ...] = ()
    skipped: bool = False

    @property
    def state(self) -> str:
        """Return FOUND if a finding is more than a note, else SKIPPED or OK."""
        if any(finding.level != NOTE for finding in self.findings):
            return FOUND
        return SKIPPED if self.skipped else OK
