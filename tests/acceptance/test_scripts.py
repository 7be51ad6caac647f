"""`compose-up` and `compose-down`; and the engines that scripts/engine.py starts."""

import os
import sys
from pathlib import Path

import pytest

from devkit import cache
from tests.harness.engine import Engine
from tests.harness.private_engine import exports_of
from tests.harness.program import OUTSIDE, ROOT, output
from tests.harness.repository import stack
from tests.harness.session import MakeRepository

pytestmark = pytest.mark.e2e

CACHE = cache.root()
# A machine whose /etc has the key that an engine left there before; engines since 23 have none.
USED_MACHINE = """
mkdir -p "$0/upper/docker" "$0/work"
[ ! -e "$1" ] || cp "$1" "$0/upper/docker/key.json"
mount -t overlay -o "lowerdir=/etc,upperdir=$0/upper,workdir=$0/work" overlay /etc
shift
exec "$@"
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts engines")
def test_engines_have_ids_of_their_own_on_a_machine_that_had_one_before(tmp_path: Path) -> None:
    engine("start", "first", "--netns")
    try:
        first = engine_id("first")
        left = CACHE / "engines/ids-first/private/etc/upper/docker/key.json"
        used = ("unshare", "--mount", "sh", "-euc", USED_MACHINE, str(tmp_path), str(left))
        engine("start", "second", "--netns", machine=used)
        assert engine_id("second") != first
        engine("stop", "first", "--keep")
        engine("start", "first", "--netns")
        assert engine_id("first") == first
    finally:
        engine("stop", "first")
        engine("stop", "second")


def engine(verb: str, name: str, *options: str, machine: tuple[str, ...] = ()) -> str:
    """Run scripts/engine.py, which must succeed, with a command prefix that sets up a machine."""
    argv = (*machine, sys.executable, str(ROOT / "scripts/engine.py"), verb, *options)
    return output(*argv, "--name", f"ids-{name}", environ=OUTSIDE)


def engine_id(name: str) -> str:
    """Return what an engine says that its id is."""
    return str(Engine.of(exports_of(f"ids-{name}")).get("/info")["ID"])


def test_compose_up_and_compose_down_do_the_same(make_repository: MakeRepository) -> None:
    file = stack({"web": {"ports": ["8080:80"]}, "tool": {"ports": ["80:80"], "profiles": ["t"]}})
    one = make_repository({"deploy.yaml": file}).worktree("one")
    planned = one.json("-f", "deploy.yaml", "plan")
    started = one.shell("compose-up -f deploy.yaml --profile t --wait --json")
    document = started.document
    assert {name: document[name] for name in ("ok", *planned)} == {"ok": True, **planned}
    assert [each["name"] for each in document["services"]] == ["tool", "web"]
    one.known_project = planned["compose_project_name"]
    assert set(one.ids()) == {"web-1", "tool-1"}
    stopped = one.shell("compose-down -v -t 0")
    assert stopped.code == 0
    assert one.resources_of() == []
    assert one.json("status") == []


def test_their_help_is_that_of_the_command(make_repository: MakeRepository) -> None:
    here = make_repository({"compose.yaml": stack({"web": {}})}).main
    assert here.shell("compose-up --help").out == here.ok("up", "--help")
    assert here.shell("compose-down --help").out == here.ok("down", "--help")
