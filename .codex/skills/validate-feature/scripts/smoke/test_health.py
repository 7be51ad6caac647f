"""The services answer, and their health endpoints report no error."""

from __future__ import annotations

import probe

SERVER_ERROR, CLIENT_ERROR = 500, 400


def test_the_service_answers(base_url: str) -> None:
    answer = probe.ask(f"{base_url}/")
    assert answer.status < SERVER_ERROR, answer.body[:500]


def test_the_health_endpoint_is_well(health_url: str) -> None:
    answer = probe.ask(health_url)
    assert answer.status < CLIENT_ERROR, answer.body[:500]
