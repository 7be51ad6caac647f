"""Paths outside of the worktree, by their real paths, and git in containers."""

from collections.abc import Mapping
from typing import Any

import pytest

from composeports.core.plan.host_facts import Checkout, HostFacts
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, Planned, plan_of

MAIN = "/main"
CHECKOUT = Checkout(
    f"{MAIN}/.git/worktrees/repo", f"{MAIN}/.git/worktrees/repo", f"{MAIN}/.git", (MAIN, "/other")
)


def bind(source: str, target: str = "/x", *, read_only: bool = False) -> dict[str, object]:
    return {"type": "bind", "source": source, "target": target, "read_only": read_only}


def plan(
    *mounts: Mapping[str, object],
    paths: dict[str, str] | None = None,
    settings: Settings | None = None,
    checkout: Checkout = CHECKOUT,
    **top: Any,  # noqa: ANN401 - a document
) -> Planned:
    config = {"services": {"a": {"volumes": list(mounts)}}, **top}
    host_facts = HostFacts(paths=paths or {}, checkout=checkout)
    return plan_of(config, settings=settings, host_facts=host_facts)


@pytest.mark.parametrize(
    ("source", "real", "told"),
    [
        ("/repo/data", "/repo/data", ""),
        ("/repo/data", "/main/data", "/main/data (by the link /repo/data) lies"),
        ("/link/repo/data", "/repo/data", ""),
        ("/repo/null", "/dev/null", ""),
        ("/etc/localtime", "/usr/share/zoneinfo/UTC", ""),
        ("/repo/docker.sock", "/var/run/docker.sock", ""),
        ("/srv/data/", "/srv/data", "/srv/data lies"),
        (f"/srv/{PROJECT}", f"/srv/{PROJECT}", ""),
        (f"/srv/{PROJECT}", "/srv/common", f"/srv/common (by the link /srv/{PROJECT}) lies"),
    ],
)
def test_a_bind_is_judged_by_its_real_path(source: str, real: str, told: str) -> None:
    found = [
        text for text in plan(bind(source), paths={source: real}).warnings if "socket" not in text
    ]
    assert len(found) == bool(told)
    assert all(text.startswith(told) for text in found)


@pytest.mark.parametrize("kind", ["configs", "secrets"])
@pytest.mark.parametrize(
    ("path", "real", "is_told"),
    [
        ("/repo/x.conf", "/main/x.conf", True),
        ("/main/x.conf", "/main/x.conf", True),
        ("/repo/x.conf", "/repo/x.conf", False),
        ("/run/secrets/x", "/run/secrets/x", False),
    ],
)
def test_the_file_of_a_config_or_secret_from_another_checkout_is_told(
    kind: str, path: str, real: str, *, is_told: bool
) -> None:
    top: Any = {kind: {"x": {"file": path}}}
    made = plan(paths={path: real}, **top)
    assert len(made.warnings) == int(is_told)
    for text in made.warnings:
        assert "is read from the checkout /main (a config or secret)" in text
        assert f'shared = ["{real}"]' in text


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/main/lib", "/main/lib lies outside of the worktree and is read from the checkout /main"),
        ("/main/.git", ""),
        ("/srv/lib", ""),
        ("/other/lib", "/other/lib lies"),
    ],
)
def test_what_is_only_read_is_told_where_it_is_another_checkout_s(path: str, told: str) -> None:
    found = plan(bind(path, read_only=True)).warnings
    assert len(found) == bool(told)
    assert all(text.startswith(told) for text in found)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        ({"context": "/main/app"}, "/main/app lies outside of the worktree and is read from the"),
        ({"context": "/repo", "additional_contexts": {"lib": "/main/lib"}}, "/main/lib lies"),
        ({"context": "/repo/link"}, "/main/app lies"),
        ({"context": "/repo/app"}, ""),
        ({"context": "/srv/app"}, ""),
        ({"context": "https://example.com/app.git"}, ""),
        ({"context": "/repo", "additional_contexts": {"base": "docker-image://alpine"}}, ""),
    ],
)
def test_a_build_from_another_checkout_is_told(build: dict[str, object], told: str) -> None:
    host_facts = HostFacts(paths={"/repo/link": "/main/app"}, checkout=CHECKOUT)
    found = plan_of({"services": {"a": {"build": build}}}, host_facts=host_facts).warnings
    assert len(found) == bool(told)
    assert all(text.startswith(told) and "(the build of a)" in text for text in found)


