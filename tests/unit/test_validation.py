"""The validate-feature skill's decisions: readiness, URLs, and the report."""

import json

import pytest

from readiness import Container, containers_in, smoke_urls, urls_of
from report import FAIL, INTERRUPTED, PASS, SKIP, WARN, Phase, Report

ROW = {"Name": "ac-1-web-1", "Service": "web", "State": "running", "Health": "", "ExitCode": 0}


@pytest.mark.parametrize(
    "listing",
    [
        json.dumps(ROW) + "\n" + json.dumps({**ROW, "Name": "ac-1-web-2"}) + "\n",
        json.dumps([ROW, {**ROW, "Name": "ac-1-web-2"}]),
    ],
)
def test_both_forms_of_composes_list_are_read(listing: str) -> None:
    assert [each.name for each in containers_in(listing)] == ["ac-1-web-1", "ac-1-web-2"]
    assert containers_in("\n") == []


@pytest.mark.parametrize(
    ("state", "health", "code", "failed", "waited_for"),
    [
        ("running", "", 0, "", ""),
        ("running", "healthy", 0, "", ""),
        ("running", "starting", 0, "", "web-1 is starting"),
        ("running", "unhealthy", 0, "web-1 is unhealthy", "web-1 is unhealthy"),
        ("created", "", 0, "", "web-1 is created"),
        ("restarting", "", 1, "", "web-1 is restarting"),
        ("exited", "", 0, "", ""),
        ("exited", "", 3, "web-1 ended with exit code 3", "web-1 is exited"),
        ("dead", "", 137, "web-1 ended with exit code 137", "web-1 is dead"),
    ],
)
def test_a_container_is_ready_or_waited_for_or_has_failed(
    state: str, health: str, code: int, failed: str, waited_for: str
) -> None:
    container = Container("web-1", "web", state, health, code)
    assert (container.failed, container.waited_for) == (failed, waited_for)


def test_urls_are_those_of_this_session_and_of_services_that_are_there() -> None:
    urls = {"web:80/tcp": "http://localhost:10004", "tool:80/tcp": "http://localhost:10005"}
    rows = [
        {"current": False, "urls": {"web:80/tcp": "http://localhost:10104"}},
        {"current": True, "urls": urls},
    ]
    found = urls_of(json.dumps(rows), {"web", "db"})
    assert found == {"web:80/tcp": "http://localhost:10004"}
    assert urls_of("[]", {"web"}) == {}


def test_smoke_tests_get_each_http_url_by_a_name() -> None:
    urls = {
        "api:81/tcp": "http://localhost:1",
        "api:82/tcp": "https://localhost:2",
        "db:5432/tcp": "localhost:3",
        "ws:80/tcp": "ws://localhost:4",
    }
    assert smoke_urls(urls) == "api=http://localhost:1 api:82=https://localhost:2"
    assert smoke_urls({}) == ""


@pytest.mark.parametrize(
    ("results", "stopped", "finished", "result"),
    [
        ([PASS, SKIP, WARN], False, True, "PASS"),
        ([PASS, FAIL], False, True, "FAIL"),
        ([PASS, INTERRUPTED], True, True, "INTERRUPTED"),
        ([], False, False, "UNFINISHED"),
    ],
)
def test_the_result(results: list[str], result: str, *, stopped: bool, finished: bool) -> None:
    phases = [Phase("any", each) for each in results]
    report = Report(phases=phases, stopped=stopped, finished=finished)
    assert f"\nResult: **{result}**\n" in report.text()


def test_the_report_is_markdown_that_nothing_breaks_out_of() -> None:
    detail = "\n".join(["of old"] * 60 + ["```", "\x1b[31mred\x1b[0m\tand\x07", "last"])
    phases = [Phase("smoke", FAIL, "1 failed", detail, 2.4), Phase("ci", SKIP, "", "  ", 0.1)]
    text = Report({"branch": "a|b\nc"}, {"web:80/tcp": "http://x"}, phases, finished=True).text()
    assert text.startswith("# Validation report\n\nResult: **FAIL**\n")
    assert "| branch | a\\|b c |\n" in text
    assert "## URLs\n\n| | |\n|---|---|\n| web:80/tcp | http://x |\n" in text
    assert "- smoke: **fail** (2 s): 1 failed\n- ci: **skip** (0 s)\n" in text
    assert text.endswith("````text\n" + "of old\n" * 57 + "```\nred\tand \nlast\n````\n")
