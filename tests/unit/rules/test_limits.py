"""What cannot be isolated is told once, by name."""

import pytest

from tests.support.planning import plan_of

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
        "/srv/data lies outside of the worktree and is written by all sessions (volume v)"
    ]


def test_nothing_is_said_where_the_worktree_is_not_known() -> None:
    services = {"a": {"volumes": [bind("/srv/data")]}}
    assert plan_of({"services": services}, worktree="").warnings == []
