"""Subnets: which a file needs, which a session gets, and where an address moves."""

import ipaddress
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.compose_project import Attachment, Network, Project, Service
from composeports.core.subnet import Subnet, overlapping, parse_subnet, valid_subnets
from composeports.core.subnets import (
    IPV6_POOL,
    SubnetNeed,
    assign_subnets,
    move_address,
    needs_of,
)
from composeports.errors import NoSubnetsAvailableError

POOL = "10.213.0.0/16"


def network(key: str, *pools: Mapping[str, object], driver: str = "") -> Network:
    return Network(key, f"shop_{key}", driver=driver, ipam={"config": list(pools)})


def attached(key: str, *addresses: str, replicas: int = 1) -> tuple[Service, ...]:
    """Return one service for each address, `replicas` containers each."""
    return tuple(
        Service(
            f"{key}{index}",
            replicas=replicas,
            networks=(
                Attachment(key, ipv6=address) if ":" in address else Attachment(key, ipv4=address),
            ),
        )
        for index, address in enumerate(addresses)
    )


def project(*networks: Network, services: tuple[Service, ...] = ()) -> Project:
    return Project(services, networks)


def need(key: str, prefix: int = 24, old: str = "172.28.0.0/24") -> SubnetNeed:
    version = parse_subnet(old).version if old else 4
    return SubnetNeed(key, key.partition("#")[0], old, prefix, version)


# What a file needs


def test_every_fixed_subnet_is_a_need_in_the_order_of_the_file() -> None:
    found = needs_of(
        project(
            network("front", {"subnet": "172.20.0.0/24"}),
            network("free"),
            network("back", {"subnet": "172.16.238.0/24"}, {"subnet": "2001:3984:3989::/64"}),
        )
    )
    assert found == (
        SubnetNeed("front#0", "front", "172.20.0.0/24", 24, 4),
        SubnetNeed("back#0", "back", "172.16.238.0/24", 24, 4),
        SubnetNeed("back#1", "back", "2001:3984:3989::/64", 64, 6),
    )


def test_an_entry_without_a_subnet_counts_and_needs_none() -> None:
    found = needs_of(project(network("back", {"gateway": ""}, {"subnet": "172.20.0.0/24"})))
    assert [each.key for each in found] == ["back#1"]


def test_what_is_no_subnet_is_left_to_the_engine_s_own_words() -> None:
    assert needs_of(project(network("back", {"subnet": "nonsense"}))) == ()


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
@pytest.mark.parametrize("spill", [False, True])
def test_networks_of_the_host_s_own_subnet_need_none(driver: str, spill: bool) -> None:
    made = network("lan", {"subnet": "192.168.1.0/24"}, driver=driver)
    assert needs_of(project(made), spill=spill) == ()


@pytest.mark.parametrize("spill", [False, True])
def test_external_networks_need_none(spill: bool) -> None:
    made = Network("lan", "lan", external=True, ipam={"config": [{"subnet": "10.1.0.0/24"}]})
    assert needs_of(project(made), spill=spill) == ()


# How large the new one is

LENGTHS = {
    "as in the file": ({"subnet": "172.28.0.0/24"}, (), 24),
    "longer": ({"subnet": "172.28.0.0/28"}, (), 28),
    "the largest as it is": ({"subnet": "172.28.0.0/20"}, (), 20),
    "narrowed": ({"subnet": "172.28.0.0/16"}, (), 24),
    "the first to be narrowed": ({"subnet": "172.28.0.0/19"}, (), 24),
    "small host part": ({"subnet": "172.28.0.0/16"}, ("172.28.0.254",), 24),
    "would be for broadcasts": ({"subnet": "172.28.0.0/16"}, ("172.28.0.255",), 23),
    "next /24": ({"subnet": "172.28.0.0/16"}, ("172.28.1.5",), 23),
    "several": ({"subnet": "172.28.0.0/16"}, ("172.28.0.5", "172.28.5.5"), 21),
    "at the very end": ({"subnet": "172.28.0.0/16"}, ("172.28.255.254",), 16),
    "of another subnet": ({"subnet": "172.28.0.0/16"}, ("172.29.9.9",), 24),
    "gateway": ({"subnet": "172.28.0.0/16", "gateway": "172.28.3.1"}, (), 22),
    "range": ({"subnet": "172.28.0.0/16", "ip_range": "172.28.5.0/24"}, (), 21),
    "first range": ({"subnet": "172.28.0.0/16", "ip_range": "172.28.0.0/24"}, (), 24),
    "range for all": ({"subnet": "172.28.0.0/16", "ip_range": "172.28.0.0/16"}, (), 24),
    "large range": ({"subnet": "10.0.0.0/8", "ip_range": "10.0.0.0/15"}, (), 15),
    "aux": ({"subnet": "172.28.0.0/16", "aux_addresses": {"nas": "172.28.2.1"}}, (), 22),
    "IPv6": ({"subnet": "fd4d:6169:6c63:6f77::/64"}, ("fd4d:6169:6c63:6f77::10",), 64),
    "IPv6 longer": ({"subnet": "2001:db8:1::/80"}, (), 80),
    "IPv6 narrowed": ({"subnet": "2001:db8:1::/48"}, ("2001:db8:1::ffff",), 64),
    "IPv6 far": ({"subnet": "2001:db8:1::/48"}, ("2001:db8:1:3::1",), 62),
}


