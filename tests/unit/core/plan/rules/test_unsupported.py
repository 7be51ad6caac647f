"""Everything that cannot be isolated is reported once, by name."""

import re

import pytest

from composeports.core.settings import Settings
from tests.support.planning import PROJECT, plan_of

PORT = {"published": "80", "target": 80}


def bind(source: str, *, read_only: bool = False) -> dict[str, object]:
    return {"type": "bind", "source": source, "target": "/x", "read_only": read_only}


@pytest.mark.parametrize(
    ("services", "words"),
    [
        pytest.param({"a": {"network_mode": "host"}}, ["service a uses the host's"], id="host"),
        pytest.param(
            {"a": {"network_mode": "host"}, "b": {"network_mode": "host"}},
            ["services a, b use the host's network"],
            id="host, twice",
        ),
        pytest.param(
            {"a": {"ipc": "host", "pid": "host"}, "b": {"pid": "host", "uts": "host"}},
            [
                "service a uses the host's shared memory (ipc: host)",
                "services a, b use the host's processes (pid: host)",
                "service b uses the host's name (uts: host)",
            ],
            id="namespaces of the host",
        ),
        pytest.param(
            {"a": {"ipc": "shareable"}, "b": {"ipc": "service:a", "pid": "service:a"}},
            [],
            id="namespaces of its own",
        ),
        pytest.param(
            {"a": {"build": {"context": ".", "cache_to": ["type=local,dest=/srv/cache"]}}},
            ["/srv/cache lies outside of the worktree and is written by all sessions (the build"],
            id="a build's cache outside of the worktree",
        ),
        pytest.param(
            {"a": {"build": {"context": ".", "cache_to": ["type=local,dest=../cache,mode=max"]}}},
            ["/cache lies outside of the worktree and is written by all sessions (the build of a)"],
            id="a build's cache beside the worktree",
        ),
        pytest.param(
            {
                "a": {
                    "build": {
                        "cache_to": [
                            *("type=local,dest=/repo/cache", "type=local,dest=cache", "ref=x/y"),
                            *(f"type=registry,ref=x/{PROJECT}:cache", "type=inline"),
                        ]
                    }
                }
            },
            [],
            id="a build's cache elsewhere",
        ),
        pytest.param({"a": {"volumes": [bind("/repo/x/../../y")]}}, ["/y lies"], id="dots"),
        pytest.param(
            {"a": {"scale": 2, "ports": [PORT]}}, ["service a wants 2 containers"], id="scale"
        ),
        pytest.param(
            {"a": {"deploy": {"replicas": 3}, "ports": [PORT]}},
            ["service a wants 3 containers"],
            id="replicas",
        ),
        pytest.param({"a": {"scale": 2, "ports": [{"target": 80}]}}, [], id="scale, free port"),
        pytest.param({"a": {"scale": 1, "ports": [PORT]}}, [], id="scale of one"),
        pytest.param(
            {"a": {"external_links": ["x:y"], "network_mode": "container:z"}},
            ["service a uses containers of others (x, z)"],
            id="containers of others",
        ),
        pytest.param(
            {"a": {"volumes_from": ["container:c", "b"]}, "b": {"container_name": "c"}},
            [],
            id="containers of one's own",
        ),
        pytest.param(
            {
                "a": {"volumes": [bind("/var/run/docker.sock")]},
                "b": {"volumes": [bind("/run/docker.sock", read_only=True)]},
            },
            ["services a, b use the engine's socket"],
            id="the engine's socket, once",
        ),
        pytest.param(
            {"a": {"volumes": [bind("/run/podman/podman.sock")]}},
            ["service a uses the engine's socket"],
            id="Podman's too",
        ),
        pytest.param(
            {"a": {"use_api_socket": True}, "b": {"use_api_socket": False}},
            ["service a uses the engine's socket"],
            id="the engine's socket by its own field",
        ),
        pytest.param(
            {"a": {"provider": {"type": "cloud"}}, "b": {"provider": {"type": "model"}}},
            ["service a is made by a program of the host (provider: cloud)"],
            id="a provider",
        ),
        pytest.param({"a": {"models": {"llm": None}}}, [], id="a model is only read"),
        pytest.param(
            {"a": {"volumes": [bind("/srv/data")]}, "b": {"volumes": [bind("/srv/data")]}},
            ["/srv/data lies outside of the worktree and is written by all sessions (a, b)"],
            id="a folder outside of the worktree, once",
        ),
        pytest.param({"a": {"volumes": [bind("/srv/x", read_only=True)]}}, [], id="read-only"),
        pytest.param({"a": {"volumes": [bind("/repo/x"), bind("/repo")]}}, [], id="inside"),
        pytest.param({"a": {"volumes": [bind("/repository")]}}, ["/repository"], id="looks inside"),
        pytest.param({"a": {"volumes": [bind("/etc/localtime")]}}, [], id="of the machine"),
        pytest.param(
            {"a": {"volumes": [{"type": "volume", "source": "v", "target": "/v"}]}}, [], id="volume"
        ),
    ],
)
def test_limits(services: dict[str, object], words: list[str]) -> None:
    warnings = plan_of({"services": services}).warnings
    assert len(warnings) == len(words)
    assert all(text.startswith(word) for text, word in zip(warnings, words, strict=True))


