"""Errors come from the service itself, and show nothing of its internals."""

from __future__ import annotations

import re

import probe

SERVER_ERROR, CLIENT_ERROR = 500, 400
UNKNOWN = "smoke-test/there-is-no-such-page"
INSIDE = {
    "a Python traceback": r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+",
    "a JavaScript or Java stack": r"^\s+at [\w$.<>\[\] ]+ ?\([^)\n]*:\d+(:\d+)?\)",
    "a Go panic": r"goroutine \d+ \[running\]",
    "a Ruby or PHP stack": r"\.(rb|php):\d+:in |\.php on line \d+",
    "a URL with a password": r"\w+://[^/\s:@]+:[^/\s:@]+@",
}


def test_an_unknown_page_is_no_failure_of_the_server(base_url: str) -> None:
    answer = probe.ask(f"{base_url}/{UNKNOWN}")
    assert answer.status < SERVER_ERROR, answer.body[:500]


def test_errors_tell_nothing_about_the_inside(base_url: str) -> None:
    for path, method in ((UNKNOWN, "GET"), (UNKNOWN, "POST"), ("", "PATCH")):
        answer = probe.ask(f"{base_url}/{path}", method)
        if answer.status >= CLIENT_ERROR:
            told = [
                what for what, how in INSIDE.items() if re.search(how, answer.body, re.MULTILINE)
            ]
            assert not told, f"{method} /{path} shows {', '.join(told)}: {answer.body[:500]}"