@pytest.mark.parametrize(("pool", "addresses", "prefix"), LENGTHS.values(), ids=LENGTHS)
def test_the_length_is_the_file_s_or_narrowed_to_what_it_fixes(
    pool: Mapping[str, object], addresses: tuple[str, ...], prefix: int
) -> None:
    made = project(network("back", pool), services=attached("back", *addresses))
    assert [each.prefix for each in needs_of(made)] == [prefix]


def test_addresses_of_other_networks_do_not_count() -> None:
    made = project(
        network("back", {"subnet": "172.28.0.0/16"}), services=attached("front", "172.28.9.9")
    )
    assert needs_of(made)[0].prefix == 24


def test_a_narrowed_subnet_holds_all_containers() -> None:
    made = project(
        network("back", {"subnet": "172.28.0.0/16"}), services=attached("back", "", replicas=300)
    )
    assert needs_of(made)[0].prefix == 23


@given(st.integers(1, 2**16 - 2), st.integers(1, 2**16 - 2))
def test_a_narrowed_subnet_has_a_place_for_every_address(first: int, second: int) -> None:
    old = ipaddress.ip_network("172.28.0.0/16")
    addresses = [str(old[part]) for part in (first, second)]
    made = project(network("back", {"subnet": str(old)}), services=attached("back", *addresses))
    (found,) = needs_of(made)
    (new,) = map(ipaddress.ip_network, assign_subnets([found], {}, [], "10.0.0.0/8").values())
    for address, part in zip(addresses, (first, second), strict=True):
        moved = ipaddress.ip_address(move_address(address, str(old), str(new)))
        assert int(moved) - int(new.network_address) == part
        assert moved in new
        assert moved != new.broadcast_address


# Where the engine has no subnets left


def test_with_spill_networks_without_a_subnet_need_one_too() -> None:
    made = project(
        Network("default", "shop_default"),
        network("empty", {}),
        network("odd", {}, {}),
        network("fixed", {"subnet": "172.20.0.0/24"}),
        network("only6", {"subnet": "fd00:1::/64"}),
        driver_of("bridge"),
    )
    assert [(each.key, each.old, each.prefix) for each in needs_of(made, spill=True)] == [
        ("default#0", "", 26),
        ("empty#0", "", 26),
        ("fixed#0", "172.20.0.0/24", 24),
        ("only6#0", "fd00:1::/64", 64),
        ("plain#0", "", 26),
    ]
    assert [each.key for each in needs_of(made)] == ["fixed#0", "only6#0"]


def driver_of(driver: str) -> Network:
    return Network("plain", "shop_plain", driver=driver)


@pytest.mark.parametrize("driver", ["overlay", "host", "none", "weave:latest"])
def test_only_bridges_take_from_the_engine_s_pools(driver: str) -> None:
    assert needs_of(project(driver_of(driver)), spill=True) == ()


@pytest.mark.parametrize(("driver", "count"), [("", 1), ("default", 1), ("dhcp", 0)])
def test_neither_does_an_address_driver_of_its_own(driver: str, count: int) -> None:
    made = Network("back", "shop_back", ipam={"driver": driver})
    assert len(needs_of(project(made), spill=True)) == count


@pytest.mark.parametrize(
    ("replicas", "prefix"), [(1, 26), (51, 26), (52, 25), (115, 25), (116, 24), (0, 26)]
)
def test_a_spilled_subnet_holds_all_containers(replicas: int, prefix: int) -> None:
    services = attached("default", "", replicas=replicas)
    made = project(Network("default", "shop_default"), services=services)
    assert [each.prefix for each in needs_of(made, spill=True)] == [prefix]


# What a session gets


