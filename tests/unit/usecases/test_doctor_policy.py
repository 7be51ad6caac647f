"""doctor's decisions: facts in, findings out."""

from dataclasses import replace

import pytest

from composeports.core.lease import ComposeInvocation as Started
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import KernelPorts, PortBlock, PortGrid
from composeports.core.service_state import ObservedService, ServiceState
from composeports.usecases.doctor.checks.store import check_store
from composeports.usecases.doctor.facts import (
    ComposeFacts,
    EngineFacts,
    EngineStack,
    Facts,
    Item,
    LabelTwin,
    LinkedEnvFile,
    Problem,
    StaleFile,
    StoreFacts,
)
from composeports.usecases.doctor.findings import Fix
from composeports.usecases.doctor.policy import Checkup, check_up

NOW = 1_800_000_000.0
STATE = Item("/state", 0o700, folder=True)
FILE = Item("/state/leases.sqlite3", 0o600)
NAME = "ac-0000000a"
LEASE = Lease(
    "/shop/.git",
    PortBlock(10000, 100),
    NAME,
    NOW - 60,
    NOW + 60,
    ports={"web:80/tcp": 10004, "web:80/tcp#1": 10005},
    place=WorktreeLocation("/shop", "/shop/.git", "/shop", "main"),
    stack=Started(("/shop/compose.yaml",), overridden=True),
)
RUNS = EngineStack(
    NAME, "/shop", ours=True, containers=1, running=1, ports=(("web:80/tcp", 10004),)
)
HEALTHY = Facts(
    engine=EngineFacts("28.5", "default", "unix:///var/run/docker.sock"),
    compose=ComposeFacts("2.40.3"),
    store=StoreFacts(FILE.path, 2, file_system="ext4"),
    state=(STATE, FILE),
    sessions=(LEASE,),
    stacks=(RUNS,),
    grid=PortGrid(10000, 100, 20),
    kernel=KernelPorts(32768, 60999),
    subnets=("172.17.0.0/16",),
    now=NOW,
)
TROUBLE = Problem("it broke", "mend it")
POOLS = tuple(f"172.{each}.0.0/16" for each in range(17, 32))


def told(facts: Facts) -> list[str]:
    """Return "check level: what -> next step" of every finding."""
    return [
        f"{name} {finding.level}: {finding.what} -> {finding.next_step}"
        for name, finding in check_up(facts).findings
    ]


def line(facts: Facts, name: str) -> tuple[str, str]:
    """Return the state and the line of one check."""
    return next((each.state, each.said) for each in check_up(facts).checks if each.name == name)


def mends(facts: Facts) -> list[Fix]:
    return [each.fix for _, each in check_up(facts).findings if each.fix is not None]


def test_a_healthy_machine_has_no_finding() -> None:
    found = check_up(HEALTHY)
    assert found.findings == ()
    assert found.healthy
    assert {each.state for each in found.checks} == {"ok"}
    assert [f"{each.name}: {each.said}" for each in found.checks] == [
        "settings: accepted",
        "engine: Docker 28.5 at unix:///var/run/docker.sock (context default)",
        "compose: Compose 2.40.3",
        "store: /state/leases.sqlite3: format 2 on ext4",
        "rights: /state: yours alone",
        "leases: 1 held, 0 remembered",
        "stacks: 1 with a lease",
        "links: none",
        "ports: 10000-11999: 19 of 20 blocks free",
        "networks: 30 of 31 subnets of the engine's address pools left",
        "leftovers: none",
        "clock: goes with the leases",
    ]


def test_a_remote_engine_says_how_far_it_is_and_where_its_ports_are() -> None:
    engine = EngineFacts("28.5", "far", "ssh://far", reached="10.0.0.7", milliseconds=120)
    assert line(replace(HEALTHY, engine=engine), "engine") == (
        "ok",
        "Docker 28.5 at ssh://far (context far), answers in 120 ms; its ports are at 10.0.0.7",
    )


