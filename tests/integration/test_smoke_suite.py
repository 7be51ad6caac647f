"""The smoke tests of the validate-feature skill, against services that are good and bad."""

import json
import os
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.harness.program import run
from tests.support.pages import serving
from tests.support.skill_runs import SKILL

pytestmark = pytest.mark.integration

SMOKE = SKILL / "scripts/smoke"
ORIGIN = "https://app.example.com"
AUTH = "Authorization: Bearer right"
TRACEBACK = 'Traceback (most recent call last):\n  File "/srv/app.py", line 3, in <module>\n'


class Good(BaseHTTPRequestHandler):
    """A service that behaves correctly."""

    def do_GET(self) -> None:
        """Answer by path."""
        path = self.path.partition("?")[0]
        if path == "/private" and self.headers["Authorization"] != "Bearer right":
            self.answer(401, "who are you?")
        elif path in {"/", "/health", "/private"}:
            self.answer(200, "fine")
        else:
            self.answer(404, json.dumps({"detail": "Not Found"}))

    def do_POST(self) -> None:
        """Take nothing."""
        self.answer(404, "")

    def do_PATCH(self) -> None:
        """Take nothing."""
        self.answer(405, "")

    def do_OPTIONS(self) -> None:
        """Answer a preflight."""
        self.answer(204, "")

    def answer(self, status: int, body: str) -> None:
        """Send it, with the headers of CORS."""
        self.send_response(status)
        for name, value in self.cross_origin():
            self.send_header(name, value)
        self.end_headers()
        if status != 204:
            self.wfile.write(body.encode())

    def cross_origin(self) -> list[tuple[str, str]]:
        """Allow requests with cookies only from the front end."""
        if self.headers["Origin"] != ORIGIN:
            return []
        return [
            ("Access-Control-Allow-Origin", ORIGIN),
            ("Access-Control-Allow-Credentials", "true"),
        ]

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


class Bad(Good):
    """A service that makes every mistake."""

    def do_GET(self) -> None:
        """Accept every request, and show internals."""
        if self.path == "/":
            self.answer(503, "starting")
        elif self.path in {"/private", "/health"}:
            self.answer(200 if self.path == "/private" else 500, "come in")
        else:
            self.answer(500, TRACEBACK)

    def cross_origin(self) -> list[tuple[str, str]]:
        """Allow requests with cookies from every page."""
        return [
            ("Access-Control-Allow-Origin", self.headers["Origin"] or "*"),
            ("Access-Control-Allow-Credentials", "true"),
        ]

    def do_OPTIONS(self) -> None:
        """Answer no preflight."""
        self.answer(501, "")


@pytest.fixture(scope="module")
def good() -> Iterator[str]:
    with serving(Good) as address:
        yield address


@pytest.fixture(scope="module")
def bad() -> Iterator[str]:
    with serving(Bad) as address:
        yield address


def smoke(folder: Path, **variables: str) -> dict[str, list[str]]:
    """Run the suite, and return its tests by what came of them."""
    results = folder / "results.xml"
    argv = ("-m", "pytest", "-q", "-c", SMOKE / "pytest.ini", f"--junitxml={results}", SMOKE)
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **variables}
    run(sys.executable, *argv, environ=environ)
    found: dict[str, list[str]] = {}
    for case in ET.parse(results).getroot().iter("testcase"):
        word = next((each.tag for each in case if each.tag != "properties"), "passed")
        found.setdefault(word, []).append(case.get("name", "").partition("[")[0])
    return {word: sorted(set(names)) for word, names in found.items()}


ALL = {
    "SMOKE_HEALTH": "api/health",
    "SMOKE_PROTECTED": "api/private",
    "SMOKE_AUTH": AUTH,
    "SMOKE_CORS": "api/",
    "SMOKE_ORIGIN": ORIGIN,
}
TESTS = [
    "test_a_stranger_may_not_ask_with_cookies",
    "test_an_unknown_page_is_no_failure_of_the_server",
    "test_errors_tell_nothing_about_the_inside",
    "test_the_health_endpoint_is_well",
    "test_the_own_origin_may_ask",
    "test_the_service_answers",
    "test_with_credentials_it_is_served",
    "test_with_false_credentials_it_is_refused",
    "test_without_credentials_it_is_refused",
]


def test_a_good_service_passes_all_of_them(tmp_path: Path, good: str) -> None:
    assert smoke(tmp_path, SMOKE_URLS=f"api={good}", **ALL) == {"passed": TESTS}


def test_a_bad_service_fails_all_that_it_can(tmp_path: Path, bad: str) -> None:
    done = smoke(tmp_path, SMOKE_URLS=f"api={bad}", **ALL)
    assert done == {
        "failure": [name for name in TESTS if name != "test_with_credentials_it_is_served"],
        "passed": ["test_with_credentials_it_is_served"],
    }


def test_what_is_not_configured_is_skipped(tmp_path: Path, good: str) -> None:
    done = smoke(tmp_path, SMOKE_URLS=f"api={good}/ other={good}")
    assert done["passed"] == [*TESTS[:3], "test_the_service_answers"]
    assert done["skipped"] == sorted(set(TESTS) - set(done["passed"]))
    assert set(smoke(tmp_path)) == {"skipped"}


def test_whole_urls_and_keys_of_another_header_will_do(tmp_path: Path, good: str) -> None:
    done = smoke(tmp_path, SMOKE_HEALTH=f"{good}/health", SMOKE_PROTECTED=f"{good}/private")
    assert "test_the_health_endpoint_is_well" in done["passed"]
    assert "test_with_credentials_it_is_served" in done["skipped"]
    wrong = smoke(tmp_path, SMOKE_PROTECTED=f"{good}/private", SMOKE_AUTH="X-API-Key: wrong")
    assert wrong["failure"] == ["test_with_credentials_it_is_served"]


def test_nobody_there_is_a_failure_that_names_the_url(tmp_path: Path) -> None:
    done = smoke(tmp_path, SMOKE_URLS="api=http://localhost:1")
    assert "test_the_service_answers" in done["failure"]
    message = (tmp_path / "results.xml").read_text()
    assert "GET http://localhost:1/ got no answer" in message
    assert "urllib/request.py" not in message


def test_a_name_that_is_unknown_is_told_with_those_that_are_known(
    tmp_path: Path, good: str
) -> None:
    done = smoke(tmp_path, SMOKE_URLS=f"api={good}", SMOKE_HEALTH="ap/health")
    assert "error" in done
    assert "SMOKE_HEALTH names 'ap'; SMOKE_URLS has api" in (tmp_path / "results.xml").read_text()
