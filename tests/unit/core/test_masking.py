"""Passwords are masked."""

import pytest

from composeports.core.masking import masked
from composeports.core.settings import Settings
from tests.support.planning import plan_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://me:secret@localhost:5432/x", "postgres://me:***@localhost:5432/x"),
        ("redis://:secret@localhost:6379", "redis://:***@localhost:6379"),
        ("amqp://u:p@a:1,amqp://v:q@b:2", "amqp://u:***@a:1,amqp://v:***@b:2"),
        ("http://me:a@b@host", "http://me:***@host"),
        ("root:secret@tcp(localhost:3306)/shop", "root:***@tcp(localhost:3306)/shop"),
        ("--url=http://me:s:t@h --x", "--url=http://me:***@h --x"),
        ('{"url": "http://me:s@h"}', '{"url": "http://me:***@h"}'),
        ("see http://me:s@h and me:t@i", "see http://me:***@h and me:***@i"),
    ],
)
def test_a_password_before_a_host_is_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://localhost:8080/@scope/package",
        "http://localhost:8080/x?mail=a@b",
        "me@example.com",
        "https://token@example.com",
        "shop/app:1@sha256:0123",
        "app:1@sha256:0123",
        "8080:80",
        "git@github.com:owner/name.git",
        "KAFKA=PLAIN://kafka:9092,EXT://localhost:9093",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert masked(text) == text


SECRET = "http://me:topsecret@"
WITH_PASSWORDS = {
    "services": {
        "web": {
            "ports": [{"target": 80, "published": "8080"}],
            "environment": {"URL": f"{SECRET}localhost:8080", "OTHER": f"{SECRET}other:8080"},
            "command": ["run", f"--advertise-url={SECRET}localhost:8080"],
            "volumes": [
                {"type": "volume", "source": name, "target": f"/{name}"} for name in ("nas", "own")
            ],
        }
    },
    "volumes": {
        name: {
            "name": name,
            "driver_opts": {"type": "cifs", "device": f"//me:topsecret@{name}/share"},
        }
        for name in ("nas", "own")
    },
}


def test_no_part_of_a_plan_that_is_shown_has_a_password() -> None:
    planned = plan_of(WITH_PASSWORDS, settings=Settings(shared=("volume:nas",))).plan
    parts = (planned.changes, planned.left, planned.warnings, planned.shared)
    for part in parts:
        assert ":***@" in str(part)
    document = planned.as_dict()
    assert "topsecret" not in str(document)
    assert "topsecret" in str(planned.override)
