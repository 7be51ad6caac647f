"""Images that are mounted, and caches in the tag of an image, follow the images built here."""

from composeports.core.compose_reader import read_project
from composeports.core.plan.host_facts import HostFacts, ScriptBuild
from composeports.core.plan.rules.images import unbuilt_images
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, plan_of

BASE = {"image": "shop/base", "build": {"context": "."}}


def image(source: str, target: str, **options: object) -> dict[str, object]:
    return {"type": "image", "source": source, "target": target, **options}


def test_a_mount_of_an_image_that_is_built_here_has_the_session_s_tag() -> None:
    mounts = [
        image("docker.io/shop/base:latest", "/b"),
        image("shop/base", "/s", read_only=True, image={"subpath": "lib"}),
        image("postgres:18", "/p"),
        image("", "/e"),
        {"type": "volume", "source": "shop/base", "target": "/v"},
    ]
    made = plan_of({"services": {"base": BASE, "web": {"image": "x", "volumes": mounts}}})
    tag = f"shop/base:latest-{PROJECT}"
    assert made.override("services", "web") == {
        "volumes": [
            image(tag, "/b"),
            image(tag, "/s", read_only=True, image={"subpath": "lib"}),
        ]
    }
    assert made.changes("image")[1:] == [
        ("base", "pull_policy", "", "never"),
        ("web", "volumes./b", "docker.io/shop/base:latest", tag),
        ("web", "volumes./s", "shop/base", tag),
    ]
    assert made.warnings == []


def test_a_mounted_image_may_be_built_by_a_script() -> None:
    services = {"web": {"build": {"context": "."}, "volumes": [image("shop/data", "/d")]}}
    project = read_project({"name": PROJECT, "services": services})
    assert list(unbuilt_images(project)) == ["docker.io/shop/data:latest"]
    facts = HostFacts(builds=(ScriptBuild("Makefile:3", "shop/data"),))
    (warning,) = plan_of({"services": services}, host_facts=facts).warnings
    assert warning.startswith("Makefile:3 builds shop/data (web)")


def test_a_cache_in_the_tag_of_a_built_image_is_the_session_s() -> None:
    caches = ["type=registry,ref=shop/base,mode=max", "type=inline", "shop/base"]
    base = {"image": "shop/base", "build": {"context": ".", "cache_to": caches}}
    made = plan_of({"services": {"base": base}})
    tag = f"shop/base:latest-{PROJECT}"
    cache_to = [f"type=registry,ref={tag},mode=max", "type=inline", tag]
    assert made.override("services", "base", "build", "cache_to") == cache_to
    assert [where for _, where, _, _ in made.changes("image")][2:] == ["build.cache_to"] * 2
    assert made.warnings == []


def test_images_that_the_settings_keep_shared_keep_their_caches() -> None:
    base = {"image": "shop/base", "build": {"context": ".", "cache_to": ["shop/base"]}}
    made = plan_of({"services": {"base": base}}, settings=Settings(isolate_images=False))
    assert (made.acknowledged, made.warnings) == ([("image", "shop/base")], [])