def test_a_volume_that_is_a_folder_of_the_host_is_one() -> None:
    opts = {"type": "none", "o": "bind", "device": "/srv/data"}
    volume = {"name": "ac-0123abcd_v", "driver_opts": opts}
    assert plan_of({"services": {}, "volumes": {"v": volume}}).warnings == [
        (
            "/srv/data lies outside of the worktree and is written by all sessions (volume v); "
            'shared = ["volume:v"] in the settings says that this is meant'
        )
    ]


@pytest.mark.parametrize(
    ("service", "shared", "listed"),
    [
        ({"network_mode": "host"}, "network:host", ("network", "host")),
        ({"ipc": "host"}, "ipc:host", ("ipc", "host")),
        ({"pid": "host"}, "pid:host", ("pid", "host")),
        ({"uts": "host"}, "uts:host", ("uts", "host")),
        ({"external_links": ["x:y"]}, "container:x", ("container", "x")),
        ({"provider": {"type": "cloud"}}, "provider:a", ("provider", "a")),
        ({"use_api_socket": True}, "/var/run/docker.sock", ("folder", "/var/run/docker.sock")),
        ({"devices": ["/dev/ttyUSB0"]}, "/dev/ttyUSB0", ("device", "/dev/ttyUSB0")),
        ({"build": {"cache_to": ["x/y:z"]}}, "cache:x/y:z", ("cache", "x/y:z")),
        (
            {"volumes": [bind("/run/docker.sock")]},
            "/run/docker.sock",
            ("folder", "/run/docker.sock"),
        ),
        ({"volumes": [bind("/srv/data")]}, "/srv", ("folder", "/srv/data")),
    ],
)
def test_what_the_settings_name_is_listed_without_a_warning(
    service: dict[str, object], shared: str, listed: tuple[str, str]
) -> None:
    assert len(plan_of({"services": {"a": service}}).warnings) == 1
    made = plan_of({"services": {"a": service}}, settings=Settings(shared=(shared,)))
    assert (made.acknowledged, made.warnings) == ([listed], [])


def test_a_container_with_the_project_s_name_in_its_own_is_the_session_s() -> None:
    services = {"a": {"network_mode": f"container:{PROJECT}-b-1"}}
    assert plan_of({"services": services}).warnings == []


@pytest.mark.parametrize(
    "service",
    [
        {"network_mode": "host"},
        {"pid": "host"},
        {"external_links": ["x:y"]},
        {"provider": {"type": "cloud"}},
        {"devices": ["/dev/ttyUSB0"]},
        {"build": {"cache_to": ["type=gha"]}},
        {"build": {"network": "edge"}},
        {"volumes": [bind("/run/docker.sock")]},
        {"volumes": [bind("/srv/data")]},
        {"scale": 2, "ports": [PORT]},
    ],
)
def test_every_warning_is_one_line_with_a_way_out(service: dict[str, object]) -> None:
    (text,) = plan_of({"services": {"a": service}}).warnings
    assert "\n" not in text
    assert re.search("in the settings says that this is meant|; give the port without", text)


def test_nothing_is_said_where_the_worktree_is_not_known() -> None:
    services = {"a": {"volumes": [bind("/srv/data")]}}
    assert plan_of({"services": services}, worktree="").warnings == []