def test_a_machine_on_which_nothing_was_done_yet_is_healthy() -> None:
    facts = replace(HEALTHY, sessions=(), stacks=(), state=(), store=StoreFacts(FILE.path))
    assert check_up(facts).healthy
    assert line(facts, "store")[1].endswith("none yet; the first command makes it")
    assert line(facts, "rights")[1] == "no state directory yet"


SERVER = StoreFacts("postgresql://...@db/leases", 1, server="17.2", latency=0.002)


def test_a_store_on_a_server_says_which_and_how_far() -> None:
    facts = replace(HEALTHY, store=SERVER)
    said = "postgresql://...@db/leases: format 1 on PostgreSQL 17.2, 2 ms away"
    assert line(facts, "store")[1] == said
    assert check_up(facts).healthy


FINDINGS = {
    "a link that is right": ({"links": (LinkedEnvFile("/shop", "/shop/.env", NAME),)}, []),
    "a link to a session that holds no lease": (
        {"links": (LinkedEnvFile("/my shop", "/my shop/.env", "ac-0000000b"),)},
        [
            (
                "links warning: /my shop/.env is linked to ac-0000000b, which holds no lease -> "
                "cd '/my shop' && composeports unlink"
            )
        ],
    ),
    "a link that was copied from another worktree": (
        {"links": (LinkedEnvFile("/other", "/other/.env", NAME),)},
        [
            (
                f"links warning: /other/.env is linked to {NAME}, the session of /shop -> "
                "cd /other && composeports unlink"
            )
        ],
    ),
    "a setting": (
        {"settings": (TROUBLE,)},
        ["settings error: it broke -> mend it"],
    ),
    "no engine": (
        {"engine": EngineFacts(trouble=TROUBLE), "stacks": None, "subnets": None},
        ["engine error: it broke -> mend it"],
    ),
    "an engine that anybody may use": (
        {"engine": EngineFacts("28.5", "", "tcp://box:2375", reached="box", secured=False)},
        [
            (
                "engine warning: docker talks to tcp://box:2375 without TLS -> let the engine ask "
                "for certificates (dockerd --tlsverify), or use ssh://"
            )
        ],
    ),
    "no compose": (
        {"compose": ComposeFacts(trouble=TROUBLE)},
        ["compose error: it broke -> mend it"],
    ),
    "no buildx where images are built": (
        {"compose": ComposeFacts("2.40.3", builds=True, buildx=False)},
        [
            (
                "compose warning: the buildx plugin is missing, and the Compose file here builds "
                "images -> install Docker's buildx plugin"
            )
        ],
    ),
    "no buildx where none are": ({"compose": ComposeFacts("2.40.3", buildx=False)}, []),
    "a store that cannot be used": (
        {"store": StoreFacts(FILE.path, trouble=TROUBLE), "sessions": ()},
        ["store error: it broke -> mend it"],
    ),
    "a store whose user lacks rights": (
        {"store": replace(SERVER, lacking=("INSERT on leases",), grants="GRANT it"), "stacks": ()},
        [f"store error: the user of {SERVER.path} lacks INSERT on leases -> GRANT it"],
    ),
    "a store whose users have too many rights": (
        {"store": replace(SERVER, excess=("REVOKE this", "REVOKE that"))},
        [
            (
                f"store warning: users of {SERVER.path} have rights that they do not need -> "
                "let its owner run: REVOKE this; REVOKE that"
            )
        ],
    ),
    "a store on a standby": (
        {"store": replace(SERVER, read_only=True)},
        [
            (
                f"store error: {SERVER.path} is read-only -> name the primary server in "
                "COMPOSEPORTS_STORE; several hosts may stand there, with "
                "?target_session_attrs=read-write"
            )
        ],
    ),
    "a store that is far away": (
        {"store": replace(SERVER, latency=0.4)},
        [
            (
                f"store note: {SERVER.path} takes 400 ms for a round trip -> "
                "use a database that is nearer"
            )
        ],
    ),
    "a store whose clock is wrong": (
        {"store": replace(SERVER, ahead=-90.0)},
        [f"store note: the clock of {SERVER.path} is -90 s from ours -> set both clocks (NTP)"],
    ),
    "a damaged store": (
        {"store": StoreFacts(FILE.path, 2, damage=("page 3", "page 4", "page 5", "page 6"))},
        [
            (
                "store error: /state/leases.sqlite3 is damaged: page 3; page 4; page 5 -> copy "
                "/state/leases.sqlite3 away, end the stacks that run (`composeports down`), then "
                "move the file away with its -wal and -shm"
            )
        ],
    ),
    "a state directory that all may write to": (
        {"state": (replace(STATE, mode=0o777),)},
        ["rights error: every user may write to /state (0777) -> chmod 700 /state"],
    ),
    "one that all may read": (
        {"state": (replace(STATE, mode=0o755), FILE)},
        ["rights warning: other users may look into /state (0755) -> chmod 700 /state"],
    ),
    "one that is shared by a group": (
        {"state": (replace(STATE, mode=0o2770), replace(FILE, mode=0o660))},
        [],
    ),
    "one that is shared by all": (
        {"state": (replace(STATE, mode=0o1777), replace(FILE, mode=0o666))},
        [
            (
                "rights warning: every user may put files into /state (1777) -> make it a group's "
                "(chgrp GROUP /state; chmod 2770 /state), or yours alone (chmod 700 /state)"
            )
        ],
    ),
    "a file that others may read": (
        {"state": (STATE, replace(FILE, mode=0o644))},
        [
            (
                "rights warning: other users may use /state/leases.sqlite3 (0644) "
                "-> chmod 600 /state/leases.sqlite3"
            )
        ],
    ),
    "a log that the group may read in a shared folder": (
        {"state": (replace(STATE, mode=0o2770), Item("/state/bug-1.log", 0o660))},
        [
            (
                "rights warning: other users may use /state/bug-1.log (0660) "
                "-> chmod 600 /state/bug-1.log"
            )
        ],
    ),
    "a worktree that is gone": (
        {"gone": frozenset({LEASE.session_id})},
        [
            (
                "leases warning: shop (ac-0000000a) holds ports for /shop, which does not exist "
                "-> composeports gc"
            )
        ],
    ),
    "a gone worktree without a stack": (
        {"gone": frozenset({LEASE.session_id}), "stacks": ()},
        [
            (
                "leases warning: shop (ac-0000000a) holds ports for /shop, which does not exist "
                "-> composeports gc"
            )
        ],
    ),
    "a lease without its stack": (
        {"stacks": ()},
        [
            (
                "stacks warning: shop (ac-0000000a) holds a lease for a stack that has no "
                "containers -> cd /shop && composeports down"
            )
        ],
    ),
    "a lease that never had one": (
        {"stacks": (), "sessions": (LEASE._replace(stack=Started()),)},
        [],
    ),
    "a stack whose lease was released": (
        {"sessions": (LEASE.released(),), "stacks": (replace(RUNS, ours=False),)},
        [
            (
                "stacks warning: the stack ac-0000000a has 1 container (1 running) and no lease -> "
                "cd /shop && composeports up"
            )
        ],
    ),
    "a stack that the store does not know": (
        {"sessions": (), "stacks": (replace(RUNS, running=0, containers=2),)},
        [
            (
                "stacks warning: the stack ac-0000000a has 2 containers (none runs) and no lease "
                "-> cd /shop && composeports up --adopt"
            )
        ],
    ),
    "one that was started nowhere": (
        {"sessions": (), "stacks": (replace(RUNS, directory=""),)},
        [
            (
                "stacks warning: the stack ac-0000000a has 1 container (1 running) and no lease -> "
                "docker compose --project-name ac-0000000a down"
            )
        ],
    ),
    "a stack of another user": (
        {"sessions": (), "stacks": (replace(RUNS, foreign=True),)},
        [
            (
                "stacks note: the stack ac-0000000a has 1 container (1 running) and no lease "
                "-> ask them"
            )
        ],
    ),
    "a lease of a session with a name, in a folder with a quote": (
        {
            "stacks": (),
            "sessions": (
                LEASE._replace(
                    session_id="two words", place=WorktreeLocation("/it's", "", "/it's", "")
                ),
            ),
        },
        [
            (
                "stacks warning: two-words (ac-0000000a) holds a lease for a stack that has no "
                """containers -> cd '/it'"'"'s' && composeports --session 'two words' down"""
            )
        ],
    ),
    "a stack of somebody else": (
        {"stacks": (RUNS, EngineStack("shop", "/elsewhere", containers=1, running=1))},
        [],
    ),
    "one with a name like ours": (
        {"stacks": (RUNS, EngineStack("ac-12345678", "/elsewhere", containers=1, running=1))},
        [],
    ),
    "a released session that only allocated": (
        {
            "sessions": (LEASE._replace(stack=Started()).released(),),
            "stacks": (replace(RUNS, ours=False),),
        },
        [],
    ),
    "a port that differs": (
        {"stacks": (replace(RUNS, ports=(("web:80/tcp", 10099), ("web:80/tcp", 10005))),)},
        [
            (
                "stacks warning: web:80/tcp of shop (ac-0000000a) is published on 10005, 10099; "
                "its lease says 10004, 10005 -> cd /shop && composeports up"
            )
        ],
    ),
    "a container under another name": (
        {
            "sessions": (LEASE._replace(standings={"web": ServiceState("ac-0000000a-web")}),),
            "stacks": (replace(RUNS, seen=(ObservedService("web", "web"),)),),
        },
        [
            (
                "stacks warning: shop (ac-0000000a): the container of web is called web, not "
                "ac-0000000a-web -> cd /shop && composeports up"
            )
        ],
    ),
    "a port that the engine chose": (
        {"stacks": (replace(RUNS, ports=(("web:80/tcp", 10005), ("db:1/tcp", 49153))),)},
        [],
    ),
    "the kernel's range": (
        {"kernel": KernelPorts(11000, 60999)},
        [
            (
                "ports warning: blocks overlap the kernel's range for outgoing connections, "
                "11000-60999 -> PORT_ALLOC_BASE=9000, or sysctl -w "
                "net.ipv4.ip_local_reserved_ports=10000-11999"
            )
        ],
    ),
    "the kernel's range, with little below it": (
        {"kernel": KernelPorts(3100, 60000)},
        [
            (
                "ports warning: blocks overlap the kernel's range for outgoing connections, "
                "3100-60000 -> PORT_ALLOC_BASE=1100, or sysctl -w "
                "net.ipv4.ip_local_reserved_ports=10000-11999"
            )
        ],
    ),
    "the kernel's range, with room above it": (
        {"kernel": KernelPorts(1024, 60000)},
        [
            (
                "ports warning: blocks overlap the kernel's range for outgoing connections, "
                "1024-60000 -> PORT_ALLOC_BASE=60001, or sysctl -w "
                "net.ipv4.ip_local_reserved_ports=10000-11999"
            )
        ],
    ),
    "the kernel's range, with no room at all": (
        {"kernel": KernelPorts(1024, 65535, (PortBlock(5432, 1),))},
        [
            (
                "ports warning: blocks overlap the kernel's range for outgoing connections, "
                "1024-65535 -> sysctl -w "
                "net.ipv4.ip_local_reserved_ports=5432-5432,10000-11999"
            )
        ],
    ),
    "the kernel's range, without our blocks": (
        {"kernel": KernelPorts(1024, 65535, (PortBlock(9000, 5000),))},
        [],
    ),
    "a system that does not tell it": ({"kernel": None}, []),
    "ports in use": (
        {"listening": frozenset((10100 + each, "tcp") for each in range(7)) | {(9999, "tcp")}},
        [
            (
                "ports note: in use by others, in 1 of 19 free blocks: 10100/tcp, 10101/tcp, "
                "10102/tcp, 10103/tcp, 10104/tcp, 10105/tcp and 1 more -> ss -ltunp shows who; "
                "PORT_ALLOC_BASE moves the blocks"
            )
        ],
    ),
    "ports in use in every block": (
        {"grid": PortGrid(10000, 100, 2), "listening": frozenset({(10199, "udp")})},
        [
            (
                "ports warning: in use by others, in 1 of 1 free blocks: 10199/udp -> ss -ltunp "
                "shows who; PORT_ALLOC_BASE moves the blocks"
            )
        ],
    ),
    "every block held": (
        {"grid": PortGrid(10000, 100, 1)},
        [
            (
                "ports warning: every block is held -> composeports status, then composeports gc; "
                "or a larger PORT_ALLOC_MAX_SESSIONS"
            )
        ],
    ),
    "few subnets": (
        {"subnets": (*POOLS, *(f"192.168.{each}.0/20" for each in range(0, 224, 16)), "fd00::/64")},
        [
            (
                "networks note: 2 of 31 subnets of the engine's address pools left -> docker "
                "network prune removes networks that nothing uses"
            )
        ],
    ),
    "pools of the engine's own settings": (
        {"pools": (("10.9.0.0/22", 24), ("nonsense", 24)), "subnets": ("10.9.1.0/24",)},
        [
            (
                "networks note: 3 of 4 subnets of the engine's address pools left -> docker "
                "network prune removes networks that nothing uses"
            )
        ],
    ),
    "files that nobody needs": (
        {
            "strays": (
                StaleFile("/shop/.composeports/.env.1.new", "temporary"),
                StaleFile("/shop/.composeports", "folder", "ac-1"),
                StaleFile("/state/locks/ac-1", "lock", "ac-1"),
                StaleFile("/state/seeding/ac-1", "record", "ac-1"),
            )
        },
        [
            (
                "leftovers note: /shop/.composeports/.env.1.new: a temporary file of a killed "
                "composeports -> composeports doctor --fix"
            ),
            (
                "leftovers warning: /shop/.composeports: files of a session that holds no lease -> "
                "composeports doctor --fix"
            ),
            (
                "leftovers note: /state/locks/ac-1: an unused lock file of a session without a "
                "lease -> composeports doctor --fix"
            ),
            (
                "leftovers note: /state/seeding/ac-1: an empty record of a copy -> composeports "
                "doctor --fix"
            ),
        ],
    ),
    "a copy that was killed": (
        {"strays": (StaleFile("/state/seeding/ac-1", "copy", "ac-1"),)},
        [
            (
                "leftovers warning: a copy into the volumes of ac-1 was killed "
                "(/state/seeding/ac-1) -> composeports up (or down) in that session"
            )
        ],
    ),
    "a clock that was set back": (
        {"now": NOW - 3600},
        [
            (
                "clock note: the clock was set back: the newest lease is of 59 min from now "
                "-> compare `date` with a clock"
            )
        ],
    ),
    "a clock without a battery": (
        {"now": 1000.0, "sessions": (), "stacks": ()},
        [
            (
                "clock warning: the clock says that it is long ago "
                "-> set the clock (timedatectl set-ntp true)"
            )
        ],
    ),
}


