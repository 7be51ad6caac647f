"""Checks that compare leases with the engine and the disk."""

import re
from collections.abc import Iterator
from shlex import quote

from composeports.core.lease import Lease
from composeports.core.other_engine import new_id
from composeports.core.port_drift import drifts_of
from composeports.core.service_state import displaced
from composeports.core.session_name import name_of
from composeports.usecases.doctor.checks.engine import NO_ENGINE
from composeports.usecases.doctor.facts import EngineStack, Facts, LabelTwin, LinkedEnvFile
from composeports.usecases.doctor.findings import NOTE, WARNING, CheckResult, Finding, Fix

PROJECT = re.compile(r".+-[0-9a-f]{8}")
MEANT = {
    "temporary": "a temporary file of a killed composeports",
    "folder": "files of a session that holds no lease",
    "lock": "an unused lock file of a session without a lease",
    "record": "an empty record of a copy",
}


def check_leases(facts: Facts) -> CheckResult:
    """Report leases whose worktree is deleted, and other engines with this engine's id."""
    held_leases = [lease for lease in facts.sessions if lease.held]
    findings = tuple(
        Finding(
            WARNING,
            f"{_shown(lease)} holds ports for {lease.place.directory}, which does not exist",
            "no session uses its ports, and what it started may still run",
            "composeports gc",
        )
        for lease in held_leases
        if lease.session_id in facts.gone
    )
    remembered_count = len(facts.sessions) - len(held_leases)
    findings += tuple(map(_of_twin, facts.twins))
    return CheckResult(
        "leases", f"{len(held_leases)} held, {remembered_count} remembered", findings
    )


def _of_twin(twin: LabelTwin) -> Finding:
    leases = "1 lease is" if twin.leases == 1 else f"{twin.leases} leases are"
    verb = "has" if twin.sure else "may have"
    return Finding(
        WARNING,
        f"another engine, on {twin.place}, {verb} the id {twin.id} of this one, as after a machine "
        "was cloned",
        f"both share one range of ports; {leases} kept, since what runs there is not seen here",
        f"{new_id(twin.folder)}"
        + ("" if twin.sure else "; where this machine was renamed, `composeports up` there"),
    )


def check_drift(facts: Facts) -> CheckResult:
    """Report stacks without a lease and leases without a stack.

    Also report stacks whose ports, container names or networks are not the planned ones.
    """
    if facts.stacks is None:
        return CheckResult("stacks", NO_ENGINE, skipped=True)
    if not facts.store.is_readable:
        return CheckResult("stacks", "not checked, since the store cannot be read", skipped=True)
    leases = {lease.project: lease for lease in facts.sessions}
    stacks = {stack.project: stack for stack in facts.stacks}
    held_leases = [
        lease for lease in facts.sessions if lease.held and lease.session_id not in facts.elsewhere
    ]
    stack_count = sum(lease.project in stacks for lease in held_leases)
    findings = (
        *(
            finding
            for stack in facts.stacks
            for finding in _of_stack(stack, leases.get(stack.project))
        ),
        *(finding for lease in held_leases for finding in _of_lease(lease, stacks, facts)),
    )
    return CheckResult(
        "stacks", f"{stack_count} with a lease" if not findings else "drifted", findings
    )


def _of_stack(stack: EngineStack, lease: Lease | None) -> Iterator[Finding]:
    if lease is not None and lease.held:
        yield from _moved(stack, lease)
        return
    is_recorded = lease is not None and bool(lease.stack.files)
    if not PROJECT.fullmatch(stack.project) or not (stack.ours or is_recorded):
        return
    state = f"{stack.running} running" if stack.running else "none runs"
    problem = f"the stack {stack.project} has {_count(stack.containers)} ({state}) and no lease"
    if stack.foreign and not is_recorded:
        yield Finding(NOTE, problem, f"another user started it in {stack.directory}", "ask them")
        return
    reason = (
        "another session may get its ports, and then has to move on"
        if is_recorded
        else "this store does not know it: it was lost, or it is another one's"
    )
    yield Finding(WARNING, problem, f"{reason}; {_ways(recorded=is_recorded)}", _up(stack, lease))


def _ways(*, recorded: bool) -> str:
    option = "" if recorded else " --adopt"
    return f"`up{option}` takes it over, `down{option}` removes it"


