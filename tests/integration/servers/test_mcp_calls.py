"""How a tool does its work: progress, failures, and notifications."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.types import CallToolResult

from composeports.errors import NoLeaseError
from composeports.servers.mcp.calls import Client, ToolRunner, failure, result_of
from composeports.usecases.context import Context
from tests.support.fakes import FakeMachine

pytestmark = pytest.mark.integration


@pytest.fixture
def calls(machine: FakeMachine, tmp_path: Path) -> ToolRunner:
    return ToolRunner(machine.context({"COMPOSEPORTS_STATE_DIR": str(tmp_path)}))


class Caller(Client):
    """A client that hears by a function, and no request."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear

    async def report(self, text: str) -> None:
        self._hear(text)


def attend(calls: ToolRunner, work: Any, hear: Callable[[str], None]) -> CallToolResult:  # noqa: ANN401
    async def run() -> CallToolResult:
        return await calls.attend(work, Caller(hear), lambda _: "nothing is left")

    return anyio.run(run)


def test_what_work_says_is_reported_in_order_without_empty_lines(calls: ToolRunner) -> None:
    told: list[str] = []

    def work(context: Context) -> dict[str, object]:
        for line in ("one", "", " two "):
            context.report(line)
        return {"success": True}

    result = attend(calls, work, told.append)
    assert result.structured_content == {"success": True}
    assert told == ["one", "two"]
    assert not calls.busy


def test_a_client_that_cannot_be_told_does_not_stop_the_work(calls: ToolRunner) -> None:
    def gone(_: str) -> None:
        raise anyio.BrokenResourceError

    def work(context: Context) -> dict[str, object]:
        for _ in range(50):
            context.report("a line")
        return {"success": True}

    assert attend(calls, work, gone).structured_content == {"success": True}


def test_a_bug_is_a_failure_that_names_a_log_and_nothing_else(
    calls: ToolRunner, tmp_path: Path
) -> None:
    def work(_: Context) -> dict[str, object]:
        raise RuntimeError("a secret")

    result = anyio.run(calls.answer, work)
    assert result.is_error
    assert result.structured_content["error"] == "internal"
    assert "a secret" not in json.dumps(result.structured_content)
    (log,) = tmp_path.glob("bug-*.log")
    assert str(log) in result.structured_content["hint"]
    assert "a secret" in log.read_text()


def test_a_failure_has_what_was_said_last(calls: ToolRunner) -> None:
    def work(context: Context) -> dict[str, object]:
        for number in range(30):
            context.report(str(number))
        raise NoLeaseError("there is none", hint="`composeports up` makes one")

    told = attend(calls, work, lambda _: None).structured_content
    assert told == {
        "success": False,
        "error": "no_lease",
        "message": "there is none",
        "hint": "`compose_up` makes one",
        "output": [str(number) for number in range(10, 30)],
    }


def test_names_that_are_no_text_can_be_read_by_any_client() -> None:
    result = result_of({"worktree": "/caf\udce9"})
    assert result.structured_content == {"worktree": "/caf?"}
    assert result.model_dump_json()
    assert failure("code", "m\udce9", "").model_dump_json()


def test_a_bad_setting_is_a_failure_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT_ALLOC_BASE", "80")
    result = anyio.run(ToolRunner().answer, lambda _: {"success": True})
    assert result.is_error
    assert result.structured_content["error"] == "invalid_config"
