"""Checks of the store, of the rights on the state directory, and of the clock."""

import posixpath
from collections.abc import Iterator
from shlex import quote

from composeports.usecases.doctor.facts import Facts, Item, StoreFacts
from composeports.usecases.doctor.findings import ERROR, NOTE, WARNING, CheckResult, Finding, Fix

# Clocks of one machine differ by less. If they differ by more, a clock was set.
SLACK_SECONDS = 60
# Users notice a round trip of this length, because a command needs several.
SLOW_SECONDS = 0.2
# No lease is older than composeports. A machine without a clock battery starts in 1970.
FIRST_SECOND = 1_700_000_000
STICKY, OTHERS_WRITE, GROUP_WRITE, NOT_MINE = 0o1000, 0o002, 0o020, 0o077
# This bit shows that the folder is meant for a group.
SET_GROUP = 0o2000


def check_store(facts: Facts) -> CheckResult:
    """Report whether the store opens, is intact, and can be written."""
    store = facts.store
    findings = []
    if store.trouble is not None:
        effect = "no command can take, renew or release a lease"
        findings.append(Finding(ERROR, store.trouble.message, effect, store.trouble.hint))
    if store.damage:
        step = (
            f"copy {store.path} away, end the stacks that run (`composeports down`), then move "
            "the file away with its -wal and -shm"
        )
        message = f"{store.path} is damaged: {'; '.join(store.damage[:3])}"
        findings.append(Finding(ERROR, message, "leases may be lost or wrong", step))
    findings += _of_server(store)
    for problem in store.refused:
        effect = "another user wrote it, or it is damaged; its session cannot be used"
        step = "`composeports allocate` in that session says how to remove the record"
        findings.append(Finding(WARNING, problem, effect, step))
    location = f" on {store.file_system}" if store.file_system else ""
    if store.server:
        location = f" on PostgreSQL {store.server}, {store.latency * 1000:.0f} ms away"
    kind = f"format {store.format}" if store.format else "none yet; the first command makes it"
    is_unusable = any(problem.level == ERROR for problem in findings)
    summary = "not usable" if is_unusable else f"{store.path}: {kind}{location}"
    return CheckResult("store", summary, tuple(findings))


def _of_server(store: StoreFacts) -> Iterator[Finding]:
    """Yield the problems of a store that is a database."""
    effect = "no command can take, renew or release a lease"
    if store.lacking:
        problem = f"the user of {store.path} lacks {', '.join(store.lacking)}"
        yield Finding(ERROR, problem, effect, store.grants)
    if store.excess:
        problem = f"users of {store.path} have rights that they do not need"
        yield Finding(
            WARNING,
            problem,
            "what they make there could act with the rights of others",
            f"let its owner run: {'; '.join(store.excess)}",
        )
    if store.read_only:
        problem = f"{store.path} is read-only"
        step = "name the primary server in COMPOSEPORTS_STORE; several hosts may stand there, with "
        yield Finding(ERROR, problem, effect, f"{step}?target_session_attrs=read-write")
    if store.latency > SLOW_SECONDS:
        problem = f"{store.path} takes {store.latency * 1000:.0f} ms for a round trip"
        effect = "each lease takes two of them, and others wait as long for theirs"
        yield Finding(NOTE, problem, effect, "use a database that is nearer")
    if abs(store.ahead) > SLACK_SECONDS:
        problem = f"the clock of {store.path} is {store.ahead:+.0f} s from ours"
        yield Finding(NOTE, problem, "leases end by the server's clock", "set both clocks (NTP)")


def check_rights(facts: Facts) -> CheckResult:
    """Report which other users may read or change the state directory.

    A directory that its group or all users may write to is meant to be shared.
    """
    if not facts.state:
        return CheckResult("rights", "no state directory yet")
    top, *inner_items = facts.state
    is_shared = bool(top.mode & (GROUP_WRITE | OTHERS_WRITE))
    findings = [] if (finding := _of_top(top)) is None else [finding]
    findings += [
        inner_finding
        for item in inner_items
        if (inner_finding := _of_inner(item, top, shared=is_shared)) is not None
    ]
    kind = "shared by its rights" if is_shared else "yours alone"
    summary = f"{top.path}: {kind}" if not findings else "others may do too much"
    return CheckResult("rights", summary, tuple(findings))


def _of_top(top: Item) -> Finding | None:
    if top.mode & OTHERS_WRITE and not top.mode & STICKY:
        is_for_group = bool(top.mode & SET_GROUP)
        return Finding(
            ERROR,
            f"every user may write to {top.path} ({top.mode:04o})",
            "any user may replace the leases, so composeports refuses it",
            f"chmod {'o-w' if is_for_group else '700'} {quote(top.path)}",
            _mode(top, top.mode & ~(OTHERS_WRITE if is_for_group else NOT_MINE)),
        )
    if top.mode & OTHERS_WRITE:
        return Finding(
            WARNING,
            f"every user may put files into {top.path} ({top.mode:04o})",
            "other users may hold the locks, and put leases and records of theirs there",
            f"make it a group's (chgrp GROUP {quote(top.path)}; chmod 2770 {quote(top.path)}), or "
            f"yours alone (chmod 700 {quote(top.path)})",
        )
    if not top.mode & (GROUP_WRITE | OTHERS_WRITE) and top.mode & NOT_MINE:
        return Finding(
            WARNING,
            f"other users may look into {top.path} ({top.mode:04o})",
            "leases hold variables, and those may hold passwords",
            f"chmod 700 {quote(top.path)}",
            _mode(top, top.mode & ~NOT_MINE),
        )
    return None


def _of_inner(item: Item, top: Item, *, shared: bool) -> Finding | None:
    allowed_mode = 0o700 if not shared else 0o700 | (top.mode & 0o077)
    if posixpath.basename(item.path).startswith("bug-"):
        allowed_mode = 0o700
    excess = item.mode & NOT_MINE & ~allowed_mode
    if not excess:
        return None
    mode = item.mode & ~excess
    return Finding(
        WARNING,
        f"other users may use {item.path} ({item.mode:04o})",
        "leases hold variables, and those may hold passwords",
        f"chmod {mode & 0o777:o} {quote(item.path)}",
        _mode(item, mode),
    )


def _mode(item: Item, mode: int) -> Fix | None:
    return Fix("mode", item.path, mode) if item.mine else None


def check_clock(facts: Facts) -> CheckResult:
    """Report if the clock is behind the newest lease, or at a date before composeports existed."""
    if facts.now < FIRST_SECOND:
        finding = Finding(
            WARNING,
            "the clock says that it is long ago",
            "leases and times in `status` are wrong",
            "set the clock (timedatectl set-ntp true)",
        )
        return CheckResult("clock", "wrong", (finding,))
    newest_time = max((lease.allocated_at for lease in facts.sessions), default=0.0)
    difference = newest_time - facts.now
    if difference > SLACK_SECONDS:
        finding = Finding(
            NOTE,
            f"the clock was set back: the newest lease is of {difference / 60:.0f} min from now",
            "times in `status` are wrong; no lease is lost by it",
            "compare `date` with a clock",
        )
        return CheckResult("clock", "set back", (finding,))
    return CheckResult("clock", "goes with the leases")
