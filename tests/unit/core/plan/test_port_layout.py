"""The offset of each published port: cases, and the promise that existing ports do not move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.compose_project import Project, PublishedPort, Service
from composeports.core.plan.port_candidates import FIXED_PORT_VARIABLES
from composeports.core.plan.port_layout import PortEntry, PortGroup, assign, entries_of, groups_of
from composeports.core.plan.variable_effects import NO_EFFECTS, PortField, VariableEffects
from composeports.core.ports import FIRST_FREE_OFFSET
from composeports.errors import BlockTooSmallError


def port(service: str, published: str, target: int, protocol: str = "tcp") -> PublishedPort:
    return PublishedPort(service, target, protocol, published)


def service(name: str, *ports: tuple[str, int] | tuple[str, int, str]) -> Service:
    return Service(name, tuple(port(name, *each) for each in ports))


def moved_by(**variables: tuple[str, int]) -> VariableEffects:
    """Return what Compose says of variables that move `published` of (service, index)."""
    return VariableEffects(
        {name: (PortField(*at, "published"),) for name, at in variables.items()}, {}
    )


def layout(
    *services: Service,
    effects: VariableEffects = NO_EFFECTS,
    memory: dict[str, int] | None = None,
    size: int = 100,
) -> dict[str, int]:
    groups = groups_of(entries_of(Project(services), effects))
    return assign(groups, memory or {}, size)


WEB = service("web", ("8080", 80))
DB = service("db", ("5432", 5432))


# Entries


def test_an_entry_s_key_names_service_container_port_and_protocol() -> None:
    dns = service("dns", ("53", 53), ("53", 53, "udp"))
    keys = [entry.key for entry in entries_of(Project((WEB, dns)), NO_EFFECTS)]
    assert keys == ["web:80/tcp", "dns:53/tcp", "dns:53/udp"]


def test_the_second_entry_of_one_container_port_has_a_number() -> None:
    web = service("web", ("8080", 80), ("8081", 80), ("8082", 80))
    entries = entries_of(Project((web,)), NO_EFFECTS)
    assert [(entry.key, entry.position) for entry in entries] == [
        ("web:80/tcp", 0),
        ("web:80/tcp#2", 1),
        ("web:80/tcp#3", 2),
    ]


def test_an_entry_whose_host_port_the_engine_chooses_is_none_of_ours() -> None:
    web = service("web", ("", 80), ("8443", 443))
    assert [(entry.key, entry.position) for entry in entries_of(Project((web,)), NO_EFFECTS)] == [
        ("web:443/tcp", 1)
    ]


def test_an_entry_of_a_fixed_variable_is_ours_though_it_is_empty_now() -> None:
    effects = moved_by(API_PORT=("web", 0), OTHER=("web", 1))
    web = service("web", ("", 80), ("", 81))
    assert [(entry.key, entry.variable) for entry in entries_of(Project((web,)), effects)] == [
        ("web:80/tcp", "API_PORT")
    ]


def test_an_entry_knows_the_variable_that_gives_its_number() -> None:
    effects = moved_by(WEB_PORT=("web", 0))
    assert [entry.variable for entry in entries_of(Project((WEB, DB)), effects)] == ["WEB_PORT", ""]


# Groups


def keys_of(*services: Service, effects: VariableEffects = NO_EFFECTS) -> list[list[str]]:
    groups = groups_of(entries_of(Project(services), effects))
    return [[entry.key for entry in group.entries] for group in groups]


def test_one_old_number_within_a_service_is_one_group() -> None:
    assert keys_of(service("dns", ("53", 53, "udp"), ("53", 53), ("54", 54))) == [
        ["dns:53/tcp", "dns:53/udp"],
        ["dns:54/tcp"],
    ]


def test_one_old_number_in_two_services_is_two_groups() -> None:
    assert keys_of(service("a", ("80", 80)), service("b", ("80", 80))) == [
        ["a:80/tcp"],
        ["b:80/tcp"],
    ]


def test_groups_come_in_the_order_of_service_and_container_port() -> None:
    b, a = service("b", ("1", 9000), ("2", 80)), service("a", ("3", 443))
    assert keys_of(b, a) == [["a:443/tcp"], ["b:80/tcp"], ["b:9000/tcp"]]


def test_a_group_has_the_first_variable_of_its_entries() -> None:
    dns = service("dns", ("53", 53), ("53", 53, "udp"))
    (group,) = groups_of(entries_of(Project((dns,)), moved_by(DNS_PORT=("dns", 1))))
    assert (group.key, group.variable, group.number) == ("dns:53/tcp", "DNS_PORT", 53)


def test_a_group_of_a_range_that_the_engine_chooses_from_has_no_number() -> None:
    (group,) = groups_of(entries_of(Project((service("web", ("8000-8010", 80)),)), NO_EFFECTS))
    assert group.number is None


def single(entry: PublishedPort) -> PortGroup:
    return PortGroup((PortEntry("key", entry, 0),))


@pytest.mark.parametrize(
    ("after", "follows"),
    [
        pytest.param(port("web", "8001", 81), True, id="next of both"),
        pytest.param(port("web", "8002", 81), False, id="host port jumps"),
        pytest.param(port("web", "8001", 82), False, id="container port jumps"),
        pytest.param(port("web", "8001", 81, "udp"), False, id="another protocol"),
        pytest.param(port("api", "8001", 81), False, id="another service"),
        pytest.param(port("web", "8001-8003", 81), False, id="the engine chooses"),
        pytest.param(port("web", "7999", 79), False, id="the one before"),
    ],
)
def test_a_group_follows_another_of_its_range(after: PublishedPort, follows: bool) -> None:
    first = port("web", "8000", 80)
    assert single(after).follows(single(first)) is follows


def test_nothing_follows_what_the_engine_chooses() -> None:
    assert not single(port("web", "8001", 81)).follows(single(port("web", "8000-8003", 80)))


# Offsets


def test_the_first_offset_is_behind_the_fixed_ones() -> None:
    assert layout(WEB, DB) == {"db:5432/tcp": 4, "web:80/tcp": 5}


def test_what_is_remembered_stays() -> None:
    assert layout(WEB, DB, memory={"web:80/tcp": 4}) == {"web:80/tcp": 4, "db:5432/tcp": 5}


def test_what_is_no_longer_in_the_file_is_remembered_all_the_same() -> None:
    assert layout(WEB, memory={"gone:1/tcp": 4}) == {"gone:1/tcp": 4, "web:80/tcp": 5}


def test_what_is_only_remembered_gives_way_when_the_block_is_full() -> None:
    memory = {"gone:1/tcp": 4, "web:80/tcp": 5}
    assert layout(WEB, DB, memory=memory, size=6) == {"web:80/tcp": 5, "db:5432/tcp": 4}


@pytest.mark.parametrize("offset", [-1, 0, 3, 100])
def test_a_remembered_offset_that_cannot_be_is_forgotten(offset: int) -> None:
    assert layout(WEB, memory={"web:80/tcp": offset}) == {"web:80/tcp": 4}


@pytest.mark.parametrize("variable", FIXED_PORT_VARIABLES)
def test_a_fixed_variable_s_port_has_that_variable_s_offset(variable: str) -> None:
    effects = moved_by(**{variable: ("web", 0)})
    offset = FIXED_PORT_VARIABLES.index(variable)
    expected = {"web:80/tcp": offset, "db:5432/tcp": 4}
    assert layout(WEB, DB, effects=effects) == expected
    assert layout(WEB, DB, effects=effects, memory={"web:80/tcp": 9}) == expected


BOTH_API = VariableEffects(
    {"API_PORT": (PortField("a", 0, "published"), PortField("b", 0, "published"))}, {}
)


def test_the_first_of_two_services_with_one_fixed_variable_gets_its_offset() -> None:
    a, b = service("a", ("8081", 80)), service("b", ("8081", 80))
    assert layout(a, b, effects=BOTH_API) == {"a:80/tcp": 3, "b:80/tcp": 4}


def test_a_service_that_joins_takes_no_fixed_offset_from_another() -> None:
    a, b = service("a", ("8081", 80)), service("b", ("8081", 80))
    memory = layout(b, effects=BOTH_API)
    assert layout(a, b, effects=BOTH_API, memory=memory) == {"b:80/tcp": 3, "a:80/tcp": 4}


RANGE = service("web", ("8000", 80), ("8001", 81), ("8002", 82))


def test_a_range_lies_side_by_side_and_in_order() -> None:
    assert layout(RANGE) == {"web:80/tcp": 4, "web:81/tcp": 5, "web:82/tcp": 6}


def test_a_range_passes_over_a_gap_that_is_too_small() -> None:
    memory = {"gone:1/tcp": 6}
    assert layout(RANGE, memory=memory) == memory | {
        "web:80/tcp": 7,
        "web:81/tcp": 8,
        "web:82/tcp": 9,
    }


def test_a_range_is_not_broken_by_what_lies_between_its_container_ports() -> None:
    web = service("web", ("8000", 80), ("8001", 81), ("9000", 80), ("9500", 81, "udp"))
    offsets = layout(web)
    assert offsets["web:81/tcp"] == offsets["web:80/tcp"] + 1


def test_two_ranges_whose_container_ports_interleave_are_both_side_by_side() -> None:
    web = service("web", ("8000", 80), ("9000", 80), ("8001", 81), ("9001", 81))
    assert layout(web) == {
        "web:80/tcp": 4,
        "web:81/tcp": 5,
        "web:80/tcp#2": 6,
        "web:81/tcp#2": 7,
    }


def test_a_range_that_fits_nowhere_in_one_piece_is_broken() -> None:
    memory = {"a:1/tcp": 6}
    a = service("a", ("1", 1))
    offsets = layout(a, RANGE, memory=memory, size=8)
    assert offsets == memory | {"web:80/tcp": 4, "web:81/tcp": 5, "web:82/tcp": 7}


@pytest.mark.parametrize(
    ("size", "wanted"), [(4, 1), (6, 3)], ids=["no room at all", "one too many"]
)
def test_too_many_ports_name_the_range_that_would_do(size: int, wanted: int) -> None:
    many = service("web", *((str(8000 + 2 * each), 80 + each) for each in range(wanted)))
    with pytest.raises(BlockTooSmallError) as told:
        layout(many, size=size)
    needed = wanted + FIRST_FREE_OFFSET
    assert told.value.details == {"needed_range": needed, "range_per_session": size}
    assert f"PORT_ALLOC_RANGE={needed}" in told.value.hint
    assert f"publishes {wanted} ports beside the 4 fixed ones" in told.value.message
    assert layout(many, size=needed) == {
        f"web:{80 + each}/tcp": FIRST_FREE_OFFSET + each for each in range(wanted)
    }


def test_ports_at_fixed_offsets_take_no_room() -> None:
    assert layout(WEB, effects=moved_by(API_PORT=("web", 0)), size=4) == {"web:80/tcp": 3}


# Promises

NAMES = ("a", "b", "c", "d")
numbers = st.sampled_from(["80", "81", "82", "8000", "8000-8010"])
entries = st.tuples(numbers, st.integers(80, 84), st.sampled_from(["tcp", "udp"]))
stacks = st.lists(st.sampled_from(NAMES), unique=True).flatmap(
    lambda names: st.tuples(
        *(
            st.builds(
                lambda name, ports: service(name, *ports),
                st.just(name),
                st.lists(entries, max_size=5),
            )
            for name in names
        )
    )
)
at = st.tuples(st.sampled_from(NAMES), st.integers(0, 4))
variables = st.dictionaries(
    st.sampled_from([*FIXED_PORT_VARIABLES, "WEB_PORT"]), st.lists(at, max_size=3), max_size=3
)


@st.composite
def effects_of_variables(draw: st.DrawFn) -> VariableEffects:
    """Draw variables that move host ports; no field has two."""
    slots: dict[str, tuple[PortField, ...]] = {}
    used: set[tuple[str, int]] = set()
    for name, places in draw(variables).items():
        mine = dict.fromkeys(place for place in places if place not in used)
        used.update(mine)
        slots[name] = tuple(PortField(*place, "published") for place in mine)
    return VariableEffects(slots, {})


keys = st.builds("{}:{}/tcp".format, st.sampled_from((*NAMES, "gone")), st.integers(80, 84))
memories = st.dictionaries(keys, st.integers(0, 40)).map(
    lambda memory: {
        key: offset for offset, key in {offset: key for key, offset in memory.items()}.items()
    }
)


@given(stacks, effects_of_variables(), memories, st.integers(4, 40))
def test_offsets_never_collide_and_stay_in_the_block(
    stack: tuple[Service, ...], effects: VariableEffects, memory: dict[str, int], size: int
) -> None:
    groups = groups_of(entries_of(Project(stack), effects))
    try:
        offsets = assign(groups, memory, size)
    except BlockTooSmallError:
        fixed = {group.variable for group in groups} & set(FIXED_PORT_VARIABLES)
        assert len(groups) - len(fixed) > size - FIRST_FREE_OFFSET
        return
    assert len(set(offsets.values())) == len(offsets)
    assert all(0 <= offset < size for offset in offsets.values())
    assert {group.key for group in groups} <= set(offsets)
    for group in groups:
        if offsets[group.key] < FIRST_FREE_OFFSET:
            assert group.variable == FIXED_PORT_VARIABLES[offsets[group.key]]


@given(stacks, stacks, effects_of_variables())
def test_a_service_that_joins_moves_nobody(
    stack: tuple[Service, ...], joining: tuple[Service, ...], effects: VariableEffects
) -> None:
    new = tuple(each for each in joining if each.name not in {old.name for old in stack})
    before = layout(*stack, effects=effects)
    after = layout(*new, *stack, effects=effects, memory=before)
    assert before.items() <= after.items()


@given(stacks, stacks, effects_of_variables())
def test_a_service_that_leaves_and_comes_back_has_its_ports_again(
    stack: tuple[Service, ...], others: tuple[Service, ...], effects: VariableEffects
) -> None:
    without_fixed = effects._replace(
        port_fields={"WEB_PORT": effects.port_fields.get("WEB_PORT", ())}
    )
    before = layout(*stack, effects=without_fixed)
    while_running = layout(*others, effects=without_fixed, memory=before)
    assert before.items() <= layout(*stack, effects=without_fixed, memory=while_running).items()


@given(stacks.flatmap(lambda stack: st.tuples(st.just(stack), st.permutations(stack))))
def test_the_order_of_the_file_s_services_moves_nobody(
    both: tuple[tuple[Service, ...], list[Service]],
) -> None:
    stack, shuffled = both
    assert layout(*stack) == layout(*shuffled)


@given(stacks, effects_of_variables())
def test_the_same_file_again_has_the_same_offsets(
    stack: tuple[Service, ...], effects: VariableEffects
) -> None:
    offsets = layout(*stack, effects=effects)
    assert layout(*stack, effects=effects, memory=offsets) == offsets


@given(st.integers(1, 20), st.sets(st.integers(4, 60), max_size=10))
def test_a_range_is_side_by_side_wherever_there_is_room(length: int, used: set[int]) -> None:
    ports = ((str(8000 + each), 80 + each) for each in range(length))
    memory = {f"other:{offset}/tcp": offset for offset in used}
    offsets = layout(service("web", *ports), memory=memory)
    mine = [offsets[f"web:{80 + each}/tcp"] for each in range(length)]
    assert mine == list(range(mine[0], mine[0] + length))
