"""The six variables: which of them keep the user's value inside the stack."""

from collections.abc import Mapping

import pytest

from composeports.core.plan.override import Override
from tests.support.planning import Planned, plan_of


def service(**spec: object) -> dict[str, object]:
    return {"services": {"api": spec}}


def planned(
    plain: Mapping[str, object], marked: Mapping[str, object], name: str, **more: str
) -> Planned:
    return plan_of(plain, marked=marked, marks={name: "65000"}, values={name: "8000", **more})


@pytest.mark.parametrize(
    ("plain", "marked", "path", "value"),
    [
        pytest.param(
            service(environment={"PORT": "8000", "A": "b"}),
            service(environment={"PORT": "65000", "A": "b"}),
            ("services", "api", "environment"),
            {"PORT": "8000"},
            id="where a program listens",
        ),
        pytest.param(
            service(command=["serve", "8000"]),
            service(command=["serve", "65000"]),
            ("services", "api", "command"),
            ["serve", "8000"],
            id="a word of a command",
        ),
        pytest.param(
            service(healthcheck={"test": ["CMD", "8000"], "interval": "1s"}),
            service(healthcheck={"test": ["CMD", "65000"], "interval": "1s"}),
            ("services", "api", "healthcheck", "test"),
            ["CMD", "8000"],
            id="a health check",
        ),
        pytest.param(
            service(environment={"API_PORT": None, "A": None}),
            service(environment={"API_PORT": "65000", "A": None}),
            ("services", "api", "environment"),
            {"A": None},
            id="passed through, and the user has none",
        ),
        pytest.param(
            service(labels={"to-8000": "x", "a": "b"}),
            service(labels={"to-65000": "x", "a": "b"}),
            ("services", "api", "labels"),
            {"to-8000": "x", "a": "b"},
            id="a key",
        ),
        pytest.param(
            service(volumes=[{"type": "bind", "source": "/d-8000", "target": "/d"}]),
            service(volumes=[{"type": "bind", "source": "/d-65000", "target": "/d"}]),
            ("services", "api", "volumes"),
            [{"type": "bind", "source": "/d-8000", "target": "/d"}],
            id="an entry of a list",
        ),
        pytest.param(
            {"services": {}, "configs": {"c": {"content": "port 8000"}}},
            {"services": {}, "configs": {"c": {"content": "port 65000"}}},
            ("configs", "c"),
            {"content": "port 8000"},
            id="a config",
        ),
    ],
)
def test_what_the_variable_moves_keeps_the_user_s_value(
    plain: Mapping[str, object], marked: Mapping[str, object], path: tuple[str, ...], value: object
) -> None:
    made = planned(plain, marked, "API_PORT")
    assert made.override(*path) == value
    assert made.left[0] == ("", "API_PORT", "8000")
    assert made.changes("variable") == []
    assert dict(made.plan.environment)["API_PORT"] == "10003"


def test_what_no_service_sees_is_not_written() -> None:
    made = planned(
        {"services": {}, "x-port": "8000", "name": "a-8000"},
        {"services": {}, "x-port": "65000", "name": "a-65000"},
        "API_PORT",
    )
    assert made.plan.override == {}


def test_a_whole_mapping_stays_one_when_a_rule_adds_to_it() -> None:
    def spec(passed: str | None) -> dict[str, object]:
        environment = {"API_PORT": passed, "URL": "http://localhost:80"}
        ports = [{"published": "80", "target": 80, "protocol": "tcp"}]
        return service(environment=environment, ports=ports)

    made = planned(spec(None), spec("65000"), "API_PORT")
    services = made.plan.override["services"]
    assert isinstance(services, dict)
    assert services["api"]["environment"] == Override({"URL": "http://localhost:10004"})


@pytest.mark.parametrize(
    ("before", "is_kept"),
    [
        ("https://xyz.supabase.example", True),
        ("http://kong:8000", True),
        ("http://10.0.0.3:8000/rest", True),
        ("http://host.docker.internal:54321", True),
        ("xyz.supabase.example", True),
        ("http://localhost:54321", False),
        ("http://127.0.0.1:54321", False),
        ("http://0.0.0.0:54321", False),
        ("http://[::1]:54321", False),
        ("", False),
        (None, False),
    ],
)
def test_the_user_s_own_supabase(before: str | None, *, is_kept: bool) -> None:
    made = planned(
        service(environment={"SUPABASE_URL": before}),
        service(environment={"SUPABASE_URL": "65000"}),
        "SUPABASE_URL",
        SUPABASE_URL=before or "",
    )
    kept = made.override("services", "api", "environment")
    assert kept == ({"SUPABASE_URL": before} if is_kept else None)
    assert [where for _, where, _ in made.left] == (["SUPABASE_URL"] if is_kept else [])
    assert [change[1] for change in made.changes("variable")] == (
        [] if is_kept else ["SUPABASE_URL"]
    )


def test_one_default_of_two_that_leads_elsewhere() -> None:
    def spec(one: str, two: str) -> dict[str, object]:
        return service(environment={"INSIDE": f"{one}/rest", "OUTSIDE": two})

    made = planned(
        spec("http://kong:8000", "http://localhost:54321"), spec("65000", "65000"), "SUPABASE_URL"
    )
    assert made.override("services", "api", "environment") == {"INSIDE": "http://kong:8000/rest"}


def test_a_variable_that_nobody_could_be_asked_of_is_told() -> None:
    made = plan_of({"services": {}}, unproved=("WEB_PORT",))
    assert len(made.warnings) == 1
    assert "WEB_PORT" in made.warnings[0]
