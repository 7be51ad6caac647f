"""`gc` removes everything of ended sessions; it keeps what is in use, uncertain or foreign."""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.harness.engine import PROJECT_LABEL, docker, engine
from tests.harness.program import kill_group
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.store import change_store, expire_leases, rows
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

DB = {"ports": ["5432:80"], "volumes": ["data:/data"]}
SHOP = {"compose.yaml": stack({"web": {"ports": ["8080:80"]}, "db": DB}, volumes={"data": {}})}
WEB_BUILT = {"build": ".", "image": "shop/web:1", "ports": ["8080:80"]}
SHOP_BUILT = {
    "compose.yaml": stack({"web": WEB_BUILT, "db": DB}, volumes={"data": {}}),
    "Dockerfile": f"FROM {TINY}\n",
}


def _deleted(repository: Repository, session: Session) -> None:
    del repository
    shutil.rmtree(session.directory)


def _removed(repository: Repository, session: Session) -> None:
    repository.git("worktree", "remove", "--force", str(session.directory))


ENDS = pytest.mark.parametrize("end", [_removed, _deleted])
End = Callable[[Repository, Session], None]


@pytest.fixture
def shop(make_repository: MakeRepository) -> Repository:
    return make_repository(SHOP)


def _images(project: str) -> list[str]:
    return [
        name
        for name in docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").split()
        if project in name
    ]


def _everything(project: str) -> list[str]:
    return [*engine().resources(project), *(f"image {name}" for name in _images(project))]


def _started(repository: Repository, name: str) -> tuple[Session, str]:
    session = repository.worktree(name)
    session.ok("up")
    return session, session.project


def _known(session: Session) -> list[str]:
    return sorted(row.project for row in rows(session.state))


def _leased(session: Session) -> list[str]:
    return [str(row["compose_project_name"]) for row in session.json("status")]