@pytest.mark.parametrize(("changed", "expected"), FINDINGS.values(), ids=FINDINGS)
def test_what_is_wrong_is_found_with_its_next_step(
    changed: dict[str, object], expected: list[str]
) -> None:
    facts = replace(HEALTHY, **changed)  # type: ignore[arg-type]
    assert told(facts) == expected
    assert check_up(facts).healthy is not any(
        " error: " in each or " warning: " in each for each in expected
    )
    assert all(each.why for _, each in check_up(facts).findings)


NOT_CHECKED = {
    "stacks without an engine": ({"stacks": None}, "stacks"),
    "networks without an engine": ({"subnets": None}, "networks"),
    "stacks without a store": ({"store": StoreFacts("", trouble=TROUBLE)}, "stacks"),
    "ports without settings": ({"grid": None}, "ports"),
}


@pytest.mark.parametrize(("changed", "name"), NOT_CHECKED.values(), ids=NOT_CHECKED)
def test_what_cannot_be_checked_says_why(changed: dict[str, object], name: str) -> None:
    state, said = line(replace(HEALTHY, **changed), name)  # type: ignore[arg-type]
    assert state == "skipped"
    assert said.startswith("not checked, since")


def test_a_check_with_findings_is_marked_and_one_with_notes_is_not() -> None:
    assert line(replace(HEALTHY, settings=(TROUBLE,)), "settings")[0] == "found"
    assert line(replace(HEALTHY, now=NOW - 3600), "clock")[0] == "ok"
    assert Checkup(()).healthy


