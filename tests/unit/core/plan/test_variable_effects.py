"""The effects of a variable, from two answers of Compose."""

import pytest

from composeports.core.compose_project import Project, PublishedPort, Service
from composeports.core.plan.variable_effects import (
    NO_EFFECTS,
    PortField,
    VariableEffects,
    compare,
    moved_target,
    port_variables,
)

MARK = {"WEB_PORT": "65535"}


def config(**web: object) -> dict[str, object]:
    return {"name": "x", "services": {"web": web}}


def ports(published: str, target: int = 80) -> dict[str, object]:
    return config(ports=[{"target": target, "published": published, "protocol": "tcp"}])


PUBLISHED = PortField("web", 0, "published")
TARGET = PortField("web", 0, "target")


@pytest.mark.parametrize(
    ("plain", "marked", "port_fields", "other_uses", "pure"),
    [
        pytest.param(ports("8080"), ports("65535"), (PUBLISHED,), (), True, id="host port"),
        pytest.param(
            ports("8080", 8080),
            ports("65535", 65535),
            (TARGET, PUBLISHED),
            (),
            False,
            id="both ports",
        ),
        pytest.param(ports("80", 8080), ports("80", 65535), (TARGET,), (), False, id="container"),
        pytest.param(
            config(command=["serve", "8080"]),
            config(command=["serve", "65535"]),
            (),
            ("services.web.command.1",),
            False,
            id="a command",
        ),
        pytest.param(
            config(labels={"to-8080": "x"}),
            config(labels={"to-65535": "x"}),
            (),
            ("services.web.labels.to-65535",),
            False,
            id="a key",
        ),
        pytest.param(
            config(environment={"URL": "http://x:8080"}),
            config(environment={"URL": "http://x:65535"}),
            (),
            ("services.web.environment.URL",),
            False,
            id="a part of a text",
        ),
        pytest.param(
            ports("8080-8081"),
            ports("65535-8081"),
            (),
            ("services.web.ports.0.published",),
            False,
            id="a part of a range",
        ),
        pytest.param(
            config(ports=[]),
            ports("65535"),
            (),
            ("services.web.ports",),
            False,
            id="another number of ports",
        ),
        pytest.param(
            config(),
            config(labels={"a": "65535"}),
            (),
            ("services.web.labels",),
            False,
            id="something new",
        ),
        pytest.param(
            config(labels={"a": "1"}), config(labels={"a": "2"}), (), (), False, id="unmarked"
        ),
        pytest.param(
            config(labels={"65535": "1"}), config(), (), (), False, id="something that went"
        ),
        pytest.param(ports("8080"), ports("8080"), (), (), False, id="nothing"),
    ],
)
def test_a_variable_moves(
    plain: dict[str, object],
    marked: dict[str, object],
    port_fields: tuple[PortField, ...],
    other_uses: tuple[str, ...],
    pure: bool,
) -> None:
    effects = compare(plain, marked, MARK)
    assert effects.port_fields.get("WEB_PORT", ()) == port_fields
    places = (".".join(map(str, path)) for path in effects.other_uses.get("WEB_PORT", ()))
    assert tuple(places) == other_uses
    assert effects.only_publishes("WEB_PORT") is pure


def test_a_host_port_and_a_text_is_not_pure() -> None:
    plain = {"services": {"web": {**ports("8080")["services"]["web"], "command": "8080"}}}  # type: ignore[index]
    marked = {"services": {"web": {**ports("65535")["services"]["web"], "command": "65535"}}}  # type: ignore[index]
    effects = compare(plain, marked, MARK)
    assert effects == VariableEffects(
        {"WEB_PORT": (PUBLISHED,)}, {"WEB_PORT": (("services", "web", "command"),)}
    )
    assert not effects.only_publishes("WEB_PORT")


def test_each_variable_has_its_own_moves() -> None:
    plain = config(ports=[{"published": "80"}, {"published": "81"}], command="80 81")
    marked = config(ports=[{"published": "65535"}, {"published": "65534"}], command="80 65534")
    effects = compare(plain, marked, {"A": "65535", "B": "65534"})
    assert effects.variable_of("web", 0, "published") == "A"
    assert effects.variable_of("web", 1, "published") == "B"
    assert (effects.only_publishes("A"), effects.only_publishes("B")) == (True, False)


def test_a_field_that_no_variable_moves_has_none() -> None:
    assert NO_EFFECTS.variable_of("web", 0, "published") == ""
    assert compare(ports("1"), ports("65535"), MARK).variable_of("web", 0, "target") == ""


def project(*published: str) -> Project:
    entries = tuple(PublishedPort("web", 80, published=each) for each in published)
    return Project((Service("web", entries),))


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param({"B": "8080", "A": "8080"}, ("A", "B"), id="values that are published"),
        pytest.param({"A": "8081"}, (), id="a port that is not published"),
        pytest.param({"A": "8000-8010"}, (), id="a range"),
        pytest.param({"A": ""}, (), id="empty"),
        pytest.param({"API_PORT": ""}, ("API_PORT",), id="a fixed one, whatever its value"),
        pytest.param({}, (), id="none"),
    ],
)
def test_a_candidate_has_a_value_that_the_file_publishes(
    values: dict[str, str], found: tuple[str, ...]
) -> None:
    assert port_variables(project("8080", "8000-8010", ""), values) == found


@pytest.mark.parametrize(
    ("values", "target"),
    [({"API_PORT": "10003"}, 10003), ({}, 80)],
    ids=["its variable is set", "its variable is left alone"],
)
def test_the_container_port_is_what_compose_will_see(values: dict[str, str], target: int) -> None:
    effects = VariableEffects({"API_PORT": (TARGET,)}, {})
    assert moved_target(PublishedPort("web", 80), 0, effects, values) == target
    assert moved_target(PublishedPort("web", 80), 1, effects, values) == 80


def test_a_variable_that_programs_obey_is_no_port_variable() -> None:
    values = {"LD_PRELOAD": "8080", "DOCKER_CONFIG": "8080", "WEB": "8080"}
    assert port_variables(project("8080"), values) == ("WEB",)
