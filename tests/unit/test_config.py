"""The configuration: accepted values, and the errors for others."""

import re
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from composeports.config import Config, PortAllocatorConfig, engine_timeout
from composeports.core.ports import PortGrid
from composeports.errors import EXIT_CONFIG, ConfigError, InvalidSessionError
from composeports.stores.url import is_shared


def test_the_defaults_are_those_of_the_documentation() -> None:
    config = PortAllocatorConfig()
    assert config == PortAllocatorConfig(10000, 100, 120, 20)
    assert config.grid == PortGrid(10000, 100, 20)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"base_port": 1024}, id="the lowest base"),
        pytest.param({"range_per_session": 4}, id="the smallest range"),
        pytest.param({"ttl_minutes": 1}, id="the shortest time"),
        pytest.param({"max_sessions": 1}, id="one session"),
        pytest.param({"base_port": 63535}, id="a range that ends at the end"),
    ],
)
def test_a_value_at_the_limit_is_accepted(values: dict[str, int]) -> None:
    assert all(getattr(PortAllocatorConfig(**values), name) == values[name] for name in values)


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        pytest.param(
            {"base_port": 80},
            "base_port must be >= 1024, got 80",
            "the smallest accepted value is 1024",
            id="base",
        ),
        pytest.param(
            {"base_port": 1023}, "base_port must be >= 1024, got 1023", "1024", id="base by one"
        ),
        pytest.param(
            {"range_per_session": 3}, "range_per_session must be >= 4, got 3", "4", id="range"
        ),
        pytest.param({"ttl_minutes": 0}, "ttl_minutes must be >= 1, got 0", "1", id="time"),
        pytest.param({"max_sessions": 0}, "max_sessions must be >= 1, got 0", "1", id="sessions"),
        pytest.param({"max_sessions": -5}, "max_sessions must be >= 1, got -5", "1", id="negative"),
        pytest.param(
            {"base_port": 63536},
            "base_port + range_per_session * max_sessions must be <= 65535, "
            "got 63536 + 100 * 20 = 65536",
            "the largest max_sessions that fits is 19",
            id="the end by one",
        ),
        pytest.param(
            {"base_port": 65000, "range_per_session": 1000},
            "got 65000 + 1000 * 20 = 85000",
            "the largest base_port that fits one session is 64535",
            id="no room for one session",
        ),
        pytest.param(
            {"range_per_session": 64512},
            "got 10000 + 64512 * 20 = 1300240",
            "the largest range_per_session that fits, with the lowest base_port, is 64511",
            id="no room anywhere",
        ),
        pytest.param(
            {"base_port": "10000"},
            "base_port must be a whole number >= 1024, got '10000'",
            "give 1024 or more",
            id="a text",
        ),
        pytest.param(
            {"max_sessions": True}, "max_sessions must be a whole number >= 1", "1", id="a truth"
        ),
        pytest.param(
            {"ttl_minutes": 1.5}, "ttl_minutes must be a whole number >= 1, got 1.5", "1", id="half"
        ),
    ],
)
def test_a_value_that_cannot_work_is_refused(
    values: dict[str, int], message: str, hint: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as told:
        PortAllocatorConfig(**values)
    assert hint in told.value.hint
    assert told.value.exit_code == EXIT_CONFIG


def test_a_refused_value_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match=r"^base_port must be >= 1024, got 80$"):
        PortAllocatorConfig(base_port=80)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PortAllocatorConfig().base_port = 1  # type: ignore[misc]


@given(st.integers(1024, 66000), st.integers(4, 3000), st.integers(1, 40))
def test_accepted_settings_give_out_ports_alone(base: int, size: int, sessions: int) -> None:
    try:
        config = PortAllocatorConfig(base, size, 1, sessions)
    except ConfigError:
        assert base + size * sessions > 65535
        return
    assert all(block.start >= 1024 and block.last <= 65535 for block in config.grid.blocks())


