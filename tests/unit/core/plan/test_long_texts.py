"""Texts of a repository take time in proportion to their length; otherwise these tests hang."""

import pytest

from composeports.core.plan.dockerfile_images import dockerfile_images
from composeports.core.plan.variable_mentions import (
    mentioned_files,
    possible_paths,
    simple_mentions,
)
from composeports.core.script_findings import bypasses, docker_calls, image_builds
from tests.support.planning import plan_of

SIZE = 1 << 20
PARTS = ("a", "a.", "a-", "port", "${A:-", "$A", " \t", "/x", "://", "--mount=", "x=", "docker x ")


@pytest.mark.parametrize("part", PARTS)
def test_a_long_text(part: str) -> None:
    text = part * (SIZE // len(part))
    for read in (mentioned_files, possible_paths, bypasses, docker_calls):
        list(read(text))
    simple_mentions([text])
    list(image_builds(text, {"x"}))
    for line in (f"FROM {text}", f"COPY --from={text} /a /b", f"RUN {text}", f"# {text}"):
        dockerfile_images(line, {})


@pytest.mark.parametrize("part", PARTS)
def test_a_long_value(part: str) -> None:
    value = f"host.docker.internal:8080 {part * ((SIZE // 16) // len(part))}"
    web = {
        "ports": [{"published": "8080", "target": 80, "protocol": "tcp"}],
        "environment": {"X": value},
        "command": [value],
        "labels": {"x": value},
        "configs": [{"source": "c"}],
    }
    made = plan_of({"services": {"web": web}, "configs": {"c": {"content": value}}})
    after = made.override("services", "web", "environment", "X")
    assert str(after).startswith("host.docker.internal:10004 ")


def test_arguments_that_double_each_other() -> None:
    lines = [f"ARG A{number + 1}=$A{number}$A{number}" for number in range(60)]
    text = "\n".join(["ARG A0=shop", *lines, "FROM $A60", "FROM $A0"])
    images, _ = dockerfile_images(text, {})
    assert [image.name for image in images] == ["shop"]
