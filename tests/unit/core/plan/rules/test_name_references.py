"""Volumes, networks and images with explicit names."""

import pytest

from composeports.core.settings import Settings
from tests.support.planning import plan_of

TAG = "ac-0123abcd"


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        pytest.param({"name": "shop-data"}, f"{TAG}_shop-data", id="an explicit name"),
        pytest.param({"name": f"{TAG}_data"}, None, id="Compose's own name"),
        pytest.param({"name": f"data-of-{TAG}"}, None, id="the project is in it"),
        pytest.param({"name": "shop-data", "external": True}, None, id="external"),
    ],
)
@pytest.mark.parametrize("kind", ["volumes", "networks"])
def test_a_named_resource(kind: str, spec: dict[str, object], name: str | None) -> None:
    made = plan_of({"services": {}, kind: {"data": spec}})
    assert made.override(kind, "data") == ({"name": name} if name else None)
    assert made.changes(kind.removesuffix("s")) == (
        [("", f"{kind}.data.name", "shop-data", name)] if name else []
    )
    assert made.shared == ([(kind.removesuffix("s"), "shop-data")] if "external" in spec else [])


def test_two_keys_of_one_name_still_share_it() -> None:
    made = plan_of({"services": {}, "volumes": {"a": {"name": "x"}, "b": {"name": "x"}}})
    assert made.override("volumes", "a") == made.override("volumes", "b") == {"name": f"{TAG}_x"}


def test_what_is_not_to_be_isolated_stays_and_is_listed() -> None:
    config = {
        "services": {"web": {"image": "shop", "build": {"context": "."}}},
        "volumes": {"data": {"name": "shop-data"}},
        "networks": {"back": {"name": "shop-back", "driver_opts": {BRIDGE: "br-shop"}}},
    }
    settings = Settings(isolate_images=False, isolate_volumes=False, isolate_networks=False)
    made = plan_of(config, settings=settings)
    assert made.plan.override == {}
    assert made.shared == [("image", "shop"), ("volume", "shop-data"), ("network", "shop-back")]


BRIDGE = "com.docker.network.bridge.name"


@pytest.mark.parametrize(
    ("bridge", "after"),
    [("br0", "br0-0123abcd"), ("br-mailcow", "br-mai-0123abcd"), ("", None)],
)
def test_a_bridge_name_fits_an_interface_and_is_one_s_own(bridge: str, after: str | None) -> None:
    opts = {BRIDGE: bridge, "other": "1"} if bridge else {}
    made = plan_of({"services": {}, "networks": {"n": {"name": f"{TAG}_n", "driver_opts": opts}}})
    assert made.override("networks", "n") == ({"driver_opts": {BRIDGE: after}} if after else None)
    assert after is None or len(after) <= 15


def test_traefik_s_label_follows_a_renamed_network() -> None:
    labels = {"traefik.docker.network": "edge", "other": "edge"}
    config = {
        "services": {"web": {"labels": labels}, "api": {"labels": {"traefik.docker.network": "x"}}},
        "networks": {"edge": {"name": "edge"}, "x": {"name": "x", "external": True}},
    }
    made = plan_of(config)
    assert made.override("services") == {
        "web": {"labels": {"traefik.docker.network": f"{TAG}_edge"}}
    }


@pytest.mark.parametrize("driver", ["macvlan", "ipvlan"])
def test_a_network_on_the_host_s_own_cannot_be_moved(driver: str) -> None:
    ipam = {"config": [{"subnet": "192.168.1.0/24"}]}
    made = plan_of({"services": {}, "networks": {"lan": {"driver": driver, "ipam": ipam}}})
    assert [text.partition(":")[0] for text in made.warnings] == [
        f"network lan is a {driver} on the host's own network"
    ]


def test_a_network_on_the_host_s_own_that_the_settings_name_is_listed() -> None:
    network = {"driver": "macvlan", "ipam": {"config": [{"subnet": "192.168.1.0/24"}]}}
    settings = Settings(shared=("network:lan",))
    made = plan_of({"services": {}, "networks": {"lan": network}}, settings=settings)
    assert (made.acknowledged, made.warnings) == ([("network", "lan")], [])


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ({"driver": "weave", "driver_opts": {"b": "2", "a": "1"}}, "a=1,b=2"),
        ({"driver": "weave", "driver_opts": {"a": TAG}}, ""),
        ({"driver": "weave"}, ""),
        ({"driver": "bridge", "driver_opts": {"a": "1"}}, ""),
        ({"driver": "overlay", "driver_opts": {"a": "1"}}, ""),
        ({"driver_opts": {"a": "1"}}, ""),
        ({"driver": "macvlan", "driver_opts": {"parent": "eth0"}}, ""),
        ({"driver": "weave", "driver_opts": {"a": "1"}, "external": True}, ""),
    ],
)
def test_a_plugin_with_the_same_options_may_give_all_sessions_one_network(
    network: dict[str, object], options: str
) -> None:
    config = {"services": {}, "networks": {"n": {"name": f"{TAG}_n", **network}}}
    told = (
        f"network n is made by the plugin weave with the same options in every session ({options}),"
        ' which may lead all sessions to one network; shared = ["network:n"] in the settings says '
        "that this is meant"
    )
    assert plan_of(config).warnings == ([told] if options else [])
    made = plan_of(config, settings=Settings(shared=("network:n",)))
    assert (made.acknowledged, made.warnings) == ([("network", "n")] if options else [], [])


