"""Take down several sessions, one after the other; a failure of one does not stop the others."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.errors import ComposeportsError
from composeports.usecases.down import DownResult, down
from composeports.usecases.options import Options
from composeports.usecases.session import Session
from composeports.usecases.session_search import held_here, open_lease


class Outcome(NamedTuple):
    """What became of one session: the result of its `down`, or the error that prevented it."""

    lease: Lease
    result: DownResult | None = None
    error: ComposeportsError | None = None

    @property
    def code(self) -> int:
        """Return the exit code of its `down`."""
        if self.error is not None:
            return self.error.exit_code
        return self.result.code if self.result is not None else 0

    @property
    def note(self) -> str:
        """Return the line about it: what happened, or why not."""
        if self.error is not None:
            return f"{self.lease.project}: {self.error.message}"
        return self.result.note if self.result is not None else ""

    def as_dict(self) -> dict[str, object]:
        """Return the entry of `sessions` in the JSON document of `down --all`."""
        error = self.error and {"code": self.error.code, "message": self.error.message}
        return {
            "session_id": self.lease.session_id,
            "compose_project_name": self.lease.project,
            "ok": not self.code,
            "released": self.result is not None and self.result.released,
            "error": error,
        }


def leases_of_all(session: Session) -> list[Lease]:
    """Return the leases that `down --all` ends: those of this machine and engine.

    A lease of another engine with the same id is left out.
    """
    session.refresh_engine_identity()
    view = session.view
    return [lease for lease in held_here(session) if not view.has_other_id(lease)]


def down_all(
    session: Session,
    leases: Sequence[Lease],
    arguments: Sequence[str],
    tell: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run `down` for each lease in its folder, and call `tell` after each.

    Each is under its own session lock. An error of one session is its outcome.
    """
    outcomes = []
    session = Session(session.context, Options(quiet=session.options.quiet))
    for lease in leases:
        try:
            outcome = Outcome(lease, down(open_lease(session, lease), arguments))
        except ComposeportsError as error:
            outcome = Outcome(lease, error=error)
        tell(outcome)
        outcomes.append(outcome)
    return outcomes
