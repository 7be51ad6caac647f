"""The front end's origin may send requests; foreign origins may not send the user's cookies."""

from __future__ import annotations

import os

import probe

STRANGER = "https://stranger.example"
CLIENT_ERROR = 400


def test_the_own_origin_may_ask(cors_url: str) -> None:
    origin = os.environ.get("SMOKE_ORIGIN") or "http://localhost"
    answer = probe.ask(cors_url, "OPTIONS", Origin=origin, Access_Control_Request_Method="GET")
    assert answer.status < CLIENT_ERROR, answer.body[:500]
    assert answer.headers.get("access-control-allow-origin") in {origin, "*"}


def test_a_stranger_may_not_ask_with_cookies(base_url: str) -> None:
    headers = probe.ask(f"{base_url}/", Origin=STRANGER).headers
    if headers.get("access-control-allow-credentials", "").lower() == "true":
        assert headers.get("access-control-allow-origin") not in {STRANGER, "*"}