def _only(found: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    (one,) = found
    result: dict[str, Any] = one
    return result


@ENDS
def test_a_running_stack_of_a_gone_worktree_goes_and_its_volumes_stay_until_they_are_named(
    shop: Repository, end: End
) -> None:
    one, project = _started(shop, "one")
    two, other = _started(shop, "two")
    ids = two.ids()
    end(shop, one)
    cleaned = _only(shop.main.json("gc"))
    assert cleaned == {
        "session_id": cleaned["session_id"],
        "name": "one",
        "compose_project_name": project,
        "worktree": str(one.directory),
        "why": "worktree_gone",
        "removed": {
            "containers": [f"{project}-db-1", f"{project}-web-1"],
            "networks": [f"{project}_default"],
            "images": [],
            "volumes": [],
        },
        "left_volumes": [f"{project}_data"],
        "released": True,
        "left": [],
    }
    assert _everything(project) == [f"volume {project}_data"]
    assert (_leased(shop.main), two.ids()) == ([other], ids)
    again = shop.main.ok("gc")
    assert f"docker volume rm {project}_data" in again
    assert _only(shop.main.json("gc", "--volumes"))["removed"]["volumes"] == [f"{project}_data"]
    assert _everything(project) == []
    assert _known(shop.main) == [other]
    assert two.ids() == ids


@pytest.fixture
def built(make_repository: MakeRepository) -> Iterator[tuple[Repository, Session]]:
    """Yield a started worktree whose image was built; no image is left."""
    repository = make_repository(SHOP_BUILT)
    one, project = _started(repository, "one")
    docker("image", "tag", f"shop/web:1-{project}", "shop/kept:1")
    docker("image", "tag", TINY, f"shop/lent:1-{project}")
    yield repository, one
    for image in [*_images(project), "shop/kept:1"]:
        docker("image", "rm", image)


def test_images_that_were_built_for_the_session_alone_go(
    built: tuple[Repository, Session],
) -> None:
    repository, one = built
    project = one.project
    _removed(repository, one)
    cleaned = _only(repository.main.json("gc", "--volumes"))
    assert cleaned["removed"]["images"] == [f"shop/web:1-{project}"]
    # What a person tagged, or did not build by Compose, is theirs.
    assert _images("shop/kept") == ["shop/kept:1"]
    assert _everything(project) == [f"image shop/lent:1-{project}"]


def test_the_command_that_is_shown_removes_the_volumes(shop: Repository) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    shown = shop.main.ok("gc")
    docker(*shown.partition("this removes them: docker ")[2].split())
    assert _everything(project) == []
    done = shop.main.run("gc")
    assert (done.code, done.out, done.err) == (0, "", "nothing to clean\n")
    assert _known(shop.main) == []


def test_a_dry_run_shows_what_a_run_does_and_changes_nothing(shop: Repository) -> None:
    one, project = _started(shop, "one")
    two, other = _started(shop, "two")
    two.ok("stop")
    expire_leases(shop.main.state)
    _removed(shop, one)
    before = (_everything(project), _everything(other), shop.main.json("status"))
    state = shop.main.state
    files = sorted(state.rglob("*"))
    shown = shop.main.ok("gc", "--dry-run", "--volumes")
    listed = shop.main.json("gc", "--dry-run", "--volumes")
    assert (_everything(project), _everything(other), shop.main.json("status")) == before
    assert sorted(state.rglob("*")) == files
    assert len(listed) == 2
    # One half shows it in words, since a second run would find nothing.
    assert shop.main.ok("gc", "--volumes") == shown
    assert _everything(project) == []
    assert _everything(other) == [f"volume {other}_data"]


def test_json_of_a_dry_run_is_that_of_the_run(shop: Repository) -> None:
    one, _ = _started(shop, "one")
    _deleted(shop, one)
    assert shop.main.json("gc", "--dry-run") == shop.main.json("gc")


def test_a_worktree_below_a_missing_folder_is_kept(shop: Repository) -> None:
    one = shop.worktree("trees/one")
    one.ok("up", "db")
    project, ids = one.project, one.ids()
    (one.directory.parent).rename(one.directory.parent.with_name("unmounted"))
    done = shop.main.run("gc")
    assert (done.code, done.out) == (0, "")
    assert "may not be mounted" in done.err
    assert one.ids() == ids
    assert _leased(shop.main) == [project]


def test_a_sub_folder_that_is_not_on_this_branch_is_kept(make_repository: MakeRepository) -> None:
    repository = make_repository({"app/compose.yaml": stack({"db": {"ports": ["5432:80"]}})})
    top = repository.worktree("one")
    app = Session(top.directory / "app", top.environ)
    app.ok("up")
    ids = app.ids()
    shutil.rmtree(app.directory)
    done = repository.main.run("gc")
    assert (done.code, done.out) == (0, "")
    assert "maybe since another branch is checked out" in done.err
    assert app.ids() == ids


def test_an_expired_lease_with_nothing_running_goes_and_its_volumes_wait_for_it(
    shop: Repository,
) -> None:
    one, project = _started(shop, "one")
    ports = one.row["ports"]
    one.ok("stop")
    expire_leases(one.state)
    cleaned = _only(one.json("gc", "--volumes"))
    assert (cleaned["why"], cleaned["released"]) == ("expired", True)
    assert cleaned["left_volumes"] == [f"{project}_data"]
    assert _everything(project) == [f"volume {project}_data"]
    assert _leased(one) == []
    assert not (one.directory / ".composeports").exists()
    one.ok("up")
    assert one.row["ports"] == ports


def test_an_expired_lease_is_kept_while_anything_of_it_runs(shop: Repository) -> None:
    one, project = _started(shop, "one")
    one.ok("stop", "web")
    expire_leases(one.state)
    ids = one.ids()
    done = one.run("gc")
    assert (done.code, done.out) == (0, "")
    assert one.ids() == ids
    assert one.row["compose_project_name"] == project
    assert (one.row["expired"], one.row["kept_by"]) == (True, "containers")
    assert "expired, kept by its containers" in one.ok("status")


def test_a_lease_of_another_session_by_name_goes_when_it_has_expired(shop: Repository) -> None:
    shop.main.ok("allocate", "--session", "nightly")
    assert shop.main.json("gc") == []
    expire_leases(shop.main.state)
    assert "expired" in shop.main.ok("status")
    assert _only(shop.main.json("gc"))["session_id"] == "nightly"
    assert _leased(shop.main) == []


def test_what_a_released_session_has_left_goes_where_nothing_of_it_runs(shop: Repository) -> None:
    one, project = _started(shop, "one")
    change_store(one.state, "UPDATE leases SET held = 0")
    done = one.run("gc")
    assert (done.code, done.out) == (0, "")
    assert "holds no lease" in done.err
    assert len(one.containers("running")) == 2
    one.compose("--project-name", project, "stop")
    assert _only(one.json("gc"))["why"] == "left_behind"
    assert _everything(project) == [f"volume {project}_data"]


def test_an_engine_that_is_away_says_nothing_about_what_runs(shop: Repository) -> None:
    one, project = _started(shop, "one")
    expire_leases(one.state)
    _removed(shop, one)
    before = (_everything(project), shop.main.json("status"))
    for extra in ([], ["--dry-run"], ["--volumes"]):
        done = shop.main.run("gc", *extra, DOCKER_HOST="unix:///nowhere.sock")
        assert (done.code, done.out) == (69, "")
    assert (_everything(project), shop.main.json("status")) == before


@contextmanager
def _stranger(*arguments: str) -> Iterator[str]:
    identity = docker("run", "--detach", *arguments, TINY).strip()
    try:
        yield identity
    finally:
        docker("rm", "--force", identity)


def test_what_would_not_go_is_told_and_the_next_gc_finishes(shop: Repository) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    with _stranger("--network", f"{project}_default") as stranger:
        done = shop.main.run("gc")
        assert done.code == 75
        assert f"still there: network {project}_default: " in done.err
        assert _everything(project) == [f"network {project}_default", f"volume {project}_data"]
        assert _leased(shop.main) == [project]
        assert stranger in docker("ps", "--quiet", "--no-trunc")
    shop.main.ok("gc", "--volumes")
    assert _everything(project) == []
    assert _known(shop.main) == []


def test_a_volume_that_somebody_uses_stays(shop: Repository) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    with _stranger("--volume", f"{project}_data:/data"):
        assert shop.main.run("gc", "--volumes").code == 75
        assert _everything(project) == [f"volume {project}_data"]
    shop.main.ok("gc", "--volumes")
    assert _everything(project) == []


def test_containers_of_somebody_elses_project_of_the_same_name_stay(shop: Repository) -> None:
    one = shop.worktree("one")
    one.ok("allocate")
    project = one.project
    labels = {PROJECT_LABEL: project, f"{PROJECT_LABEL}.working_dir": "/elsewhere"}
    words = [word for pair in labels.items() for word in ("--label", "=".join(pair))]
    with _stranger(*words) as stranger:
        _removed(shop, one)
        done = shop.main.run("gc")
        assert (done.code, done.out) == (0, "")
        assert "started by another session or program" in done.err
        assert stranger in docker("ps", "--quiet", "--no-trunc")


def test_a_session_that_somebody_is_at_work_on_is_kept(shop: Repository) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    ids = one.ids()
    locks = shop.main.state / "locks"
    with (locks / project).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for extra in ([], ["--dry-run"]):
            done = shop.main.run("gc", *extra)
            assert (done.code, done.out) == (0, "")
            assert "another command is using it" in done.err
        assert one.ids() == ids
    shop.main.ok("gc", "--volumes")
    assert _everything(project) == []


@pytest.mark.parametrize("steps", range(1, 4))
def test_killed_at_any_instant_the_next_gc_finishes(shop: Repository, steps: int) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    whole = len(_everything(project))
    process = shop.main.start("gc", "--volumes", start_new_session=True)
    try:
        wait_until(lambda: len(_everything(project)) <= whole - steps, "some of it is gone")
    finally:
        kill_group(process)
    shop.main.ok("gc", "--volumes")
    assert _everything(project) == []
    assert _known(shop.main) == []
    assert shop.main.run("gc").err == "nothing to clean\n"


def test_a_copy_of_volumes_that_was_killed_is_undone_and_its_source_goes_on(
    shop: Repository,
) -> None:
    one, project = _started(shop, "one")
    two = shop.worktree("two")
    two.ok("up", "db")
    label = "composeports.seed=0123456789abcdef"
    own = f"{PROJECT_LABEL}={project}"
    docker("volume", "create", "--label", label, "--label", own, f"{project}_half")
    docker("pause", *two.ids().values())
    begun = {
        "token": "0123456789abcdef",
        "session": two.row["session_id"],
        "project": two.project,
        "paused": list(two.ids().values()),
    }
    records = shop.main.state / "seeding"
    records.mkdir(exist_ok=True)
    (records / project).write_text(f"{json.dumps(begun)}\n")
    _removed(shop, one)
    cleaned = _only(shop.main.json("gc"))
    assert cleaned["left_volumes"] == [f"{project}_data"]
    assert list(two.containers("running")) == ["db-1"]
    assert list(records.iterdir()) == []
    shop.main.ok("gc", "--volumes")
    assert _everything(project) == []


# What `up` does by the way


def test_up_releases_what_is_gone_and_had_no_stack(shop: Repository) -> None:
    one, two = shop.worktree("one"), shop.worktree("two")
    one.ok("allocate")
    _deleted(shop, one)
    two.ok("up", "db")
    assert _leased(two) == [two.project]


def test_up_tells_of_containers_whose_worktree_is_gone_and_leaves_them(shop: Repository) -> None:
    one, project = _started(shop, "one")
    _removed(shop, one)
    ids = one.ids()
    two = shop.worktree("two")
    done = two.must_run("up", "db")
    assert "2 containers left: `composeports gc` cleans up" in done.err
    assert one.ids() == ids
    assert project in _leased(two)


def test_where_all_ports_are_held_a_gone_worktree_makes_room(shop: Repository) -> None:
    one, two, three = map(shop.worktree, ("one", "two", "three"))
    few = {"PORT_ALLOC_MAX_SESSIONS": "2"}
    one.ok("allocate", **few)
    two.ok("up", "db", **few)
    _deleted(shop, one)
    three.ok("up", "db", **few)
    assert sorted(_leased(three)) == sorted([two.project, three.project])
    _deleted(shop, two)
    done = shop.main.run("up", "db", **few)
    assert done.code == 75
    assert "hint: `composeports gc` takes the ports of worktrees that are gone" in done.err
    shop.main.ok("gc", **few)
    shop.main.ok("allocate", **few)


@pytest.mark.parametrize("kind", ["submodule", "clone"])
@ENDS
def test_the_stack_of_a_checkout_in_a_gone_worktree_goes_too(
    shop: Repository, end: End, kind: str
) -> None:
    one = shop.worktree("one")
    words = ("-c", "protocol.file.allow=always", "-C", str(one.directory))
    source = str(shop.main.directory)
    if kind == "submodule":
        shop.git(*words, "submodule", "--quiet", "add", source, "lib")
    else:
        shop.git(*words, "clone", "--quiet", source, "lib")
    inner = Session(one.directory / "lib", one.environ)
    inner.ok("up")
    project = inner.project
    end(shop, one)
    assert _only(shop.main.json("gc", "--volumes"))["compose_project_name"] == project
    assert _everything(project) == []
    assert _leased(shop.main) == []
