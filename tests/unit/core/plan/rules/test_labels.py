"""The labels by which `down` and `gc` recognise the session's resources."""

from collections.abc import Mapping

import pytest

from composeports.core.compose_reader import read_project
from composeports.core.labels import STACK, UNMARKED, UNTAGGED, Mark, Tags
from composeports.core.lease import Lease
from composeports.core.plan.plan import ObservedConfig, make_plan
from composeports.core.ports import PortBlock
from composeports.core.settings import Settings

CONFIG = {
    "name": "ac-1",
    "services": {"web": {"image": "x"}},
    "networks": {"default": {"name": "ac-1_default"}, "edge": {"name": "edge", "external": True}},
    "volumes": {"data": {"name": "ac-1_data"}, "models": {"name": "models"}},
}
OWN = {"io.composeports.store": "id", "io.composeports.session": "a$$b"}
OLD = {"io.composeports.store": "old", "io.composeports.session": "s"}


def labels(
    marks: Mapping[str, Mark] | None,
    store: str = "id",
    settings: Settings | None = None,
    tags: Mapping[str, Tags] | None = None,
) -> dict[str, object]:
    block = PortBlock(10000, 100)
    lease = Lease("a$b", block, "ac-1", 0, 0, marks=marks, tags=tags, store=store)
    override = make_plan(ObservedConfig(read_project(CONFIG)), lease, settings).override
    found: dict[str, object] = {}
    for section, nodes in override.items():
        assert isinstance(nodes, Mapping)
        for key, node in nodes.items():
            if "labels" in node:
                found[f"{section}.{key}"] = node["labels"]
    return found


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (None, {}),
        ({}, {"volumes.data": OWN, "volumes.models": OWN, "networks.default": OWN}),
        (
            {"volume:data": UNMARKED, "network:default": Mark("old", "s")},
            {"volumes.models": OWN, "networks.default": OLD},
        ),
    ],
)
def test_what_is_there_keeps_its_labels_and_what_is_new_gets_the_session_s(
    marks: Mapping[str, Mark] | None, expected: dict[str, object]
) -> None:
    assert labels(marks) == {"services.web": OWN, **expected}


NAMED = {"io.composeports.name": "shop", "io.composeports.branch": "cost$$5"}


def test_the_labels_for_people_are_those_of_the_lease() -> None:
    tags = {STACK: Tags("shop", "cost$5"), "volume:data": UNTAGGED, "network:edge": UNTAGGED}
    assert labels({}, tags=tags) == {
        "services.web": {**OWN, **NAMED},
        "volumes.data": OWN,
        "volumes.models": {**OWN, **NAMED},
        "networks.default": {**OWN, **NAMED},
    }


def test_what_has_no_labels_gets_none_for_people_either() -> None:
    marks = {"volume:data": UNMARKED, "volume:models": UNMARKED, "network:default": UNMARKED}
    assert set(labels(marks, tags={STACK: Tags("shop")})) == {"services.web"}
    assert set(labels({}, store="", tags={STACK: Tags("shop")})) == set()


def test_what_is_shared_on_purpose_gets_none() -> None:
    shared = Settings(isolate_volumes=False)
    assert set(labels({}, settings=shared)) == {"services.web", "volumes.data", "networks.default"}


def test_without_a_store_there_are_no_labels() -> None:
    assert labels({}, store="") == {}


@pytest.mark.parametrize(
    ("marks", "store", "former", "told"),
    [
        ({"volume:data": Mark("other", "a$b")}, "id", (), ["ac-1_data"]),
        ({"volume:data": Mark("other", "a$b")}, "id", ("other",), []),
        ({"volume:data": Mark("id", "a$b")}, "id", (), []),
        ({"volume:data": UNMARKED}, "id", (), []),
        ({"network:default": Mark("other", "a$b")}, "id", (), []),
        ({"volume:data": Mark("other", "a$b")}, "", (), []),
        ({}, "id", (), []),
        (None, "id", (), []),
    ],
)
def test_data_of_another_store_s_session_are_told(
    marks: Mapping[str, Mark] | None, store: str, former: tuple[str, ...], told: list[str]
) -> None:
    block = PortBlock(10000, 100)
    lease = Lease("a$b", block, "ac-1", 0, 0, marks=marks, store=store, former_stores=former)
    config = {**CONFIG, "networks": {}}
    warnings = make_plan(ObservedConfig(read_project(config)), lease).warnings
    assert [text.partition(":")[0] for text in warnings] == told
    assert all("--adopt" in text and "--as-new" in text for text in warnings)
