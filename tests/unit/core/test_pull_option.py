"""`up --pull`: its value, and the services whose image a registry may have."""

import pytest

from composeports.core.compose_project import Build, Project, Service
from composeports.core.pull_option import services_to_pull, split_pull


@pytest.mark.parametrize(
    ("arguments", "policy", "others"),
    [
        ((), "", ()),
        (("--pull", "always", "web"), "always", ("web",)),
        (("--build", "--pull=missing"), "missing", ("--build",)),
        (("--pull", "never"), "", ("--pull", "never")),
        (("--pull",), "", ("--pull",)),
        (("--pullx=always",), "", ("--pullx=always",)),
    ],
)
def test_the_value_that_asks_a_registry_is_taken_out(
    arguments: tuple[str, ...], policy: str, others: tuple[str, ...]
) -> None:
    assert split_pull(arguments) == (policy, others)


@pytest.mark.parametrize(
    ("override", "started", "services"),
    [
        ({"services": {"named": {"image": "named-ac-1"}}}, ("named", "db"), ("db",)),
        ({"services": {"named": {"ports": []}}}, ("named", "db"), None),
        ({}, ("nameless", "db"), ("db",)),
        ({}, ("nameless",), ()),
        ({"services": {"named": {"image": "named-ac-1"}}}, ("db",), None),
    ],
)
def test_no_registry_has_the_session_s_own_images(
    override: dict[str, object], started: tuple[str, ...], services: tuple[str, ...] | None
) -> None:
    project = Project(
        services=(
            Service("db", image="postgres"),
            Service("named", image="named", build=Build()),
            Service("nameless", build=Build()),
        )
    )
    assert services_to_pull(project, override, started) == services