@pytest.mark.parametrize(
    ("cache_to", "name"),
    [
        ("type=registry,ref=shop/cache:x,mode=max", "shop/cache:x"),
        ("shop/cache", "shop/cache"),
        ("type=s3,region=x,bucket=ci,name=web,secret_access_key=hush", "s3,bucket=ci,name=web"),
        ("type=azblob,name=web,account_url=https://x", "azblob,account_url=https://x,name=web"),
        ("type=gha", "gha"),
        ("type=gha,scope=web", "gha,scope=web"),
        (f"type=registry,ref=shop/cache:{PROJECT}", ""),
        (f"type=s3,bucket={PROJECT}", ""),
        ("type=inline", ""),
        ("mode=max", ""),
    ],
)
def test_a_cache_that_all_sessions_write_is_told(cache_to: str, name: str) -> None:
    build = {"context": "/repo", "cache_to": [cache_to]}
    config = {"services": {"a": {"build": build}, "b": {"build": build}}}
    told = (
        f"the build cache {name} lies outside of the worktree and is written by all sessions (the "
        f'build of a, the build of b); shared = ["cache:{name}"] in the settings says that this is '
        "meant"
    )
    assert plan_of(config).warnings == ([told] if name else [])
    made = plan_of(config, settings=Settings(shared=(f"cache:{name}",)))
    assert (made.acknowledged, made.warnings) == ([("cache", name)] if name else [], [])


def device(source: str) -> dict[str, object]:
    return {"source": source, "target": "/dev/x", "permissions": "rwm"}


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ({"devices": [device("/dev/ttyUSB0")]}, "/dev/ttyUSB0 lies outside of the worktree and is"),
        ({"devices": ["/dev/sda:/dev/xvda:rwm"]}, "/dev/sda lies"),
        ({"devices": [device("/dev/bus/usb")]}, "/dev/bus/usb lies"),
        ({"devices": [device("/dev/link")]}, "/dev/video0 (by the link /dev/link) lies"),
        ({"devices": [device("/dev/mapper/x"), device("/dev/mapper/x")]}, "/dev/mapper/x lies"),
        *(
            ({"devices": [device(f"/dev/{name}")]}, "")
            for name in (
                *("null", "zero", "full", "random", "urandom", "fuse", "kvm", "net/tun", "dri"),
                *("dri/renderD128", "nvidia0", "nvidia-caps/nvidia-cap1", "kfd", "shm", "snd"),
                *("vhost-net", "tty", "kmsg", "dxg"),
            )
        ),
        ({"devices": [device("/dev/tty0")]}, "/dev/tty0 lies"),
        ({"devices": [device("nvidia.com/gpu=all")]}, ""),
        ({"devices": ["nvidia.com/gpu=all"]}, ""),
        ({"devices": None}, ""),
        ({"volumes": [bind("/dev/ttyS0")]}, ""),
        ({"volumes": [bind("/dev/ttyS0")], "privileged": True}, "/dev/ttyS0 lies"),
        (
            {"volumes": [bind("/dev/bus/usb")], "device_cgroup_rules": ["c 189:* rmw"]},
            "/dev/bus/usb lies",
        ),
        ({"volumes": [bind("/dev")], "privileged": True}, ""),
        ({"volumes": [bind("/srv", read_only=True)], "privileged": True}, ""),
        ({"volumes": [bind("/dev/disk", read_only=True)], "privileged": True}, ""),
    ],
)
def test_a_device_that_one_program_at_a_time_uses_is_told(
    service: dict[str, object], told: str
) -> None:
    config = {"services": {"a": service}}
    host_facts = HostFacts(paths={"/dev/link": "/dev/video0"})
    found = plan_of(config, host_facts=host_facts).warnings
    assert len(found) == bool(told)
    assert all(text.startswith(told) for text in found)
    settings = Settings(shared=("/dev",))
    assert plan_of(config, host_facts=host_facts, settings=settings).warnings == []


def test_a_link_to_the_engine_s_socket_is_the_socket() -> None:
    paths = {"/repo/s": "/run/docker.sock"}
    (text,) = plan(bind("/repo/s"), paths=paths).warnings
    assert text.startswith("service a uses the engine's socket")
    made = plan(bind("/repo/s"), paths=paths, settings=Settings(shared=("/repo/s",)))
    assert (made.acknowledged, made.warnings) == ([("folder", "/repo/s")], [])


@pytest.mark.parametrize(
    ("entry", "left"), [("/srv", 0), ("/srv/data", 0), ("/srv/dat", 1), ("/repo/link", 0)]
)
def test_the_settings_name_a_folder(entry: str, left: int) -> None:
    settings = Settings(shared=(entry,))
    made = plan(bind("/repo/link"), paths={"/repo/link": "/srv/data"}, settings=settings)
    assert len(made.warnings) == left
    assert made.acknowledged == ([] if left else [("folder", "/srv/data")])


