"""The content of a Compose file, from the JSON of `docker compose config`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.compose_project import (
    Attachment,
    Build,
    Mount,
    Network,
    Project,
    PublishedPort,
    Service,
    Volume,
    is_port,
)
from composeports.core.compose_reader import read_project

PORTS = frozenset(map(str, range(1, 65536)))


def service(**spec: object) -> Service:
    (found,) = read_project({"services": {"web": spec}}).services
    return found


@pytest.mark.parametrize(
    ("entry", "port"),
    [
        pytest.param(
            {"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"},
            PublishedPort("web", 80, "tcp", "8080", mode="ingress"),
            id="as Compose writes it",
        ),
        pytest.param(
            {
                "target": 80,
                "published": "8080",
                "host_ip": "::1",
                "name": "http",
                "app_protocol": "https",
            },
            PublishedPort("web", 80, "tcp", "8080", "::1", "", "http", "https"),
            id="with everything",
        ),
        pytest.param(
            {"target": 53, "published": 53, "protocol": "udp"},
            PublishedPort("web", 53, "udp", "53"),
            id="the number of an old Compose",
        ),
        pytest.param({"target": 80}, PublishedPort("web", 80), id="no host port"),
        pytest.param({"target": 80, "published": ""}, PublishedPort("web", 80), id="an empty one"),
        pytest.param({"target": 80, "published": "0"}, PublishedPort("web", 80), id="any"),
        pytest.param({"target": 80, "published": 0}, PublishedPort("web", 80), id="any, a number"),
        pytest.param(
            {"target": 80, "published": "8000-8010"},
            PublishedPort("web", 80, published="8000-8010"),
            id="a range to choose from",
        ),
        pytest.param({}, PublishedPort("web", 0), id="nothing"),
        pytest.param({"target": "80"}, PublishedPort("web", 80), id="a text"),
    ],
)
def test_a_port_is_read(entry: dict[str, object], port: PublishedPort) -> None:
    assert service(ports=[entry]).ports == (port,)


@pytest.mark.parametrize(("published", "number"), [("8080", 8080), ("8000-8010", None), ("", None)])
def test_a_port_has_a_number_where_it_is_fixed(published: str, number: int | None) -> None:
    assert PublishedPort("web", 80, published=published).number == number


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, Service("web"), id="nothing"),
        pytest.param({"ports": None, "networks": None}, Service("web"), id="nulls"),
        pytest.param({"ports": "80"}, Service("web"), id="ports that are no list"),
        pytest.param({"ports": ["80:80"]}, Service("web"), id="a port that is no mapping"),
        pytest.param({"profiles": ["a", "b"]}, Service("web", profiles=("a", "b")), id="profiles"),
        pytest.param({"network_mode": "host"}, Service("web", network_mode="host"), id="mode"),
        pytest.param(
            {"container_name": "w", "image": "i", "pull_policy": "never"},
            Service("web", container_name="w", image="i", pull_policy="never"),
            id="names",
        ),
        pytest.param(
            {"ipc": "host", "pid": "host"}, Service("web", ipc="host", pid="host"), id="ns"
        ),
        pytest.param(
            {"build": {"context": "/x", "args": {"A": "1", "B": None}, "tags": ["t"]}},
            Service("web", build=Build("/x", {"A": "1"}, ("t",))),
            id="build",
        ),
        pytest.param({"build": {}}, Service("web", build=Build()), id="build of nothing"),
        pytest.param({"scale": 2}, Service("web", replicas=2), id="scale"),
        pytest.param({"scale": 0}, Service("web", replicas=0), id="scaled to none"),
        pytest.param({"deploy": {"replicas": 3}}, Service("web", replicas=3), id="replicas"),
        pytest.param({"deploy": {}}, Service("web"), id="deploy without replicas"),
        pytest.param(
            {"environment": {"A": "1", "B": None, "C": ""}, "labels": {"l": "v"}},
            Service("web", environment={"A": "1", "C": ""}, labels={"l": "v"}),
            id="environment",
        ),
        pytest.param(
            {
                "networks": {
                    "n": {"aliases": ["a"], "ipv4_address": "10.0.0.2", "ipv6_address": "fd::2"},
                    "default": None,
                }
            },
            Service(
                "web",
                networks=(Attachment("n", ("a",), "10.0.0.2", "fd::2"), Attachment("default")),
            ),
            id="networks",
        ),
        pytest.param(
            {"dns": "10.0.0.1", "external_links": ["x:y"], "volumes_from": ["db"]},
            Service("web", dns=("10.0.0.1",), external_links=("x:y",), volumes_from=("db",)),
            id="texts and lists of texts",
        ),
        pytest.param(
            {"extra_hosts": ["a=10.0.0.1"]}, Service("web", extra_hosts=("a=10.0.0.1",)), id="hosts"
        ),
        pytest.param(
            {"extra_hosts": {"a": ["10.0.0.1", "fd::1"], "b": "10.0.0.2"}},
            Service("web", extra_hosts=("a=10.0.0.1", "a=fd::1", "b=10.0.0.2")),
            id="hosts as a mapping",
        ),
        pytest.param(
            {
                "volumes": [
                    {"type": "bind", "source": "/x", "target": "/y", "read_only": True},
                    {"type": "volume", "target": "/z"},
                ]
            },
            Service(
                "web",
                mounts=(
                    Mount("bind", "/x", "/y", read_only=True, makes_source=True),
                    Mount("volume", "", "/z"),
                ),
            ),
            id="mounts",
        ),
        pytest.param(
            {
                "volumes": [
                    {"type": "image", "source": "i", "target": "/i", "image": {"subpath": "x"}}
                ],
                "use_api_socket": True,
                "privileged": True,
            },
            Service(
                "web",
                mounts=(
                    Mount("image", "i", "/i", subpath="x"),
                    Mount("bind", "/var/run/docker.sock", "/var/run/docker.sock"),
                ),
            ),
            id="an image and the engine's socket",
        ),
        pytest.param(
            {"devices": [{"source": "/dev/a"}, "/dev/b:/dev/c", "x.com/y=z", {}]},
            Service("web", devices=("/dev/a", "/dev/b")),
            id="devices",
        ),
        pytest.param(
            {"provider": {"type": "cloud"}}, Service("web", provider="cloud"), id="a provider"
        ),
        pytest.param({"provider": None}, Service("web"), id="no provider"),
        pytest.param(
            {"build": {"network": "edge"}}, Service("web", build=Build(network="edge")), id="a net"
        ),
    ],
)
def test_a_service_is_read(spec: dict[str, object], expected: Service) -> None:
    assert service(**spec) == expected


def test_services_keep_their_order_and_one_without_a_word_is_one_too() -> None:
    project = read_project({"services": {"web": None, "db": {}}})
    assert project.services == (Service("web"), Service("db"))


def test_the_ports_of_a_project_are_those_with_a_host_port() -> None:
    spec = {"ports": [{"target": 80, "published": "8080"}, {"target": 81}]}
    project = read_project({"services": {"web": spec, "api": spec}})
    assert [(port.service, port.target) for port in project.ports] == [("web", 80), ("api", 80)]


def test_a_network_is_read() -> None:
    ipam = {"driver": "default", "config": [{"subnet": "10.0.0.0/24"}, {}, "odd"]}
    spec = {"name": "shared", "external": True, "driver": "bridge", "driver_opts": {"a": "b"}}
    (network,) = read_project({"networks": {"n": {**spec, "ipam": ipam}}}).networks
    assert network == Network("n", "shared", True, "bridge", {"a": "b"}, ipam)
    assert network.pools == ({"subnet": "10.0.0.0/24"}, {})
    assert network.subnets == ("10.0.0.0/24", "")


@pytest.mark.parametrize("ipam", [None, {}, {"config": None}, {"config": {}}])
def test_a_network_without_pools_has_no_subnets(ipam: object) -> None:
    (network,) = read_project({"networks": {"n": {"ipam": ipam}}}).networks
    assert network.subnets == ()


def test_a_volume_is_read() -> None:
    spec = {"name": "data", "external": True, "driver": "local", "driver_opts": {"o": "bind"}}
    project = read_project({"volumes": {"v": spec, "w": None}})
    assert project.volumes == (
        Volume("v", "data", True, "local", {"o": "bind"}),
        Volume("w", ""),
    )


@pytest.mark.parametrize(("name", "fixed"), [("pgdata", True), ("shop_pgdata", False), ("", False)])
def test_a_name_is_fixed_where_the_project_s_is_not_in_it(name: str, fixed: bool) -> None:
    assert read_project({"name": "shop"}).is_fixed(name) is fixed


def test_every_name_is_fixed_where_the_project_has_none() -> None:
    assert Project().is_fixed("anything")


@pytest.mark.parametrize(
    "config",
    [{}, {"services": None}, {"services": []}, {"services": "web", "networks": 1, "volumes": ()}],
)
def test_a_file_that_says_nothing_is_an_empty_project(config: dict[str, object]) -> None:
    assert read_project(config) == Project()


@pytest.mark.parametrize("text", ["1", "80", "65535", "08080"])
def test_a_port_number_is_a_port(text: str) -> None:
    assert is_port(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "+1", " 80", "8080-8081", "٨٠", "²", "x"])
def test_anything_else_is_none(text: str) -> None:
    assert not is_port(text)


@given(st.text() | st.text("0123456789", max_size=6))
def test_no_text_breaks_the_question_whether_it_is_a_port(text: str) -> None:
    assert is_port(text) == (text.lstrip("0") in PORTS)


def test_the_places_of_a_project_are_all_paths_that_containers_get() -> None:
    overlay = {"type": "overlay", "device": "overlay", "o": "lowerdir=/l,upperdir=/up"}
    made = read_project(
        {
            "services": {
                "web": {
                    "volumes": [
                        {"type": "bind", "source": "/a", "target": "/x"},
                        {"type": "volume", "source": "v", "target": "/y"},
                    ]
                }
            },
            "volumes": {
                "v": {"driver_opts": {"type": "none", "o": "bind", "device": "/dev1"}},
                "w": {"driver_opts": overlay},
                "s": {"driver_opts": {"type": "cifs", "device": "//box/share"}},
                "plain": {},
            },
        }
    )
    assert list(made.places) == ["/a", "/dev1", "/up"]


def test_places_are_what_binds_builds_and_volumes_lead_to() -> None:
    build = {
        "context": "/app",
        "additional_contexts": {"lib": "/lib", "base": "docker-image://alpine"},
        "cache_to": ["type=local,dest=/cache", "type=local,dest=beside", "type=inline"],
    }
    mounts = [{"type": "bind", "source": "/data", "target": "/x"}]
    web = {"build": build, "volumes": mounts, "devices": ["/dev/x"]}
    volume = {"driver_opts": {"device": "/srv", "o": "bind,upperdir=/up"}}
    project = read_project({"services": {"web": web}, "volumes": {"v": volume}})
    assert list(project.places) == ["/data", "/dev/x", "/app", "/lib", "/cache", "/srv", "/up"]
