"""Which images a Dockerfile names, in every form that its instructions have."""

import pytest

from composeports.core.plan.dockerfile_images import DockerfileImage, dockerfile_images


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("FROM", []),
        ("FROM shop/base", ["shop/base"]),
        ('from "shop/base:1" as x', ["shop/base:1"]),
        ("FROM --platform=linux/amd64 docker.io/shop/base AS x\nFROM X", ["docker.io/shop/base"]),
        ("FROM a\nFROM b AS c\nCOPY --chown=1 --from=d /x /x\nCOPY x y", ["a", "b", "d"]),
        ("FROM a AS b\nCOPY --from=b /x /\nCOPY --from=0 /x /", ["a"]),
        ("FROM a\nRUN --mount=type=bind,from=b,target=/x --mount=from=c true", ["a", "b", "c"]),
        ("FROM a\nRUN --mount=type=cache,target=/x true", ["a"]),
        ("FROM a\nFROM a", ["a"]),
        ("# FROM no\n\n  FROM \\\n# comment\n\n  a\\\nb", ["ab"]),
        ("# syntax=x\n# escape=`\nFROM `\n a\nCMD \\\nCOPY --from=b / /", ["a", "b"]),
        ("FROM a\nCOPY --from=b \\", ["a", "b"]),
    ],
)
def test_images_are_named_by_instructions(text: str, names: list[str]) -> None:
    images, _ = dockerfile_images(text, {})
    assert [image.name for image in images] == names


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("ARG B=shop/base\nFROM $B", ("shop/base", "B")),
        ('ARG A=1 B="shop/base"\nFROM ${B}', ("shop/base", "B")),
        ("ARG T=1\nFROM shop/base:$T", ("shop/base:1", "")),
        ("ARG T=1\nARG B=shop/base:$T\nFROM $B", ("shop/base:1", "B")),
        ("ARG GIVEN=x\nFROM $GIVEN", ("other", "")),
        ("ARG GIVEN\nFROM ${GIVEN}", ("other", "")),
        ("ARG T\nFROM shop/base:${T:-2}", ("shop/base:2", "")),
        ("ARG T=1\nFROM shop/base:${T-2}", ("shop/base:1", "")),
        ("ARG T=1\nFROM shop/base${T:+:3}", ("shop/base:3", "")),
        ("ARG T\nFROM shop/base${T:+:3}", ("shop/base", "")),
        ("FROM ${B:-shop/base}", ("shop/base", "")),
        ("FROM a AS b\nARG C=x\nFROM c$C", ("c", "")),
    ],
)
def test_variables_have_their_values(text: str, image: tuple[str, str]) -> None:
    images, _ = dockerfile_images(text, {"GIVEN": "other"})
    assert images[-1] == DockerfileImage(*image)


def test_an_argument_without_a_value_names_nothing() -> None:
    assert dockerfile_images("ARG B\nFROM $B", {}) == ((), frozenset())


def test_stages_are_in_lower_case() -> None:
    assert dockerfile_images("FROM a AS One\nFROM one as two", {})[1] == {"one", "two"}