def _up(stack: EngineStack, lease: Lease | None) -> str:
    if lease is not None and lease.stack.files:
        return _command(lease, "up")
    if stack.directory:
        return f"cd {quote(stack.directory)} && composeports up --adopt"
    return f"docker compose --project-name {stack.project} down"


def _shown(lease: Lease) -> str:
    return f"{name_of(lease)} ({lease.project})"


def _command(lease: Lease, word: str) -> str:
    """Return a command line that runs `word` in the lease's session, from any directory."""
    place = lease.place
    session = (
        "" if place.session_id == lease.session_id else f" --session {quote(lease.session_id)}"
    )
    return f"cd {quote(place.directory)} && composeports{session} {word}"


def _count(number: int) -> str:
    return f"{number} container{'s' if number != 1 else ''}"


def _moved(stack: EngineStack, lease: Lease) -> Iterator[Finding]:
    for drift in drifts_of(lease, stack.ports):
        actual, leased = (", ".join(map(str, ports)) for ports in (drift.actual, drift.leased))
        yield Finding(
            WARNING,
            f"{drift.key} of {_shown(lease)} is published on {actual}; its lease says {leased}",
            "`env` leads somewhere else than to this stack",
            _command(lease, "up"),
        )
    for sentence in displaced(lease.project, lease.standings, stack.seen):
        yield Finding(
            WARNING,
            f"{_shown(lease)}: {sentence}",
            "what was started without composeports may meet another session's stack",
            _command(lease, "up"),
        )


def _of_lease(lease: Lease, stacks: dict[str, EngineStack], facts: Facts) -> Iterator[Finding]:
    if not lease.stack.files or lease.project in stacks or lease.session_id in facts.gone:
        return
    yield Finding(
        WARNING,
        f"{_shown(lease)} holds a lease for a stack that has no containers",
        "its ports stay taken until the lease expires; `up` starts the stack, `down` gives the "
        "ports back",
        _command(lease, "down"),
    )


def check_links(facts: Facts) -> CheckResult:
    """Report each linked `.env` file whose ports the session of its directory does not hold.

    Plain `docker compose` would use these ports, although another session or no session holds them.
    """
    if not facts.store.is_readable:
        return CheckResult("links", "not checked, since the store cannot be read", skipped=True)
    homes = {lease.project: lease.place.directory for lease in facts.sessions if lease.held}
    findings = tuple(
        finding for link in facts.links for finding in _of_link(link, homes.get(link.project))
    )
    linked_count = len(facts.links) - len(findings)
    summary = (
        f"{linked_count} .env file{'s' if linked_count != 1 else ''} linked"
        if linked_count
        else "none"
    )
    return CheckResult("links", f"{len(findings)} stale" if findings else summary, findings)


def _of_link(link: LinkedEnvFile, home: str | None) -> Iterator[Finding]:
    if home == link.directory:
        return
    owner = "which holds no lease" if home is None else f"the session of {home}"
    effect = (
        "plain `docker compose` there starts on ports that no session holds"
        if home is None
        else "plain `docker compose` there works on that session's stack"
    )
    step = f"cd {quote(link.directory)} && composeports unlink"
    yield Finding(WARNING, f"{link.path} is linked to {link.project}, {owner}", effect, step)


def check_leftovers(facts: Facts) -> CheckResult:
    """Report files that composeports made and no longer needs."""
    findings = []
    for stray in facts.strays:
        if stray.kind == "copy":
            findings.append(
                Finding(
                    WARNING,
                    f"a copy into the volumes of {stray.project} was killed ({stray.path})",
                    "volumes may be half, and containers may still be paused",
                    "composeports up (or down) in that session",
                )
            )
            continue
        kind = {"temporary": "file", "record": "lock"}.get(stray.kind, stray.kind)
        fix = Fix(kind, stray.path, project=stray.project)
        problem = f"{stray.path}: {MEANT[stray.kind]}"
        step = "composeports doctor --fix"
        level = WARNING if stray.kind == "folder" else NOTE
        findings.append(Finding(level, problem, "nothing uses it", step, fix))
    return CheckResult("leftovers", "none" if not findings else f"{len(findings)}", tuple(findings))
