"""Run all checks of `doctor` in their order."""

from dataclasses import dataclass

from composeports.usecases.doctor.checks.engine import check_compose, check_engine, check_settings
from composeports.usecases.doctor.checks.leases import (
    check_drift,
    check_leases,
    check_leftovers,
    check_links,
)
from composeports.usecases.doctor.checks.network import check_networks, check_ports
from composeports.usecases.doctor.checks.store import check_clock, check_rights, check_store
from composeports.usecases.doctor.facts import Facts
from composeports.usecases.doctor.findings import NOTE, CheckResult, Finding

CHECKS = (
    check_settings,
    check_engine,
    check_compose,
    check_store,
    check_rights,
    check_leases,
    check_drift,
    check_links,
    check_ports,
    check_networks,
    check_leftovers,
    check_clock,
)


@dataclass(frozen=True, slots=True)
class Checkup:
    """The results of all checks, in their order."""

    checks: tuple[CheckResult, ...]

    @property
    def findings(self) -> tuple[tuple[str, Finding], ...]:
        """Return every finding with the name of its check."""
        return tuple(
            (result.name, finding) for result in self.checks for finding in result.findings
        )

    @property
    def healthy(self) -> bool:
        """Return True if all findings are notes."""
        return all(finding.level == NOTE for _, finding in self.findings)


def check_up(facts: Facts) -> Checkup:
    """Run every check on the facts."""
    return Checkup(tuple(check(facts) for check in CHECKS))
