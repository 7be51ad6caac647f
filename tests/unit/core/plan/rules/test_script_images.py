"""A warning for an image that a script builds: all sessions share it."""

import pytest

from composeports.core.compose_reader import read_project
from composeports.core.plan.host_facts import HostFacts, ScriptBuild
from composeports.core.plan.rules.images import unbuilt_images
from composeports.core.settings import Settings
from tests.support.planning import PROJECT, plan_of

CONFIG = {"services": {"web": {"image": "shop/web"}, "worker": {"image": "shop/web:latest"}}}
AROUND = HostFacts(builds=(ScriptBuild("Makefile:3", "shop/web"),))


def test_it_is_told_once_with_a_way_out() -> None:
    twice = HostFacts(builds=(*AROUND.builds, *AROUND.builds))
    (warning,) = plan_of(CONFIG, host_facts=twice).warnings
    assert warning == (
        "Makefile:3 builds shop/web (web, worker): all sessions run the image that was built last; "
        "`build` in the Compose file gives each session its own, "
        'shared = ["image:shop/web"] in the settings says that this is meant'
    )


@pytest.mark.parametrize(
    "settings",
    [
        Settings(shared=("image:shop/web",)),
        Settings(shared=("image:docker.io/shop/web:latest",)),
        Settings(isolate_images=False),
    ],
)
def test_the_settings_say_that_it_is_meant(settings: Settings) -> None:
    made = plan_of(CONFIG, host_facts=AROUND, settings=settings)
    assert (made.acknowledged, made.warnings) == ([("image", "shop/web")], [])


@pytest.mark.parametrize(
    ("services", "unbuilt"),
    [
        ({"web": {"image": "shop/web"}}, ["docker.io/shop/web:latest"]),
        ({"web": {"image": "shop/web", "build": {"context": "."}}}, []),
        ({"web": {"image": "shop/web:1", "build": {}}, "job": {"image": "shop/web:1"}}, []),
        ({"web": {"image": f"{PROJECT}-web"}}, []),
        ({"web": {"build": {"context": "."}}}, []),
    ],
)
def test_what_the_file_builds_is_no_script_s(
    services: dict[str, object], unbuilt: list[str]
) -> None:
    project = read_project({"name": PROJECT, "services": services})
    assert list(unbuilt_images(project)) == unbuilt
