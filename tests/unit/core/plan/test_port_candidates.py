"""The variables that may set ports, and the markers that prove which ones do."""

from hypothesis import given
from hypothesis import strategies as st

from composeports.core.plan.port_candidates import (
    FIXED_PORT_VARIABLES,
    marker_values,
    possible_port_variables,
)


def test_the_fixed_variables_are_the_four_of_the_contract() -> None:
    assert FIXED_PORT_VARIABLES == (
        "AGENT_COORDINATOR_DB_PORT",
        "AGENT_COORDINATOR_REST_PORT",
        "AGENT_COORDINATOR_REALTIME_PORT",
        "API_PORT",
    )


@given(st.lists(st.sampled_from("ABCDE"), unique=True), st.text("0123456789 ", max_size=200))
def test_a_marker_is_in_no_text_and_belongs_to_one_variable(names: list[str], text: str) -> None:
    marks = marker_values(names, text)
    assert list(marks) == names
    assert len(set(marks.values())) == len(names)
    assert all(mark not in text and 1 <= int(mark) <= 65535 for mark in marks.values())


def test_a_variable_that_programs_obey_gets_no_marker() -> None:
    """Compose gets the markers in its environment, and would obey them itself."""
    values = {"LD_PRELOAD": "8080", "DOCKER_CONFIG": "8080", "NODE_PORT": "7", "WEB": "8080"}
    assert possible_port_variables(values) == ("WEB",)


def test_every_integer_is_a_candidate_and_every_fixed_variable() -> None:
    """Only one default of a variable is known; another place of the file may have another."""
    values = {"SSL": "-1", "TAG": "latest", "EMPTY": "", "N": "3", "API_PORT": "", "DASH": "-"}
    assert possible_port_variables(values) == ("API_PORT", "N", "SSL")