@pytest.mark.parametrize(
    ("image", "after"),
    [
        ("shop", f"shop:latest-{TAG}"),
        ("shop:1.2", f"shop:1.2-{TAG}"),
        ("registry:5000/shop", f"registry:5000/shop:latest-{TAG}"),
        ("registry:5000/shop:1", f"registry:5000/shop:1-{TAG}"),
        ("shop:" + "x" * 128, f"shop:{'x' * 116}-{TAG}"),
        (f"{TAG}/shop:1", None),
    ],
)
def test_the_tag_of_a_built_image(image: str, after: str | None) -> None:
    config = {"services": {"web": {"image": image, "build": {"context": "."}}}}
    assert plan_of(config).override("services", "web", "image") == after
    assert after is None or len(after.rpartition(":")[2]) <= 128


def test_every_service_that_names_a_built_image_follows() -> None:
    config = {
        "services": {
            "app": {"image": "app:1", "build": {"args": {"BASE": "base", "N": "1"}}},
            "base": {"image": "base", "build": {"context": "base", "tags": ["base:2", "base"]}},
            "job": {"image": "app:1"},
            "db": {"image": "postgres:17"},
        }
    }
    made = plan_of(config)
    assert made.override("services") == {
        "app": {
            "image": f"app:1-{TAG}",
            "pull_policy": "never",
            "build": {"args": {"BASE": f"base:latest-{TAG}"}},
        },
        "base": {
            "image": f"base:latest-{TAG}",
            "pull_policy": "never",
            "build": made.override("services", "base", "build"),
        },
        "job": {"image": f"app:1-{TAG}", "pull_policy": "never"},
    }
    tags = made.override("services", "base", "build", "tags")
    assert tags == [f"base:2-{TAG}", f"base:latest-{TAG}"]


@pytest.mark.parametrize(
    ("policy", "after"),
    [
        ("", "never"),
        ("always", "never"),
        ("missing", "never"),
        ("every_12h", "never"),
        ("never", None),
        ("build", None),
    ],
)
def test_no_registry_is_asked_for_the_session_s_tag(policy: str, after: str | None) -> None:
    web = {"image": "shop", "build": {"context": "."}, "pull_policy": policy}
    made = plan_of({"services": {"web": web}})
    assert made.override("services", "web", "image") == f"shop:latest-{TAG}"
    assert made.override("services", "web", "pull_policy") == after
    moves = [change for change in made.changes("image") if change[1] == "pull_policy"]
    assert moves == ([("web", "pull_policy", policy, after)] if after else [])


@pytest.mark.parametrize(
    "name",
    [
        "shop",
        "shop:latest",
        "library/shop",
        "docker.io/shop",
        "docker.io/library/shop:latest",
        "index.docker.io/library/shop",
    ],
)
def test_an_image_is_one_by_any_of_its_names(name: str) -> None:
    services = {
        "app": {"image": "shop", "build": {"context": "."}},
        "worker": {"image": name},
        "site": {
            "build": {
                "args": {"BASE": name},
                "cache_from": [name, f"type=registry,ref={name}", "type=local,src=/x"],
                "additional_contexts": {"base": f"docker-image://{name}", "x": "./x"},
            }
        },
    }
    made = plan_of({"services": services})
    after = f"shop:latest-{TAG}"
    assert made.override("services", "worker", "image") == after
    build = ("services", "site", "build")
    assert made.override(*build, "args") == {"BASE": after}
    contexts = made.override(*build, "additional_contexts")
    assert contexts == {"base": f"docker-image://{after}"}
    cache = made.override("services", "site", "build", "cache_from")
    assert cache == [after, f"type=registry,ref={after}", "type=local,src=/x"]
    assert {change[1] for change in made.changes("image") if change[0] == "site"} == {
        "build.args.BASE",
        "build.cache_from",
        "build.additional_contexts.base",
    }


@pytest.mark.parametrize(
    "name", ["ghcr.io/shop", "localhost/shop", "shop:2", "x/shop", "shop@sha256:0", "reg:5000/shop"]
)
def test_another_image_is_not_taken_for_it(name: str) -> None:
    services = {
        "app": {"image": "shop", "build": {"context": "."}},
        "worker": {"image": name},
    }
    made = plan_of({"services": services})
    assert made.override("services", "worker") is None


def test_an_image_that_nobody_builds_keeps_its_tag() -> None:
    config = {"services": {"web": {"image": "nginx"}, "job": {"build": {"context": "."}}}}
    assert plan_of(config).plan.override == {}


def test_a_tag_with_the_project_in_it_stays_beside_one_that_moves() -> None:
    build = {"tags": [f"shop:{TAG}", "shop:2"]}
    made = plan_of({"services": {"web": {"image": "nginx", "build": build, "pull_policy": ""}}})
    assert made.override("services", "web", "build", "tags") == [f"shop:{TAG}", f"shop:2-{TAG}"]
    assert [change[2] for change in made.changes("image")] == ["nginx", "", "shop:2"]


def test_tags_move_without_an_image_too() -> None:
    made = plan_of({"services": {"web": {"build": {"tags": ["shop:2"]}}}})
    assert made.override("services", "web") == {"build": made.override("services", "web", "build")}
    assert made.changes("image") == [("web", "build.tags", "shop:2", f"shop:2-{TAG}")]