@pytest.mark.parametrize(
    ("volume", "place"),
    [
        ({"driver_opts": {"type": "none", "o": "bind", "device": "/srv/x"}}, "/srv/x"),
        ({"driver_opts": {"type": "none", "o": "bind", "device": "/repo/x"}}, ""),
        ({"driver_opts": {"type": "none", "o": "bind,ro", "device": "/srv/x"}}, ""),
        ({"driver_opts": {"type": "none", "o": "bind", "device": f"/srv/{PROJECT}"}}, ""),
        ({"driver_opts": {"type": "none", "o": "bind", "device": "/repo/link"}}, "/srv/real"),
        ({"driver_opts": {"type": "tmpfs", "device": "tmpfs"}}, ""),
        (
            {"driver_opts": {"type": "nfs", "o": "rw,addr=box", "device": ":/data"}},
            "nfs box:/data",
        ),
        ({"driver_opts": {"type": "nfs", "o": "addr=box", "device": f":/{PROJECT}"}}, ""),
        ({"driver_opts": {"type": "cifs", "device": "//box/share"}}, "cifs //box/share"),
        ({"driver_opts": {"type": "ext4", "device": "/dev/sdb1"}}, "/dev/sdb1"),
        (
            {
                "driver_opts": {
                    "type": "overlay",
                    "device": "overlay",
                    "o": "lowerdir=/a,upperdir=/srv/up,workdir=/repo/w",
                }
            },
            "/srv/up",
        ),
        (
            {"driver_opts": {"type": "overlay", "device": "overlay", "o": "upperdir=/repo/up"}},
            "",
        ),
        ({"driver": "sshfs", "driver_opts": {"sshcmd": "me@box:/x"}}, "sshfs (sshcmd=me@box:/x)"),
        ({"driver": "sshfs", "driver_opts": {"sshcmd": f"me@box:/{PROJECT}"}}, ""),
        ({"driver": "sshfs"}, ""),
        ({"driver_opts": {}}, ""),
    ],
)
def test_a_volume_is_where_its_options_lead(volume: dict[str, object], place: str) -> None:
    mount = {"type": "volume", "source": "v", "target": "/v"}
    volumes = {"v": {"name": f"{PROJECT}_v", **volume}}
    paths = {"/repo/link": "/srv/real"}
    found = plan(mount, paths=paths, volumes=volumes).warnings
    assert [text.partition(" lies")[0] for text in found] == ([place] if place else [])
    settings = Settings(shared=("volume:v",))
    made = plan(mount, paths=paths, settings=settings, volumes=volumes)
    assert (made.acknowledged, made.warnings) == ([("folder", place)] if place else [], [])


def test_a_volume_that_services_only_read_is_not_written() -> None:
    mount = {"type": "volume", "source": "v", "target": "/v", "read_only": True}
    opts = {"type": "nfs", "device": ":/data"}
    volumes = {"v": {"name": f"{PROJECT}_v", "driver_opts": opts}}
    assert plan(mount, volumes=volumes).warnings == []


VARIABLE = "${COMPOSEPORTS_GIT_COMMON_DIR}"
RELATIVE = Checkout("../main/.git/worktrees/repo", *(f"{MAIN}/.git/worktrees/repo", f"{MAIN}/.git"))


@pytest.mark.parametrize(
    ("mounts", "checkout", "mounted"),
    [
        pytest.param([bind("/repo", "/src")], CHECKOUT, VARIABLE, id="the worktree"),
        pytest.param([bind("/repo", "/src")], RELATIVE, VARIABLE, id="a relative link"),
        pytest.param([bind("/repo", "/a/src")], RELATIVE, "/a/main/.git", id="one level down"),
        pytest.param([bind("/", "/host")], CHECKOUT, "", id="the whole machine"),
        pytest.param([bind("/repo/app", "/src")], CHECKOUT, "", id="a folder of it"),
        pytest.param([bind("/repo", "/src")], Checkout(), "", id="a main checkout"),
        pytest.param(
            [bind("/repo", "/src"), bind(f"{MAIN}/.git", f"{MAIN}/.git", read_only=True)],
            CHECKOUT,
            "",
            id="with the repository's folder",
        ),
        pytest.param(
            [bind("/repo", "/src"), bind(f"{MAIN}/.git", "/git", read_only=True)],
            CHECKOUT,
            VARIABLE,
            id="with the repository's folder elsewhere",
        ),
        pytest.param(
            [bind("/repo", "/src"), bind("/x", "/src/.git", read_only=True)],
            CHECKOUT,
            "",
            id="with a folder of its own there",
        ),
        pytest.param(
            [bind("/repo", "/src"), bind("/repo/.git", "/src/.git")],
            CHECKOUT,
            VARIABLE,
            id="with the file that leads to the git folder",
        ),
        pytest.param(
            [bind("/repo", "/src"), {"type": "volume", "source": "v", "target": MAIN}],
            CHECKOUT,
            VARIABLE,
            id="a volume in its place",
        ),
    ],
)
def test_git_in_a_container(
    mounts: list[dict[str, object]], checkout: Checkout, mounted: str
) -> None:
    notes = plan(*mounts, checkout=checkout).plan.notes
    assert len(notes) == bool(mounted)
    assert all(f"`{VARIABLE}:{mounted}`" in text for text in notes)
