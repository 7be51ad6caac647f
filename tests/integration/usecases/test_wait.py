"""`up --wait` after a service has ended with 0: what Compose says at its time limit is checked."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from composeports.usecases.wait import wait_for_others
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration

PROJECT = "ac-0123abcd"


@pytest.mark.parametrize(
    ("health", "arguments", "code"),
    [
        ("starting", ("--wait", "--wait-timeout", "4"), 1),
        ("unhealthy", ("--wait", "--wait-timeout", "4"), 1),
        ("healthy", ("--wait", "--wait-timeout", "4"), 0),
        ("", ("--wait", "--wait-timeout", "4"), 0),
        ("starting", ("--wait",), 0),
    ],
)
def test_compose_that_ends_with_0_too_early_is_not_believed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    health: str,
    arguments: Sequence[str],
    code: int,
) -> None:
    machine = FakeMachine(tmp_path)
    machine.engine.add(PROJECT, service="migrate", state="exited")
    machine.engine.add(PROJECT, service="web")
    inspected = f"migrate\texited\t0\tno\t\nweb\trunning\t0\tno\t{health}\n"
    monkeypatch.setattr(machine.engine, "output", lambda *_: inspected)
    calls: list[Sequence[str]] = []

    def compose(words: Sequence[str]) -> int:
        calls.append(words)
        return 0

    assert wait_for_others(machine.session("a"), PROJECT, arguments, 1, compose) == code
    assert [words[-1] for words in calls] == ["web"]
    assert any("not healthy after 4 s: web" in text for text in machine.said) is bool(code)