def test_rights_are_mended_where_the_file_is_ours() -> None:
    state = (replace(STATE, mode=0o755), replace(FILE, mode=0o640))
    facts = replace(HEALTHY, state=state)
    assert mends(facts) == [Fix("mode", STATE.path, 0o700), Fix("mode", FILE.path, 0o600)]
    shared = replace(HEALTHY, state=(replace(STATE, mode=0o2777), replace(FILE, mode=0o666)))
    assert mends(shared)[0] == Fix("mode", STATE.path, 0o2775)
    others = replace(HEALTHY, state=tuple(replace(each, mine=False) for each in state))
    assert len(told(others)) == 2
    assert mends(others) == []


def test_stray_files_are_mended_each_in_its_way_and_copies_are_not() -> None:
    kinds = ("temporary", "folder", "lock", "record", "copy")
    facts = replace(HEALTHY, strays=tuple(StaleFile(f"/{kind}", kind, "ac-1") for kind in kinds))
    assert [(each.kind, each.path) for each in mends(facts)] == [
        ("file", "/temporary"),
        ("folder", "/folder"),
        ("lock", "/lock"),
        ("lock", "/record"),
    ]


def test_a_store_is_called_not_usable_only_where_no_command_can_use_it() -> None:
    excess = replace(SERVER, excess=("REVOKE this",))
    assert check_store(Facts(store=excess)).said == check_store(Facts(store=SERVER)).said
    lacking = replace(SERVER, lacking=("INSERT on leases",))
    assert check_store(Facts(store=lacking)).said == "not usable"