def test_the_lowest_free_ones_of_the_pool_are_given() -> None:
    found = assign_subnets([need("a#0"), need("b#0"), need("c#0", 26)], {}, ["10.213.1.7/32"], POOL)
    assert found == {"a#0": "10.213.0.0/24", "b#0": "10.213.2.0/24", "c#0": "10.213.1.64/26"}


def test_a_smaller_one_fits_into_a_gap_and_a_larger_one_is_aligned() -> None:
    found = assign_subnets([need("a#0", 26), need("b#0", 24), need("c#0", 26)], {}, [], POOL)
    assert found == {"a#0": "10.213.0.0/26", "b#0": "10.213.1.0/24", "c#0": "10.213.0.64/26"}


def test_ipv6_comes_from_a_range_for_local_use() -> None:
    six = need("a#1", 64, "2001:db8::/64")
    assert assign_subnets([need("a#0"), six], {}, ["fd0d:c5e7::/64"], POOL) == {
        "a#0": "10.213.0.0/24",
        "a#1": "fd0d:c5e7:0:1::/64",
    }
    assert ipaddress.IPv6Network(IPV6_POOL).subnet_of(ipaddress.IPv6Network("fc00::/7"))


def test_a_remembered_subnet_stays() -> None:
    memory = {"a#0": "10.213.7.0/24"}
    assert assign_subnets([need("a#0")], memory, ["10.213.8.0/24"], POOL) == memory


@pytest.mark.parametrize(
    "memory",
    [
        "10.213.7.0/25",
        "10.213.6.0/23",
        "10.99.0.0/24",
        "10.213.9.0/24",
        "fd0d:c5e7::/64",
        "nonsense",
    ],
)
def test_a_remembered_one_that_does_not_fit_or_is_taken_goes(memory: str) -> None:
    found = assign_subnets([need("a#0")], {"a#0": memory}, ["10.213.9.4/32"], POOL)
    assert found == {"a#0": "10.213.0.0/24"}


@pytest.mark.parametrize("old", ["", "172.28.0.0/16"])
def test_where_the_length_is_our_choice_a_larger_one_stays(old: str) -> None:
    memory = {"a#0": "10.213.6.0/23"}
    assert assign_subnets([need("a#0", 24, old)], memory, [], POOL) == memory
    assert assign_subnets([need("a#0", 22, old)], memory, [], POOL) == {"a#0": "10.213.0.0/22"}


def test_of_two_remembered_ones_that_overlap_the_needed_one_stays() -> None:
    memory = {"gone#0": "10.213.7.0/24", "a#0": "10.213.7.0/24"}
    assert assign_subnets([need("a#0")], memory, [], POOL) == {"a#0": "10.213.7.0/24"}


def test_what_is_remembered_for_a_network_that_is_away_is_kept_for_it() -> None:
    memory = {"away#0": "10.213.0.0/24"}
    found = assign_subnets([need("a#0")], memory, [], POOL)
    assert found == {"a#0": "10.213.1.0/24", "away#0": "10.213.0.0/24"}


def test_it_goes_when_another_session_has_it_and_gives_way_in_a_full_pool() -> None:
    memory = {"away#0": "10.213.0.0/24"}
    assert assign_subnets([], memory, ["10.213.0.0/25"], POOL) == {}
    assert assign_subnets([need("a#0")], memory, [], "10.213.0.0/24") == {"a#0": "10.213.0.0/24"}


def test_what_others_remember_is_avoided_while_there_is_room() -> None:
    others = ["10.213.0.0/24"]
    memory = {"away#0": "10.213.1.0/24"}
    assert assign_subnets([need("a#0")], {}, [], POOL, others) == {"a#0": "10.213.1.0/24"}
    assert assign_subnets([need("a#0")], memory, [], "10.213.0.0/23", others) == {
        "a#0": "10.213.0.0/24",
        "away#0": "10.213.1.0/24",
    }


@pytest.mark.parametrize(
    ("prefix", "taken"), [(24, ["10.213.0.0/16"]), (24, ["10.0.0.0/8"]), (15, [])]
)
def test_a_full_pool_is_told_with_its_setting(prefix: int, taken: list[str]) -> None:
    with pytest.raises(NoSubnetsAvailableError) as told:
        assign_subnets([need("backend#0", prefix)], {}, taken, POOL)
    assert (told.value.code, told.value.exit_code) == ("no_subnets_available", 75)
    assert f"/{prefix} is free in {POOL} for the network backend" in told.value.message
    assert "[subnets] pool" in told.value.hint