@given(st.integers(1024, 70000), st.integers(4, 70000), st.integers(1, 40))
def test_the_value_that_a_refusal_names_does_do(base: int, size: int, sessions: int) -> None:
    try:
        PortAllocatorConfig(base, size, 1, sessions)
    except ConfigError as error:
        largest = int(error.hint.split()[-1])
        if "max_sessions" in error.hint:
            PortAllocatorConfig(base, size, 1, largest)
        elif "range_per_session" in error.hint:
            PortAllocatorConfig(1024, largest, 1, 1)
        else:
            PortAllocatorConfig(largest, size, 1, 1)


# The environment


def test_the_environment_s_values_are_taken() -> None:
    environ = {
        "PORT_ALLOC_BASE": "20000",
        "PORT_ALLOC_RANGE": "50",
        "PORT_ALLOC_TTL_MINUTES": " 60 ",
        "PORT_ALLOC_MAX_SESSIONS": "5",
    }
    assert PortAllocatorConfig.from_env(environ) == PortAllocatorConfig(20000, 50, 60, 5)


@pytest.mark.parametrize("environ", [{}, {"PORT_ALLOC_BASE": ""}, {"PORT_ALLOC_RANGE": "  "}])
def test_what_is_unset_or_empty_has_its_default(environ: dict[str, str]) -> None:
    assert PortAllocatorConfig.from_env(environ) == PortAllocatorConfig()


def test_without_an_environment_the_process_s_own_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_ALLOC_BASE", "20000")
    assert PortAllocatorConfig.from_env().base_port == 20000
    assert Config.from_env().port_allocator.base_port == 20000


@pytest.mark.parametrize(
    ("environ", "message", "setting"),
    [
        pytest.param(
            {"PORT_ALLOC_BASE": "80"},
            "PORT_ALLOC_BASE: base_port must be >= 1024, got 80",
            "PORT_ALLOC_BASE",
            id="too low",
        ),
        pytest.param(
            {"PORT_ALLOC_RANGE": "3"},
            "PORT_ALLOC_RANGE: range_per_session must be >= 4, got 3",
            "PORT_ALLOC_RANGE",
            id="too small",
        ),
        pytest.param(
            {"PORT_ALLOC_TTL_MINUTES": "soon"},
            "PORT_ALLOC_TTL_MINUTES must be a whole number >= 1, got 'soon'",
            "PORT_ALLOC_TTL_MINUTES",
            id="no number",
        ),
        pytest.param(
            {"PORT_ALLOC_MAX_SESSIONS": "1.5"},
            "PORT_ALLOC_MAX_SESSIONS must be a whole number >= 1, got '1.5'",
            "PORT_ALLOC_MAX_SESSIONS",
            id="half a session",
        ),
        pytest.param(
            {"PORT_ALLOC_BASE": "64000", "PORT_ALLOC_RANGE": "100", "PORT_ALLOC_TTL_MINUTES": "5"},
            "PORT_ALLOC_BASE, PORT_ALLOC_RANGE: base_port + range_per_session * max_sessions "
            "must be <= 65535, got 64000 + 100 * 20 = 66000",
            "PORT_ALLOC_MAX_SESSIONS",
            id="a range that ends too high",
        ),
    ],
)
def test_a_variable_that_cannot_work_is_named(
    environ: dict[str, str], message: str, setting: str
) -> None:
    with pytest.raises(ConfigError) as told:
        PortAllocatorConfig.from_env(environ)
    assert told.value.message == message
    assert told.value.details == {"setting": setting}
    assert told.value.hint


def test_the_aggregate_has_its_defaults() -> None:
    config = Config.from_env({"COMPOSEPORTS_STATE_DIR": "/state"})
    assert config == Config(PortAllocatorConfig(), "sqlite:///state/leases.sqlite3")
    assert Config().store == "memory:"


def test_the_aggregate_takes_what_is_set() -> None:
    config = Config.from_env(
        {
            "PORT_ALLOC_BASE": "20000",
            "COMPOSEPORTS_STORE": "memory:",
            "COMPOSEPORTS_SESSION": "mine",
            "COMPOSEPORTS_API_KEYS": " one, two,, ",
            "COMPOSEPORTS_HOST": "[fd00::7]",
        }
    )
    grid = PortAllocatorConfig(20000)
    assert config == Config(grid, "memory:", "mine", ("one", "two"), "fd00::7")


