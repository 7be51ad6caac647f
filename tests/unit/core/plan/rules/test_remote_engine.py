"""Resources of a remote engine's machine are reported once, by name."""

import pytest

from tests.support.planning import plan_of

ELSEWHERE = "what is mounted there are folders and files of box"
WORDS = f"{ELSEWHERE}, where the engine is, and not of this machine; `build` and "
WORDS += "`docker compose watch` send files"


def bind(source: str, *, read_only: bool = False) -> dict[str, object]:
    return {"type": "bind", "source": source, "target": "/x", "read_only": read_only}


def web(*mounts: dict[str, object]) -> dict[str, object]:
    return {"services": {"web": {"volumes": list(mounts)}}}


MOUNTED = {
    "a folder of the worktree": (web(bind("/repo/src")), "./src"),
    "the worktree itself": (web(bind("/repo")), "."),
    "read only": (web(bind("/repo/conf", read_only=True)), "./conf"),
    "twice the same": (web(bind("/repo/a"), bind("/repo/b/../a")), "./a"),
    "several": (web(*(bind(f"/repo/{each}") for each in "abcdefg")),
                "./a, ./b, ./c, ./d, ./e and 2 more"),
    "a config": ({"services": {}, "configs": {"c": {"file": "/repo/c.conf"}}}, "./c.conf"),
    "a secret": ({"services": {}, "secrets": {"s": {"file": "/repo/s.txt"}}}, "./s.txt"),
    "a device": ({"services": {}, "volumes": {"v": {"driver_opts": {"device": "/repo/v"}}}}, "./v"),
}  # fmt: skip


@pytest.mark.parametrize(("config", "names"), MOUNTED.values(), ids=MOUNTED)
def test_what_is_mounted_is_the_other_machines(config: dict[str, object], names: str) -> None:
    assert plan_of(config, host="box").warnings == [f"{names}: {WORDS}"]
    assert plan_of(config).warnings == []


def test_a_folder_elsewhere_has_its_whole_name() -> None:
    found = plan_of(web(bind("/srv/data", read_only=True)), host="box").warnings
    assert found == [f"/srv/data: {WORDS}"]


def test_without_a_place_every_folder_has_its_whole_name() -> None:
    found = plan_of(web(bind("/repo/src", read_only=True)), host="box", worktree="").warnings
    assert found == [f"/repo/src: {WORDS}"]


NOT_MOUNTED = {
    "a volume": web({"type": "volume", "source": "data", "target": "/x"}),
    "of every machine": web(bind("/etc/localtime"), bind("/dev/dri"), bind("/sys/fs/../fs")),
    "a config of a text": {"services": {}, "configs": {"c": {"content": "hello"}}},
    "an external volume": {
        "services": {},
        "volumes": {"v": {"external": True, "driver_opts": {"device": "/repo/v"}}},
    },
    "a device of every machine": {
        "services": {},
        "volumes": {"v": {"driver_opts": {"device": "/dev/shm/x"}}},
    },
    "a share": {"services": {}, "volumes": {"v": {"driver_opts": {"device": ":/nfs"}}}},
}


@pytest.mark.parametrize("config", NOT_MOUNTED.values(), ids=NOT_MOUNTED)
def test_what_is_on_every_machine_is_not_told(config: dict[str, object]) -> None:
    assert not [text for text in plan_of(config, host="box").warnings if "box" in text]


def test_the_engines_socket_is_the_engines() -> None:
    (found,) = plan_of(web(bind("/var/run/docker.sock")), host="box").warnings
    assert "the engine's socket" in found


def published(host_ip: str, *numbers: int) -> dict[str, object]:
    listed = [{"published": str(each), "target": each, "host_ip": host_ip} for each in numbers]
    return {"services": {"web": {"ports": listed}}}


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_port_on_loopback_is_not_reached_from_here(address: str) -> None:
    (found,) = plan_of(published(address, 80), host="box").warnings
    assert found.startswith("web:80/tcp is published for programs of box alone (host_ip ")
    (found,) = plan_of(published(address, 80, 81), host="box").warnings
    assert found.startswith("web:80/tcp, web:81/tcp are published for programs of box alone")
    assert plan_of(published(address, 80)).warnings == []


@pytest.mark.parametrize("address", ["", "0.0.0.0", "10.1.2.3"])
def test_any_other_port_is(address: str) -> None:
    assert plan_of(published(address, 80), host="box").warnings == []
