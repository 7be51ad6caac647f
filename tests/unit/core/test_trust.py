"""No repository and no store sets a variable that programs obey, whatever its names are."""

import re
from collections.abc import Iterable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.core.environment import FORMATS, fixed_variables
from composeports.core.lease import Lease
from composeports.core.ports import PortBlock
from composeports.core.settings import Settings
from composeports.core.settings_schema import read_settings
from composeports.core.shell import MARKER, shell_environment
from composeports.errors import ConfigError
from composeports.usecases.lease import environment_of
from tests.support.planning import PROJECT, plan_of
from tests.unit.core.test_protected_names import ORDINARY, PROTECTED

# Names are judged here by the list of the test of names, not by the function under test.
OBEYED = {name.upper() for name in PROTECTED.split()}
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OUR_OWN = {
    *(name for name, _ in fixed_variables(0, "")),
    "COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES", MARKER,
}  # fmt: skip
USER = {"PATH": "/usr/bin", "HOME": "/home/me", "DOCKER_CONFIG": "/home/me/.docker"}

names = st.one_of(
    st.sampled_from(PROTECTED.split()),
    st.sampled_from(ORDINARY.split()),
    st.text(max_size=12),
)


def assert_only_allowed(before: dict[str, str], pairs: Iterable[tuple[str, str]]) -> None:
    """Check that a child with these variables differs from the user's shell in allowed names."""
    for name, value in {**before, **dict(pairs)}.items():
        if value != before.get(name) and name not in OUR_OWN:
            assert NAME.fullmatch(name)
            assert name.upper() not in OBEYED


@given(name=names, service=st.text(min_size=1, max_size=10), template=names)
def test_no_plan_sets_what_programs_obey(name: str, service: str, template: str) -> None:
    """Not even if a marker says that the variable moves a published port and nothing else."""

    def config(number: str) -> dict[str, object]:
        return {"services": {service: {"ports": [{"target": 80, "published": number}]}}}

    made = plan_of(
        config("8080"),
        marked=config("65000"),
        marks={name: "65000"},
        values={name: "8080"},
        settings=Settings(env={template: "./evil.so"}),
    ).plan
    assert_only_allowed(USER, made.environment)
    assert_only_allowed({}, made.environment)
    assert_only_allowed({}, made.variables)
    changed = [(each.where, each.after) for each in made.changes if each.kind == "variable"]
    assert_only_allowed({}, changed)
    assert made.ports == {f"{service}:80/tcp": made.endpoints[0].number}


@given(stored=st.lists(st.tuples(names, st.text(max_size=5))))
def test_no_stored_lease_sets_what_programs_obey(stored: list[tuple[str, str]]) -> None:
    lease = Lease("s", PortBlock(10000, 100), PROJECT, 0, 60, environment=tuple(stored))
    assert_only_allowed(USER, environment_of(lease))
    pairs = shell_environment(10000, PROJECT, stored, ["/w/a.yaml"], ["/w/.env"], ["dev"])
    assert_only_allowed(USER, pairs)
    assert dict(pairs)["COMPOSE_PROJECT_NAME"] == PROJECT
    for line in FORMATS["dotenv"](pairs).split("\n"):
        assert not line.startswith(("LD_PRELOAD=", "PATH=", "BASH_ENV="))


@given(name=names)
def test_settings_name_no_variable_that_programs_obey(name: str) -> None:
    settings = Settings()
    with suppress(ConfigError):
        settings = read_settings({"env": {name: "x"}}, "/w/composeports.toml", "/w")
    assert_only_allowed({}, settings.env.items())


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "DOCKER_HOST", "BASH_ENV", "http_proxy"])
def test_a_setting_for_such_a_variable_is_refused_with_a_next_step(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_settings({"env": {name: "x"}}, "/w/composeports.toml", "/w")
    assert caught.value.message == (
        f"/w/composeports.toml: env cannot set {name}, which programs obey"
    )
    assert "use another name" in caught.value.hint
    assert caught.value.exit_code == 78


def test_a_service_whose_variable_would_be_obeyed_gets_none() -> None:
    """The service `alloc` would have `PORT_ALLOC_80`, a name like those of the settings."""
    config = {"services": {"alloc": {"ports": [{"target": 80, "published": "8080"}]}}}
    assert [name for name, _ in plan_of(config).plan.variables] == ["CONTAINER_ALLOC"]
