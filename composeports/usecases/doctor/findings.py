"""What a check says: fine, not checked, or findings with a next step; plain values."""

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"
OK, SKIPPED, FOUND = "ok", "skipped", "found"


@dataclass(frozen=True, slots=True)
class Fix:
    """What `--fix` may do: give a path a `mode`, or remove a `file`, a `lock` or a `folder`."""

    kind: str
    path: str
    mode: int = 0
    project: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be; a note is worth knowing and no failure."""

    level: str
    what: str
    why: str
    next_step: str
    mend: Fix | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check: a line, and what was found."""

    name: str
    said: str
    findings: tuple[Finding, ...] = ()
    skipped: bool = False

    @property
    def state(self) -> str:
        """Whether it is fine, could not be checked, or has findings that are more than notes."""
        if any(finding.level != NOTE for finding in self.findings):
            return FOUND
        return SKIPPED if self.skipped else OK
