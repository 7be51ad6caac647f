"""What is told of a service that failed; its output is not trusted."""

import json

import pytest

from composeports.core.failed_service import (
    LINE_LENGTH,
    LOG_LINES,
    TOTAL_LENGTH,
    ContainerDetails,
    FailedService,
    failed_service,
    log_of_streams,
    share_of,
    was_stopped_by_compose,
)
from composeports.core.service_status import ContainerStatus

ENDED = ContainerStatus("db", "exited", 3, name="p-db-1")
UNHEALTHY = ContainerStatus("db", "running", None, "unhealthy")
NOTHING = ContainerDetails()
CHECKED = ContainerDetails(health="unhealthy", check_code=1, check_output="no table\n")


def told(
    status: ContainerStatus = ENDED, details: ContainerDetails = NOTHING, log: str = ""
) -> FailedService:
    return failed_service(status, details, log, share_of(1))


@pytest.mark.parametrize(
    ("status", "details", "summary"),
    [
        (ENDED, ContainerDetails(), "db exited with code 3"),
        (
            ENDED._replace(exit_code=137),
            ContainerDetails(was_out_of_memory=True),
            "db exited with code 137 (out of memory)",
        ),
        (ENDED, ContainerDetails(health="unhealthy", check_code=1), "db exited with code 3"),
        (UNHEALTHY, CHECKED, "db is unhealthy: its last health check ended with code 1"),
        (UNHEALTHY, ContainerDetails(), "db is unhealthy"),
        (
            UNHEALTHY._replace(health="starting"),
            CHECKED._replace(health="starting"),
            "db is not healthy yet: its last health check ended with code 1",
        ),
        (UNHEALTHY._replace(health="starting"), ContainerDetails(), "db is not healthy yet"),
        (
            ContainerStatus("db", "restarting", 3),
            ContainerDetails(restarts=1),
            "db is restarting, last exit code 3, restarted once",
        ),
        (
            ContainerStatus("db", "restarting", 137),
            ContainerDetails(restarts=7, was_out_of_memory=True),
            "db is restarting, last exit code 137 (out of memory), restarted 7 times",
        ),
        (ContainerStatus("db", "dead"), ContainerDetails(), "db is dead"),
        (
            ContainerStatus("db", "created"),
            ContainerDetails(error="exec: no such file\n"),
            "db did not start: exec: no such file",
        ),
    ],
)
def test_the_first_line_says_what_is_wrong(
    status: ContainerStatus, details: ContainerDetails, summary: str
) -> None:
    assert told(status, details).summary == summary
    assert told(status, details).text.split("\n")[0] == summary


def test_the_text_has_outputs_and_the_next_command() -> None:
    assert told(UNHEALTHY, CHECKED, "a\nb\n").text.split("\n")[1:] == [
        "  the last health check printed:",
        "    no table",
        "  the end of its log:",
        "    a",
        "    b",
        "  next: composeports logs db",
    ]
    assert told().text.split("\n")[1:] == ["  next: composeports logs db"]
    refused = told(ENDED, ContainerDetails(error="no such command"))
    assert refused.next == "composeports config db"
    command = ("composeports", "--session", "my agent")
    service = failed_service(ENDED, NOTHING, "", share_of(1), command)
    assert service.next == "composeports --session 'my agent' logs db"


def test_the_document_is_plain_json() -> None:
    document = told(UNHEALTHY, CHECKED, "a\n").as_dict()
    assert (
        json.loads(json.dumps(document))
        == document
        == {
            "service": "db",
            "container": "",
            "state": "running",
            "exit_code": None,
            "health": "unhealthy",
            "health_exit_code": 1,
            "health_output": ["no table"],
            "error": "",
            "restarts": 0,
            "out_of_memory": False,
            "log": ["a"],
            "next": "composeports logs db",
        }
    )


def test_no_control_character_is_left() -> None:
    log = "\x1b[31mred\x1b[0m\r\n\tindented\n\x07\x9b\udc80\u202e\n"
    service = told(
        ContainerStatus("d\nb", "running", None, "unhealthy", name="\x1bname"),
        CHECKED._replace(check_output="\x1b]0;title\x07"),
        log,
    )
    assert service.log == ("\\x1b[31mred\\x1b[0m", "    indented", "\\x07\\x9b\\udc80\\u202e")
    assert service.health_output == ("\\x1b]0;title\\x07",)
    assert service.next == "composeports logs 'd\\nb'"
    assert all(line.isprintable() for line in service.text.split("\n"))
    refused = told(ENDED, ContainerDetails(error="a\nb\x1b"))
    assert refused.error == "a\\nb\\x1b"


def test_only_the_last_lines_are_kept_and_long_ones_are_cut() -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    assert told(log=log).log == tuple(f"line {number}" for number in range(80, 100))
    assert len(told(log=log).log) == LOG_LINES
    (line,) = told(log="x" * 100_000).log
    assert len(line) == LINE_LENGTH
    assert line.endswith("x...")
    (escaped,) = told(log="\x1b" * LINE_LENGTH).log
    assert len(escaped) == LINE_LENGTH
    assert escaped.endswith("...")


@pytest.mark.parametrize("log", ["", "\n", "  \n\n"])
def test_a_log_without_text_has_no_lines(log: str) -> None:
    assert told(log=log).log == ()


@pytest.mark.parametrize("count", [0, 1, 3, 10, 1000])
def test_all_output_together_is_limited(count: int) -> None:
    long_text = "\n".join(["x" * 10_000] * LOG_LINES)
    details = CHECKED._replace(check_output=long_text)
    service = failed_service(UNHEALTHY, details, long_text, share_of(count))
    size = sum(map(len, (*service.log, *service.health_output)))
    assert service.log
    assert service.health_output
    # One line is kept in any case.
    assert size * max(1, min(count, 10)) <= TOTAL_LENGTH
    assert service.log[-1].endswith("...")


def test_two_streams_become_one_in_the_order_of_time() -> None:
    out = "2026-01-01T00:00:01.000000001Z one\n2026-01-01T00:00:03.000000000Z three\n"
    err = "2026-01-01T00:00:02.500000000Z two\n2026-01-01T00:00:04.500000000Z \n"
    assert log_of_streams(out, err) == "one\ntwo\nthree\n"
    assert log_of_streams("", "") == ""


@pytest.mark.parametrize(
    ("code", "was_out_of_memory", "was_stopped"),
    [(3, False, False), (None, False, False), (137, False, True), (137, True, False)],
)
def test_ends_by_a_signal(code: int | None, was_out_of_memory: bool, was_stopped: bool) -> None:
    details = ContainerDetails(was_out_of_memory=was_out_of_memory)
    status = ContainerStatus("web", "exited", code)
    assert was_stopped_by_compose(status, details) is was_stopped
