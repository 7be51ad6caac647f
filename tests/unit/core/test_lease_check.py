"""Which records of a store are valid; forged records of real stores are in tests/integration."""

from typing import Any

import pytest

from composeports.core.engine_traits import EngineTraits
from composeports.core.labels import STACK, Mark, Tags
from composeports.core.lease import ComposeInvocation, Lease, WorktreeLocation
from composeports.core.lease_check import UnsoundError, check_lease
from composeports.core.ports import PortBlock
from composeports.core.service_state import ServiceState
from composeports.core.session import project_name

SOUND = Lease(
    "s",
    PortBlock(10000, 4),
    project_name("s"),
    0,
    1.5,
    offsets={"web:80/tcp": 0},
    ports={"web:80/tcp": 10000, "db:5432/tcp": 65535},
    urls={"web:80/tcp": "https://[::1]:10000", "db:5432/tcp": "localhost:5432"},
    pins={"web:1/tcp": 1},
    subnets={"net#0": "fd00::/64"},
    environment=(("WEB_PORT", "a\nb"),),
    place=WorktreeLocation("/w", "", "/w/app", "topic"),
    stack=ComposeInvocation(("/w/a\nb.yaml",), ("/w/.env",), ("dev",)),
    marks={"volume:data": Mark("store", "s")},
    standings={"web": ServiceState("shop-web", ("shop_default",))},
    former_stores=("store",),
    name="shop-2",
    tags={STACK: Tags("shop-2", "topic", "/w"), "volume:data": Tags()},
    unused=True,
)
UNSOUND: list[tuple[str, dict[str, Any]]] = [
    ("session_id", {"session_id": ""}),
    ("session_id", {"session_id": 7}),
    ("project", {"project": project_name("t")}),
    ("project", {"project": 7}),
    ("project", {"project": "-" + project_name("s")}),
    ("project", {"project": project_name("s").partition("-")[2]}),
    ("block", {"block": PortBlock(0, 4)}),
    ("block", {"block": PortBlock(65533, 4)}),
    ("block", {"block": PortBlock(10000, 3)}),
    ("block", {"block": PortBlock("10000", 4)}),  # type: ignore[arg-type]
    ("block", {"block": PortBlock(10000, True)}),
    ("allocated_at", {"allocated_at": float("nan")}),
    ("expires_at", {"expires_at": "later"}),
    ("ttl_minutes", {"ttl_minutes": 0}),
    ("engine", {"engine": "a\nb"}),
    ("engine", {"traits": EngineTraits(name="a\nb")}),
    ("host", {"host": "a/b"}),
    ("host", {"host": None}),
    ("offsets", {"offsets": {"web:80/tcp": 1.5}}),
    ("ports", {"ports": {"web\0": 80}}),
    ("pins", {"pins": {"web:80/tcp": 65536}}),
    ("urls", {"urls": {"web:80/tcp": "file://a:1"}}),
    ("urls", {"urls": {"web:80/tcp": "http://a"}}),
    ("urls", {"urls": {"web:80/tcp": "http://a:70000"}}),
    ("urls", {"urls": {"web:80/tcp": "http://a b:1"}}),
    ("subnets", {"subnets": {"net#0": "10.0.0.0/99"}}),
    ("environment", {"environment": (("LD_PRELOAD", "x"),)}),
    ("environment", {"environment": (("A-B", "x"),)}),
    ("environment", {"environment": (("A", "\0"),)}),
    ("marks", {"marks": {"volume:data": Mark("a\r", "s")}}),
    ("standings", {"standings": {"web\0": ServiceState()}}),
    ("standings", {"standings": {"web": ServiceState(networks=("a\0",))}}),
    ("former_stores", {"former_stores": ("a\n",)}),
    ("name", {"name": "Shop"}),
    ("name", {"name": "a\nb"}),
    ("name", {"name": 7}),
    ("tags", {"tags": {"a\0": Tags("x")}}),
    ("tags", {"tags": {"a": Tags("x", "a\nb")}}),
    ("tags", {"tags": {"a": Tags("x", worktree=7)}}),  # type: ignore[arg-type]
    ("place.worktree", {"place": WorktreeLocation("w")}),
    ("place.git_dir", {"place": WorktreeLocation("/w", "w")}),
    ("place.directory", {"place": WorktreeLocation("/w", "", "/\0")}),
    ("place.branch", {"place": WorktreeLocation("/w", "", "", "a\nb")}),
    ("place.machine", {"place": WorktreeLocation("/w", "", "", "", "a\nb")}),
    ("place.named_by", {"place": WorktreeLocation("/w", "", "", named_by="w")}),
    ("stack.files", {"stack": ComposeInvocation(("a",))}),
    ("stack.env_files", {"stack": ComposeInvocation((), ("a",))}),
    ("stack.profiles", {"stack": ComposeInvocation((), (), ("\0",))}),
    ("stack", {"stack": ComposeInvocation(overridden=1)}),  # type: ignore[arg-type]
    ("unused", {"unused": 1}),
    ("unused", {"unused": "true"}),
]


def test_what_composeports_writes_is_sound() -> None:
    check_lease(SOUND)
    check_lease(SOUND._replace(marks=None, place=WorktreeLocation(), name=""))


@pytest.mark.parametrize(("field", "changed"), UNSOUND)
def test_the_field_that_is_not_sound_is_named(field: str, changed: dict[str, Any]) -> None:
    with pytest.raises(UnsoundError) as error:
        check_lease(SOUND._replace(**changed))
    assert error.value.field == field
    assert str(error.value) == f"{field}: {error.value.reason}"


@pytest.mark.parametrize(
    ("session_id", "named_as", "machine_of_place", "machine", "sound"),
    [
        ("m:/r", "/r", "m", "", True),
        ("m:/r", "/r", "n", "", False),
        ("/r", "m:/r", "", "m", True),
        ("/r", "m:/r", "", "", False),
        ("/r", "m:/r", "n", "m", False),
    ],
)
def test_a_session_that_moved_between_stores_keeps_its_name(
    session_id: str, named_as: str, machine_of_place: str, machine: str, *, sound: bool
) -> None:
    place = WorktreeLocation("/r", "", "/r", "", machine_of_place)
    lease = SOUND._replace(session_id=session_id, project=project_name(named_as), place=place)
    if sound:
        check_lease(lease, machine)
        return
    with pytest.raises(UnsoundError, match="project"):
        check_lease(lease, machine)
