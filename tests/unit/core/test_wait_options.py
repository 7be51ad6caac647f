"""What the options of `docker compose up` say about waiting."""

from collections.abc import Sequence

import pytest

from composeports.core.wait_options import (
    is_wait,
    is_wait_said,
    limit_of,
    starts_nothing,
    wait_option,
    without_wait,
)


@pytest.mark.parametrize(
    ("arguments", "waits", "limit"),
    [
        ((), False, None),
        (("--wait-timeout", "5"), False, 5),
        (("--wait=false",), False, None),
        (("--wait",), True, None),
        (("--wait=true", "--wait-timeout=7", "web"), True, 7),
        (("--wait", "--wait-timeout", "30"), True, 30),
        (("--wait", "--wait-timeout", "0"), True, None),
        (("--wait", "--wait-timeout", "soon"), True, None),
        (("--wait", "--wait-timeout"), True, None),
    ],
)
def test_what_up_was_asked_for(arguments: Sequence[str], waits: bool, limit: float | None) -> None:
    assert (is_wait(arguments), limit_of(arguments)) == (waits, limit)


@pytest.mark.parametrize(
    ("arguments", "is_said"),
    [((), False), (("--wait-timeout", "5"), False), (("--wait",), True), (("--wait=false",), True)],
)
def test_options_that_decide_whether_to_wait(arguments: Sequence[str], is_said: bool) -> None:
    assert is_wait_said(arguments) is is_said


@pytest.mark.parametrize("wait", [True, False])
def test_the_option_for_one_call(wait: bool) -> None:
    option = wait_option(wait=wait)
    assert is_wait_said([option])
    assert is_wait([option]) is wait


@pytest.mark.parametrize(
    ("arguments", "rest"),
    [
        ((), ()),
        (("--wait", "web"), ("web",)),
        (("--build", "--wait=true", "--wait-timeout", "5", "web"), ("--build", "web")),
        (("--wait-timeout=5", "--wait", "web"), ("web",)),
        (("web", "--wait-timeout"), ("web",)),
    ],
)
def test_compose_is_not_asked_to_wait(arguments: Sequence[str], rest: Sequence[str]) -> None:
    assert without_wait(arguments) == rest


@pytest.mark.parametrize(
    ("arguments", "nothing"),
    [
        (("web",), False),
        (("--no-start",), True),
        (("--dry-run=true",), True),
        (("--dry-run=false",), False),
    ],
)
def test_an_up_that_starts_nothing(arguments: Sequence[str], nothing: bool) -> None:
    assert starts_nothing(arguments) is nothing