def test_a_record_that_is_refused_is_a_warning_with_a_way_out() -> None:
    said = "the record of session 'a' is damaged (project: 'theirs')"
    (finding,) = check_store(Facts(store=StoreFacts(FILE.path, 4, refused=(said,)))).findings
    assert (finding.level, finding.what) == ("warning", said)
    assert "`composeports allocate` in that session" in finding.next_step


def test_another_engine_with_this_one_s_id_is_told_with_what_to_delete() -> None:
    twin = LabelTwin("a-b-c", "bee", "/srv/docker", 2, sure=True)
    (finding,) = told(replace(HEALTHY, twins=(twin,)))
    assert "leases warning: another engine, on bee, has the id a-b-c" in finding
    assert "`rm -f /srv/docker/engine-id /etc/docker/key.json`" in finding
    assert "renamed" not in finding
    unsure = replace(twin, leases=1, sure=False)
    (finding,) = told(replace(HEALTHY, twins=(unsure,)))
    assert "may have the id" in finding
    assert finding.endswith("where this machine was renamed, `composeports up` there")


def test_what_is_on_another_engine_is_not_compared_with_the_stacks_of_this_one() -> None:
    gone = replace(HEALTHY, stacks=())
    assert told(gone)
    assert told(replace(gone, elsewhere=frozenset({LEASE.session_id}))) == []
