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
    found = []
    if store.trouble is not None:
        why = "no command can take, renew or release a lease"
        found.append(Finding(ERROR, store.trouble.message, why, store.trouble.hint))
    if store.damage:
        step = (
            f"copy {store.path} away, end the stacks that run (`composeports down`), then move "
            "the file away with its -wal and -shm"
        )
        what = f"{store.path} is damaged: {'; '.join(store.damage[:3])}"
        found.append(Finding(ERROR, what, "leases may be lost or wrong", step))
    found += _of_server(store)
    for each in store.refused:
        why = "somebody else wrote it, or it is damaged; its session cannot be used"
        step = "`composeports allocate` in that session says how to remove the record"
        found.append(Finding(WARNING, each, why, step))
    where = f" on {store.file_system}" if store.file_system else ""
    if store.server:
        where = f" on PostgreSQL {store.server}, {store.latency * 1000:.0f} ms away"
    kind = f"format {store.format}" if store.format else "none yet; the first command makes it"
    unusable = any(each.level == ERROR for each in found)
    said = "not usable" if unusable else f"{store.path}: {kind}{where}"
    return CheckResult("store", said, tuple(found))


def _of_server(store: StoreFacts) -> Iterator[Finding]:
    """Yield the problems of a store that is a database."""
    why = "no command can take, renew or release a lease"
    if store.lacking:
        what = f"the user of {store.path} lacks {', '.join(store.lacking)}"
        yield Finding(ERROR, what, why, store.grants)
    if store.excess:
        what = f"users of {store.path} have rights that they do not need"
        yield Finding(
            WARNING,
            what,
            "what they make there could act with the rights of others",
            f"let its owner run: {'; '.join(store.excess)}",
        )
    if store.read_only:
        what = f"{store.path} is read-only"
        step = "name the primary server in COMPOSEPORTS_STORE; several hosts may stand there, with "
        yield Finding(ERROR, what, why, f"{step}?target_session_attrs=read-write")
    if store.latency > SLOW_SECONDS:
        what = f"{store.path} takes {store.latency * 1000:.0f} ms for a round trip"
        why = "each lease takes two of them, and others wait as long for theirs"
        yield Finding(NOTE, what, why, "use a database that is nearer")
    if abs(store.ahead) > SLACK_SECONDS:
        what = f"the clock of {store.path} is {store.ahead:+.0f} s from ours"
        yield Finding(NOTE, what, "leases end by the server's clock", "set both clocks (NTP)")


def check_rights(facts: Facts) -> CheckResult:
    """Report which other users may read or change the state directory.

    A directory that its group or all users may write to is meant to be shared.
    """
    if not facts.state:
        return CheckResult("rights", "no state directory yet")
    top, *inner = facts.state
    shared = bool(top.mode & (GROUP_WRITE | OTHERS_WRITE))
    found = [] if (finding := _of_top(top)) is None else [finding]
    found += [each for item in inner if (each := _of_inner(item, top, shared=shared)) is not None]
    kind = "shared by its rights" if shared else "yours alone"
    said = f"{top.path}: {kind}" if not found else "others may do too much"
    return CheckResult("rights", said, tuple(found))


def _of_top(top: Item) -> Finding | None:
    if top.mode & OTHERS_WRITE and not top.mode & STICKY:
        shared = bool(top.mode & SET_GROUP)
        return Finding(
            ERROR,
            f"every user may write to {top.path} ({top.mode:04o})",
            "anybody may replace the leases, so composeports refuses it",
            f"chmod {'o-w' if shared else '700'} {quote(top.path)}",
            _mode(top, top.mode & ~(OTHERS_WRITE if shared else NOT_MINE)),
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
    allowed = 0o700 if not shared else 0o700 | (top.mode & 0o077)
    if posixpath.basename(item.path).startswith("bug-"):
        allowed = 0o700
    beyond = item.mode & NOT_MINE & ~allowed
    if not beyond:
        return None
    mode = item.mode & ~beyond
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
        found = Finding(
            WARNING,
            "the clock says that it is long ago",
            "leases and times in `status` are wrong",
            "set the clock (timedatectl set-ntp true)",
        )
        return CheckResult("clock", "wrong", (found,))
    newest = max((lease.allocated_at for lease in facts.sessions), default=0.0)
    ahead = newest - facts.now
    if ahead > SLACK_SECONDS:
        found = Finding(
            NOTE,
            f"the clock was set back: the newest lease is of {ahead / 60:.0f} min from now",
            "times in `status` are wrong; no lease is lost by it",
            "compare `date` with a clock",
        )
        return CheckResult("clock", "set back", (found,))
    return CheckResult("clock", "goes with the leases")
