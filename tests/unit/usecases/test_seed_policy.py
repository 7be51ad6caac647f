"""Seeding: which session `--seed-from` means, and which volumes fill which. Tables of cases."""

from collections.abc import Mapping

import pytest

from composeports.core.compose_project import Project, Volume
from composeports.core.compose_reader import read_project
from composeports.core.engine_resources import EngineVolume
from composeports.core.lease import Lease, WorktreeLocation
from composeports.core.ports import PortBlock
from composeports.errors import UsageError
from composeports.usecases.seed.policy import (
    SeedCandidate,
    SeedQuery,
    SeedSource,
    choose,
    find_source,
    labels_of,
    plain_source,
    shown_bytes,
    volume_names,
)

SHOP = "/shop/.git"


def known(
    worktree: str, branch: str, *, below: str = "", name: str = "", repository: str = SHOP
) -> SeedCandidate:
    """Return a session of a worktree; the main checkout is the one at `/shop`."""
    main = repository.removesuffix("/.git")
    git_dir = repository if worktree == main else f"{repository}/worktrees/{branch}"
    directory = f"{worktree}/{below}".rstrip("/")
    session = name or (f"{git_dir}#{below}" if below else git_dir)
    place = WorktreeLocation(worktree, git_dir, directory, branch)
    project = f"ac-{name or branch}{below}"
    return SeedCandidate(
        Lease(session, PortBlock(10000, 10), project, 0, 60, place=place), repository, branch
    )


MAIN = known("/shop", "trunk")
LOGIN = known("/login", "login")
SEARCH = known("/shop/.worktrees/search", "search")
NAMED = known("/login", "login", name="my-tests")
OTHER = known("/blog", "login", repository="/blog/.git")
OWN = known("/own", "own")
ALL = (MAIN, LOGIN, SEARCH, NAMED, OTHER, OWN)


def meant(
    text: str,
    path: str = "",
    git_dir: str = "",
    *,
    own: SeedCandidate = OWN,
    among: tuple[SeedCandidate, ...] = ALL,
) -> str:
    return find_source(SeedQuery(text, path, git_dir), own, among).session_id


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("/shop/.git",), MAIN),
        (("my-tests",), NAMED),
        (("ac-search",), SEARCH),
        (("main",), MAIN),
        (("login",), LOGIN),
        (("/login/src", "/login/src", f"{SHOP}/worktrees/login"), LOGIN),
        (("../shop", "/shop", SHOP), MAIN),
        (("here", "/shop/.worktrees/search/web", f"{SHOP}/worktrees/search"), SEARCH),
        (("../blog", "/blog", "/blog/.git"), OTHER),
        (("shop",), MAIN),
        (("sear",), SEARCH),
        (("trun",), MAIN),
        (("logi",), LOGIN),
    ],
    ids=lambda case: case[0] if isinstance(case, tuple) else case.lease.project,
)
def test_a_session_is_found_by(wanted: tuple[str, ...], found: SeedCandidate) -> None:
    assert meant(*wanted) == found.lease.session_id


def test_the_name_of_a_folder_comes_before_a_part_of_a_name() -> None:
    auth, other = known("/wt/auth", "feature/login"), known("/wt/auth-2", "fix/auth")
    among = (auth, other, OWN)
    assert meant("auth", among=among) == auth.lease.session_id
    assert meant("auth-", among=among) == other.lease.session_id
    assert meant("feature", among=among) == auth.lease.session_id
    with pytest.raises(UsageError, match="several"):
        meant("aut", among=among)
    with pytest.raises(UsageError, match="no such session is known"):
        meant("aut", "/plain/aut", among=among)


def test_a_part_of_a_name_of_another_repository_names_no_session() -> None:
    with pytest.raises(UsageError, match="no such session is known"):
        meant("blo")


def test_the_readable_name_of_any_session_is_enough() -> None:
    assert meant("blog") == OTHER.lease.session_id
    lease = LOGIN.lease._replace(name="shop-2")
    numbered = SeedCandidate(lease, SHOP, "login")
    assert meant("shop-2", among=(MAIN, numbered, OWN)) == lease.session_id
    assert meant("p-2", among=(MAIN, numbered, OWN)) == lease.session_id


def test_main_is_a_branch_where_the_main_checkout_has_no_session() -> None:
    elsewhere = known("/elsewhere", "main")
    assert meant("main", among=(LOGIN, elsewhere)) == elsewhere.lease.session_id
    assert meant("main", among=(MAIN, elsewhere)) == MAIN.lease.session_id


def test_outside_of_git_the_folder_is_the_session() -> None:
    place = WorktreeLocation("/plain", "", "/plain", "")
    plain = SeedCandidate(Lease("/plain", PortBlock(10000, 10), "ac-plain", 0, 60, place=place))
    assert meant("sub", "/plain/sub", among=(plain, MAIN)) == "/plain"


def test_of_several_stacks_in_one_worktree_the_one_in_our_sub_folder_is_meant() -> None:
    one, two = known("/login", "login", below="one"), known("/login", "login", below="two")
    own = known("/own", "own", below="two")
    assert meant("login", own=own, among=(one, two, own)) == two.lease.session_id
    git_dir = one.lease.place.git_dir
    inner = meant("x", "/login/one/src", git_dir, own=own, among=(one, two, own))
    assert inner == one.lease.session_id


def test_a_worktree_inside_another_that_nobody_knows_is_not_the_outer_one() -> None:
    with pytest.raises(UsageError, match="no such session is known"):
        meant("x", "/shop/.worktrees/new", f"{SHOP}/worktrees/new")


