"""Parameters of the smoke tests, from the environment: see references/smoke-tests.md."""

from __future__ import annotations

import os
import sys

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import probe

SETTINGS = {
    "health_url": "SMOKE_HEALTH",
    "protected_url": "SMOKE_PROTECTED",
    "cors_url": "SMOKE_CORS",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once per URL that it needs; without a URL, skip it and name the variable."""
    if "base_url" in metafunc.fixturenames:
        known = probe.urls()
        metafunc.parametrize(
            "base_url", _or_skip(list(known.values()), "SMOKE_URLS"), ids=list(known) or None
        )
    for fixture, variable in SETTINGS.items():
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, _or_skip(probe.places(variable), variable))


def _or_skip(values: list[str], variable: str) -> list[object]:
    missing = pytest.param("", marks=pytest.mark.skip(reason=f"{variable} is not set"))
    return [*values] or [missing]