def test_no_setting_is_named_for_the_ipv6_pool_which_none_changes() -> None:
    with pytest.raises(NoSubnetsAvailableError) as told:
        assign_subnets([need("backend#0", 31, "2001:db8::/31")], {}, [], POOL)
    assert f"/31 is free in {IPV6_POOL} for the network backend" in told.value.message
    assert "[subnets] pool" not in told.value.hint
    assert "smaller subnet in the Compose file" in told.value.hint


def test_a_full_pool_is_full_to_the_last_subnet() -> None:
    needs = [need(f"n{number}#0") for number in range(256)]
    found = assign_subnets(needs, {}, [], POOL)
    assert found["n255#0"] == "10.213.255.0/24"
    with pytest.raises(NoSubnetsAvailableError):
        assign_subnets([*needs, need("more#0")], {}, [], POOL)


def test_what_an_engine_says_besides_subnets_does_not_matter() -> None:
    odd = ["", "fe80::/64", "fe80::1%eth0/64x", "10.213.0.0/24"]
    assert assign_subnets([need("a#0")], {}, odd, POOL) == {"a#0": "10.213.1.0/24"}


# For all needs

SMALL_POOL = "10.213.0.0/20"
prefixes = st.integers(20, 30)


def ipv4_subnets(within: str) -> st.SearchStrategy[str]:
    pool = parse_subnet(within)

    def made(part: int, prefix: int) -> str:
        size = 1 << (32 - prefix)
        return str(Subnet(4, (pool.first + part) // size * size, prefix))

    return st.builds(made, st.integers(0, pool.size - 1), st.integers(pool.prefix + 1, 30))


keys = st.sampled_from([f"n{number}#{index}" for number in range(4) for index in range(2)])
needs_lists = st.dictionaries(keys, st.tuples(prefixes, st.sampled_from(["", "old"])), max_size=8)
memories = st.dictionaries(keys, ipv4_subnets(SMALL_POOL), max_size=5)
takens = st.lists(ipv4_subnets(SMALL_POOL), max_size=5)


def made_needs(wanted: Mapping[str, tuple[int, str]]) -> list[SubnetNeed]:
    return [
        need(key, prefix, old and f"172.16.0.0/{prefix}") for key, (prefix, old) in wanted.items()
    ]


def given_out(
    needs: list[SubnetNeed], memory: Mapping[str, str], taken: list[str], avoid: list[str]
) -> dict[str, str] | None:
    """Return the assigned subnets; None if the pool is full."""
    try:
        return assign_subnets(needs, memory, taken, SMALL_POOL, avoid)
    except NoSubnetsAvailableError:
        return None


@given(needs_lists, memories, takens, takens)
def test_no_two_overlap_each_other_or_what_is_taken_or_leave_the_pool(
    wanted: dict[str, tuple[int, str]],
    memory: dict[str, str],
    taken: list[str],
    avoid: list[str],
) -> None:
    needs = made_needs(wanted)
    found = given_out(needs, memory, taken, avoid)
    if found is None:
        return
    networks = [ipaddress.IPv4Network(text) for text in found.values()]
    for index, one in enumerate(networks):
        assert one.subnet_of(ipaddress.IPv4Network(SMALL_POOL))
        assert not any(one.overlaps(other) for other in networks[index + 1 :])
        assert not any(one.overlaps(ipaddress.IPv4Network(other)) for other in taken)
    for each in needs:
        length = parse_subnet(found[each.key]).prefix
        assert length == each.prefix or (not each.old and length <= each.prefix)
    assert found.keys() - wanted.keys() <= memory.keys()


@given(needs_lists, memories, takens, takens)
def test_the_same_question_has_the_same_answer_and_the_answer_is_stable(
    wanted: dict[str, tuple[int, str]],
    memory: dict[str, str],
    taken: list[str],
    avoid: list[str],
) -> None:
    needs = made_needs(wanted)
    found = given_out(needs, memory, taken, avoid)
    assert given_out(needs, memory, taken, avoid) == found
    if found is not None:
        assert given_out(needs, found, taken, avoid) == found
        assert given_out(needs[::-1], found, taken, []) == found


@given(needs_lists, needs_lists, takens)
def test_added_networks_move_no_other_and_removed_ones_come_back(
    wanted: dict[str, tuple[int, str]], more: dict[str, tuple[int, str]], taken: list[str]
) -> None:
    first = given_out(made_needs(wanted), {}, taken, [])
    if first is None:
        return
    added = given_out(made_needs({**more, **wanted}), first, taken, [])
    if added is not None:
        assert {key: added[key] for key in wanted} == first
        removed = given_out(made_needs(wanted), added, taken, [])
        assert removed == added


@given(st.lists(ipv4_subnets(POOL)), st.lists(ipv4_subnets(POOL)))
def test_overlaps_are_those_that_the_library_sees(ones: list[str], others: list[str]) -> None:
    known = [ipaddress.IPv4Network(text) for text in others]
    expected = [one for one in ones if any(map(ipaddress.IPv4Network(one).overlaps, known))]
    assert list(overlapping(ones, others)) == expected


def test_versions_do_not_overlap() -> None:
    assert overlapping(["::/0"], ["0.0.0.0/0"]) == ()
    assert not parse_subnet("::/0").holds(parse_subnet("0.0.0.0/0"))
    assert list(map(str, valid_subnets(["::1", "10.1.2.3/24"]))) == ["::1/128", "10.1.2.0/24"]


# Where an address goes

MOVES = {
    "address": ("172.30.0.5", "172.30.0.0/24", "10.213.4.0/24", "10.213.4.5"),
    "narrowed": ("172.30.1.5", "172.30.0.0/16", "10.213.4.0/23", "10.213.5.5"),
    "widened": ("172.30.0.77", "172.30.0.64/26", "10.213.4.0/24", "10.213.4.13"),
    "gateway": ("172.30.0.1", "172.30.0.0/16", "10.213.4.0/24", "10.213.4.1"),
    "range": ("172.30.5.0/24", "172.30.0.0/16", "10.213.8.0/21", "10.213.13.0/24"),
    "subnet": ("172.30.0.0/16", "172.30.0.0/16", "10.213.4.0/24", "10.213.4.0/24"),
    "subnet widened": ("172.30.0.0/24", "172.30.0.0/24", "10.213.4.0/23", "10.213.4.0/23"),
    "interface": ("172.30.0.5/16", "172.30.0.0/16", "10.213.4.0/24", "10.213.4.5/24"),
    "interface of a range": ("172.30.5.9/24", "172.30.0.0/16", "10.213.8.0/21", "10.213.13.9/24"),
    "mask": ("172.30.0.0/255.255.0.0", "172.30.0.0/16", "10.213.4.0/24", "10.213.4.0/24"),
    "IPv6": ("2001:db8::10", "2001:db8::/64", "fd0d:c5e7:0:1::/64", "fd0d:c5e7:0:1::10"),
    "IPv6 long": (
        "2001:0db8:0:0:0:0:0:10",
        "2001:db8::/32",
        "fd0d:c5e7:0:1::/64",
        "fd0d:c5e7:0:1::10",
    ),
    "IPv6 subnet": ("2001:db8::/64", "2001:db8::/64", "fd0d:c5e7::/64", "fd0d:c5e7::/64"),
}


@pytest.mark.parametrize(("address", "old", "new", "moved"), MOVES.values(), ids=MOVES)
def test_an_address_keeps_its_host_part(address: str, old: str, new: str, moved: str) -> None:
    assert move_address(address, old, new) == moved


@pytest.mark.parametrize(
    ("address", "old", "new"),
    [
        ("172.31.0.5", "172.30.0.0/16", "10.213.4.0/24"),
        ("172.29.255.255", "172.30.0.0/16", "10.213.4.0/24"),
        ("172.30.1.5", "172.30.0.0/16", "10.213.4.0/24"),
        ("172.30.0.0/20", "172.30.0.0/16", "10.213.4.0/24"),
        ("::1", "172.30.0.0/16", "10.213.4.0/24"),
        ("172.30.0.5", "172.30.0.0/16", "fd0d:c5e7::/64"),
        ("nonsense", "172.30.0.0/16", "10.213.4.0/24"),
    ],
)
def test_an_address_that_has_no_place_is_refused(address: str, old: str, new: str) -> None:
    with pytest.raises(ValueError, match=r"has no place|does not appear"):
        move_address(address, old, new)


@given(st.integers(0, 2**12 - 1), st.integers(8, 20), st.integers(0, 2**64 - 1))
def test_there_and_back_is_where_it_was(part: int, prefix: int, part6: int) -> None:
    old, new = f"172.16.0.0/{max(prefix, 12)}", "10.213.16.0/20"
    address = str(ipaddress.IPv4Address("172.16.0.0") + part)
    assert move_address(move_address(address, old, new), new, old) == address
    six, ours = "2001:db8::/48", "fd0d:c5e7:0:1::/64"
    address6 = str(ipaddress.IPv6Address("2001:db8::") + part6)
    assert move_address(move_address(address6, six, ours), ours, six) == address6