@pytest.mark.parametrize("text", ["own", "ac-own", f"{SHOP}/worktrees/own"])
def test_a_session_cannot_be_filled_from_itself(text: str) -> None:
    with pytest.raises(UsageError, match="is this session itself"):
        meant(text)


def test_an_unknown_session_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="seed nix: no such session is known") as caught:
        meant("nix", among=(OTHER, MAIN, OWN))
    assert caught.value.hint == (
        "give one of these: shop (/shop on trunk, ac-trunk); blog (/blog on login, ac-login)"
    )
    with pytest.raises(UsageError) as caught:
        meant("nix", among=(OWN,))
    assert "no other session is known" in caught.value.hint


def test_what_could_be_several_sessions_is_refused_with_all_of_them() -> None:
    one, two = (known("/login", "login", name=name) for name in ("a", "b"))
    with pytest.raises(UsageError, match="means several sessions") as caught:
        meant("login", among=(one, two, MAIN, OWN))
    assert caught.value.hint == (
        "give one of these: a (/login on login, ac-a); b (/login on login, ac-b)"
    )


# Which volumes


def volume(key: str, name: str = "", **more: object) -> EngineVolume:
    return EngineVolume(name or f"ac-main_{key}", "ac-main", key, **more)  # type: ignore[arg-type]


def chosen(ours: Volume, *there: EngineVolume) -> tuple[list[tuple[str, str]], list[str]]:
    """Return (from, to) of each copied volume, and why the others are not copied."""
    choice = choose([ours], {ours.key: f"ac-own_{ours.key}"}, there)
    copies = [(each.source, each.target) for each in choice.copies]
    return copies, [each.why for each in choice.skipped]


OURS = Volume("db", "ac-own_db")
BIND = {"type": "none", "o": "bind", "device": "/srv/db"}
NFS = {"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/db"}


@pytest.mark.parametrize(
    ("ours", "there", "why"),
    [
        (OURS, [volume("cache")], "the other session has no such volume"),
        (OURS, [volume("db", "ac-own_db")], "both sessions share ac-own_db"),
        (OURS, [volume("db", driver="rclone")], "its driver is rclone"),
        (
            OURS,
            [volume("db", options=BIND)],
            "its data lies outside of the engine (type none, device /srv/db)",
        ),
        (Volume("db", "x", driver="rclone"), [volume("db")], "its driver is rclone"),
        (
            Volume("db", "x", driver_opts=NFS),
            [volume("db")],
            "its data lies outside of the engine (type nfs, device :/db)",
        ),
    ],
)
def test_a_volume_is_not_copied_when(ours: Volume, there: list[EngineVolume], why: str) -> None:
    assert chosen(ours, *there) == ([], [why])


def test_the_other_sessions_volume_of_the_same_key_is_copied_whatever_its_name() -> None:
    there = volume("db", "shop-database", options={"size": "1G"})
    assert chosen(OURS, volume("cache"), there) == ([("shop-database", "ac-own_db")], [])
    local = Volume("db", "ac-own_db", driver="local", driver_opts={"size": "1G"})
    assert chosen(local, there) == ([("shop-database", "ac-own_db")], [])


def test_of_two_volumes_with_one_key_the_newer_one_is_copied() -> None:
    old, new = (volume("db", name, created=name) for name in ("2025-01-01", "2025-01-02"))
    for there in ((old, new), (new, old)):
        assert chosen(OURS, *there) == ([("2025-01-02", "ac-own_db")], [])


def test_an_external_volume_is_nobodys_and_not_spoken_of() -> None:
    assert chosen(Volume("db", "shared", external=True), volume("db")) == ([], [])


@pytest.mark.parametrize(
    ("override", "names"),
    [
        ({}, {"db": "ac-1_db", "log": "fixed"}),
        ({"volumes": {"log": {"name": "ac-1_fixed"}}}, {"db": "ac-1_db", "log": "ac-1_fixed"}),
        ({"volumes": {"log": {}}}, {"db": "ac-1_db", "log": "fixed"}),
    ],
)
def test_volumes_have_the_names_that_the_override_gives_else_those_of_compose(
    override: Mapping[str, object], names: dict[str, str]
) -> None:
    volumes = {"db": {"name": "ac-0_db"}, "log": {"name": "fixed"}}
    project: Project = read_project({"name": "ac-0", "volumes": volumes})
    assert volume_names(project, "ac-1", override) == names


def test_a_filled_volume_has_the_labels_of_the_file_the_override_and_compose() -> None:
    ours = Volume("db", "x", labels={"team": "blue", "com.docker.compose.volume": "lie"})
    [copy] = choose([ours], {"db": "ac-own_db"}, [volume("db")]).copies
    override = {"volumes": {"db": {"labels": {"io.composeports.session": "a$$b"}}}}
    assert labels_of(copy, "ac-own", override) == {
        "team": "blue",
        "io.composeports.session": "a$b",
        "com.docker.compose.project": "ac-own",
        "com.docker.compose.volume": "db",
    }


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (40_713_216, "40.7 MB"),
        (10**12, "1.0 TB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_bytes_are_shown_as(count: int, text: str) -> None:
    assert shown_bytes(count) == text


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("compose:shop", SeedSource("compose:shop", "shop")),
        ("compose:", None),
        ("shop", None),
        ("main", None),
    ],
)
def test_a_project_of_plain_compose_is_named_as_such(text: str, source: SeedSource | None) -> None:
    assert plain_source(text) == source