def test_a_host_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError) as told:
        Config.from_env({"COMPOSEPORTS_HOST": "http://build:80"})
    assert "COMPOSEPORTS_HOST" in told.value.message
    assert "'http://build:80': it is a URL" in told.value.message
    assert told.value.details == {"setting": "COMPOSEPORTS_HOST"}


@pytest.mark.parametrize(("value", "number"), [("", 4), (" ", 4), ("1", 1), ("1000", 1000)])
def test_the_number_of_commands_of_a_server(value: str, number: int) -> None:
    assert Config.from_env({"COMPOSEPORTS_SERVER_COMMANDS": value}).server_commands == number


@pytest.mark.parametrize("value", ["0", "-1", "many", "1001", "1.5", "9" * 5000])
def test_a_number_of_commands_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(ConfigError) as told:
        Config.from_env({"COMPOSEPORTS_SERVER_COMMANDS": value})
    assert "COMPOSEPORTS_SERVER_COMMANDS" in told.value.message
    assert "1000" in told.value.message
    assert told.value.details == {"setting": "COMPOSEPORTS_SERVER_COMMANDS"}


def test_an_empty_session_is_none() -> None:
    assert Config.from_env({"COMPOSEPORTS_SESSION": ""}).session is None


def test_a_blank_session_is_refused() -> None:
    with pytest.raises(InvalidSessionError):
        Config.from_env({"COMPOSEPORTS_SESSION": " "})


def test_keys_are_not_shown() -> None:
    config = Config.from_env({"COMPOSEPORTS_API_KEYS": "secret", "COMPOSEPORTS_STORE": "memory:"})
    assert repr(config) == (
        f"Config(port_allocator={PortAllocatorConfig()}, store='memory:', session=None, host='', "
        "server_commands=4, subnet_pool='10.213.0.0/16', naming='hash')"
    )
    assert "secret" not in f"{config} {[config]}"


@pytest.mark.parametrize(("text", "naming"), [("", "hash"), (" worktree ", "worktree")])
def test_the_naming_of_projects_is_a_default_of_repositories(text: str, naming: str) -> None:
    config = Config.from_env({"COMPOSEPORTS_NAMING": text})
    assert config.naming == config.default_settings.naming == naming


def test_another_naming_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({"COMPOSEPORTS_NAMING": "folder"})
    assert "COMPOSEPORTS_NAMING" in caught.value.message
    assert caught.value.message.endswith('must be "hash" or "worktree", got "folder"')


@pytest.mark.parametrize(
    ("text", "seconds"), [("", 10.0), (" 3 ", 3.0), ("0.1", 0.1), ("3600", 3600)]
)
def test_the_engines_time_is_read(text: str, seconds: float) -> None:
    assert engine_timeout({"COMPOSEPORTS_ENGINE_TIMEOUT": text}) == seconds
    assert engine_timeout({}) == 10


@pytest.mark.parametrize("text", ["0", "0.09", "-3", "3601", "inf", "nan", "10s"])
def test_a_time_for_the_engine_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="COMPOSEPORTS_ENGINE_TIMEOUT") as told:
        engine_timeout({"COMPOSEPORTS_ENGINE_TIMEOUT": text})
    assert repr(text) in told.value.message
    assert told.value.details == {"setting": "COMPOSEPORTS_ENGINE_TIMEOUT"}


@pytest.mark.parametrize(
    ("url", "shared"),
    [
        ("postgresql://agents@db.example/ports", True),
        ("postgres:///ports", True),
        ("postgresql:ports", False),
        ("sqlite:////tmp/leases.sqlite3", False),
        ("memory:", False),
    ],
)
def test_settings_and_stores_agree_on_what_is_shared(url: str, *, shared: bool) -> None:
    assert (Config(store=url).is_shared, is_shared(url)) == (shared, shared)
