"""Protected endpoints refuse requests with missing or wrong credentials, and accept valid ones."""

from __future__ import annotations

import os

import pytest

import probe

REFUSED = {401, 403}
CLIENT_ERROR = 400


def credentials() -> tuple[str, str]:
    """Return the header in SMOKE_AUTH (`Authorization: Bearer ...`) as name and value."""
    name, _, value = os.environ.get("SMOKE_AUTH", "").partition(":")
    return name.strip(), value.strip()


def test_without_credentials_it_is_refused(protected_url: str) -> None:
    assert probe.ask(protected_url).status in REFUSED


def test_with_false_credentials_it_is_refused(protected_url: str) -> None:
    name = credentials()[0] or "Authorization"
    value = "Bearer not-a-token" if name.lower() == "authorization" else "not-a-key"
    assert probe.ask(protected_url, **{name: value}).status in REFUSED


def test_with_credentials_it_is_served(protected_url: str) -> None:
    name, value = credentials()
    if not value:
        pytest.skip("SMOKE_AUTH is not set")
    answer = probe.ask(protected_url, **{name: value})
    assert answer.status < CLIENT_ERROR, answer.body[:500]
