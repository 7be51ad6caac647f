"""The errors: scripts rely on their codes and exit codes."""

from collections.abc import Iterator

import pytest

from composeports import errors
from composeports.errors import ComposeportsError

PROMISED = {
    "address_in_use": 75,
    "block_too_small": 78,
    "compose_file": 78,
    "compose_missing": 69,
    "compose_too_old": 69,
    "engine_unreachable": 69,
    "extra_missing": 69,
    "file_access": 78,
    "invalid_config": 78,
    "invalid_session": 2,
    "no_lease": 66,
    "no_ports_available": 75,
    "no_subnets_available": 75,
    "not_isolated": 78,
    "port_held": 75,
    "other_engine": 75,
    "port_taken": 75,
    "project_foreign": 75,
    "session_busy": 75,
    "stack_left": 75,
    "store_busy": 75,
    "store_unusable": 78,
    "unknown_port": 2,
    "usage": 2,
}


def every_error(
    base: type[ComposeportsError] = ComposeportsError,
) -> Iterator[type[ComposeportsError]]:
    for each in base.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from every_error(each)


def test_the_codes_and_exit_codes_are_those_that_were_promised() -> None:
    found = {each.code: each.exit_code for each in every_error()}
    assert PROMISED.items() <= found.items()


def test_every_kind_of_failure_has_a_code_of_its_own_and_a_known_exit_code() -> None:
    kinds = [each for each in every_error() if each.__base__ is ComposeportsError]
    codes = [each.code for each in every_error() if "code" in vars(each)]
    assert len(set(codes)) == len(codes)
    assert {each.exit_code for each in every_error()} <= {1, 2, 66, 69, 75, 78}
    assert all("code" in vars(each) for each in kinds)


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: error.code)
def test_a_failure_is_one_document(error: type[ComposeportsError]) -> None:
    failure = error("it failed", hint="do this", port=80)
    assert str(failure) == failure.message == "it failed"
    assert failure.as_dict() == {
        "code": error.code,
        "message": "it failed",
        "hint": "do this",
        "details": {"port": 80},
    }


@pytest.mark.parametrize("error", [errors.ConfigError, errors.InvalidSessionError])
def test_a_bad_value_is_a_value_error_too(error: type[ComposeportsError]) -> None:
    assert issubclass(error, ValueError)
