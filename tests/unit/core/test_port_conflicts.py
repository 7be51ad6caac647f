"""Port conflicts: the engines' messages, the owner of the port, and the decision."""

import pytest

from composeports.core.lease import Lease
from composeports.core.port_conflicts import (
    MOVES,
    ConflictAction,
    PortConflict,
    conflicting_port,
    next_step,
    refused_port,
    unreported_conflicts,
)
from composeports.core.ports import PortBlock

ON = "driver failed programming external connectivity on endpoint shop-web-1 (e6fb40e56a41): "
LEASE = Lease(
    "s",
    PortBlock(20000, 100),
    "ac-12345678",
    0,
    0,
    ports={"web:80/tcp": 20004, "dns:53/tcp": 20005, "dns:53/udp#2": 20005, "pin:80/tcp": 3000},
    pins={"pin:80/tcp": 3000},
)
WEB = PortConflict(20004, "tcp", "web:80/tcp")


@pytest.mark.parametrize(
    "words",
    [
        f"{ON}Bind for 0.0.0.0:20004 failed: port is already allocated",
        f"{ON}Bind for :::20004 failed: port is already allocated",
        f"{ON}Error starting proxy: listen tcp4 0.0.0.0:20004: bind: address already in use",
        f"{ON}failed to bind host port for 0.0.0.0:20004:10.0.0.2:80/tcp: address already in use",
        "failed to bind host port 0.0.0.0:20004/tcp: address already in use",
        "failed to bind host port [::1]:20004/tcp: address already in use",
        "Ports are not available: exposing port TCP 0.0.0.0:20004 -> 127.0.0.1:0: bind: refused",
        "rootlessport listen tcp 0.0.0.0:20004: bind: address already in use",
    ],
)
def test_the_engines_words_name_the_port(words: str) -> None:
    assert conflicting_port(["", words], LEASE, ()) == WEB


@pytest.mark.parametrize(
    "words",
    [
        "",
        "exec: /no/such/program: no such file or directory",
        "cannot mount 20004:20004",
        "Bind for 0.0.0.0:200041 failed: port is already allocated",
        "Bind for 0.0.0.0:8080 failed: port is already allocated",
        "port is already allocated",
    ],
)
def test_what_names_no_port_of_ours_is_no_theft(words: str) -> None:
    assert conflicting_port([words], LEASE, ()) is None


def test_what_our_own_containers_have_was_not_stolen() -> None:
    words = ["Bind for 0.0.0.0:20004 failed: port is already allocated"]
    assert conflicting_port(words, LEASE, {(20004, "tcp")}) is None
    assert conflicting_port(words, LEASE, {(20004, "udp"), (20005, "tcp")}) == WEB


def test_a_port_of_two_protocols_is_the_one_that_we_do_not_have() -> None:
    words = ["listen udp4 0.0.0.0:20005: bind: address already in use"]
    found = conflicting_port(words, LEASE, {(20005, "tcp")})
    assert found == PortConflict(20005, "udp", "dns:53/udp#2")


def test_a_pinned_port_is_known_as_such() -> None:
    words = ["Bind for 127.0.0.1:3000 failed: port is already allocated"]
    assert conflicting_port(words, LEASE, ()) == PortConflict(
        3000, "tcp", "pin:80/tcp", pinned=True
    )


PINNED = PortConflict(3000, "tcp", "pin:80/tcp", pinned=True)


@pytest.mark.parametrize(
    ("stolen", "is_free", "tried_again", "moves", "step"),
    [
        (WEB, False, False, 0, ConflictAction.MOVE),
        (WEB, False, True, 0, ConflictAction.MOVE),
        (WEB, True, False, 0, ConflictAction.AGAIN),
        (WEB, True, True, 0, ConflictAction.MOVE),
        (WEB, False, False, MOVES - 1, ConflictAction.MOVE),
        (WEB, False, False, MOVES, ConflictAction.GIVE_UP),
        (WEB, True, True, MOVES, ConflictAction.GIVE_UP),
        (WEB, True, False, MOVES, ConflictAction.AGAIN),
        (PINNED, False, False, 0, ConflictAction.GIVE_UP),
        (PINNED, True, False, 0, ConflictAction.GIVE_UP),
    ],
)
def test_what_to_do(
    stolen: PortConflict, *, is_free: bool, tried_again: bool, moves: int, step: ConflictAction
) -> None:
    assert next_step(stolen, is_free=is_free, tried_again=tried_again, moves=moves) is step


@pytest.mark.parametrize(
    ("waiting", "taken", "keys"),
    [
        ({(20004, "tcp")}, {(20004, "tcp")}, ["web:80/tcp"]),
        ({(20004, "tcp")}, {(20004, "udp"), (20005, "tcp")}, []),
        ({(20005, "tcp"), (20005, "udp")}, {(20005, "udp")}, ["dns:53/udp#2"]),
        ({(20004, "tcp"), (3000, "tcp")}, {(3000, "tcp")}, ["pin:80/tcp"]),
        ({(8080, "tcp")}, {(8080, "tcp")}, []),
    ],
)
def test_an_engine_that_says_nothing_is_no_reason_to_know_nothing(
    waiting: set[tuple[int, str]], taken: set[tuple[int, str]], keys: list[str]
) -> None:
    assert [each.key for each in unreported_conflicts(LEASE, waiting, taken)] == keys


LOW_80 = (
    "cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to "
    "/etc/sysctl.conf (currently 1024), or set CAP_NET_BIND_SERVICE on rootlesskit binary, or "
    "choose a larger port number (>= 1024): listen tcp4 0.0.0.0:80: bind: permission denied"
)
LOW = Lease("s", PortBlock(20000, 100), "ac-12345678", 0, 0, ports={"web:80/tcp": 80})


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (
            (
                f"{ON}Error starting userland proxy: error while calling PortManager.AddPort(): "
                f"{LOW_80}"
            ),
            "web:80/tcp",
        ),
        ("rootlessport cannot expose privileged port 80, you can add", "web:80/tcp"),
        ("cannot expose privileged port 800, you can add", ""),
        ("listen tcp4 0.0.0.0:80: bind: address already in use", ""),
        ("", ""),
    ],
)
def test_a_port_that_the_engine_may_not_have_is_named(words: str, key: str) -> None:
    refused = refused_port(["", words], LOW)
    assert (refused.key if refused else "") == key
