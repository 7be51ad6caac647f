"""Whether a script's call of `docker compose` is about the session's stack."""

import pytest

from composeports.core.compose_call import ComposeCall, Own, Target, is_own, read_call

OWN = Own("/w/shop", {"/w/shop/compose.dev.yml", "/w/shop/compose.more.yml"}, "ac-1")
DEV, MORE, TEST = (f"/w/shop/compose.{name}.yml" for name in ("dev", "more", "test"))


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("up -d web", ComposeCall("up", ("-d", "web"))),
        (
            "-f a.yml --file=b.yml -p shop down -v",
            ComposeCall("down", ("-v",), files=("a.yml", "b.yml"), project="shop"),
        ),
        (
            "--project-directory .. --env-file e --profile=x --profile y ps -f z",
            ComposeCall("ps", ("-f", "z"), env_files=("e",), profiles=("x", "y"), directory=".."),
        ),
        ("--workdir d -fa ps", ComposeCall("ps", files=("a",), directory="d")),
        (
            "--ansi never --compatibility --progress=plain up",
            ComposeCall("up", flags=("--ansi", "never", "--compatibility", "--progress", "plain")),
        ),
        ("--dry-run", ComposeCall(flags=("--dry-run",))),
        ("-H tcp://x up", ComposeCall("up", is_elsewhere=True)),
    ],
)
def test_the_words_are_read_as_compose_reads_them(line: str, call: ComposeCall) -> None:
    assert read_call(line.split()) == call


@pytest.mark.parametrize("line", ["", "version", "ls", "--version", "-v", "--help", "up --help"])
def test_some_calls_are_about_no_project(line: str) -> None:
    assert read_call(line.split()).has_no_project


@pytest.mark.parametrize("line", ["up", "exec web ls --help", "ps"])
def test_others_are(line: str) -> None:
    assert not read_call(line.split()).has_no_project


def test_a_file_from_stdin_is_known() -> None:
    assert read_call(["-f", "a", "-f", "-", "up"]).reads_stdin
    assert not read_call(["-f", "a", "up"]).reads_stdin


@pytest.mark.parametrize(
    "target",
    [
        Target("/w/shop", (DEV,)),
        Target("/w/shop", (DEV,), "shop"),
        Target("/w/shop", (DEV, TEST), "shop"),
        Target("/w", (DEV,), "shop"),
        Target("/w/shop", (TEST,)),
        Target("/w/shop", (TEST,), "ac-1"),
        Target("/w/shop", ()),
        Target("/tmp", (), "ac-1"),
    ],
)
def test_the_sessions_own_files_are_its_stack_by_whatever_name(target: Target) -> None:
    assert is_own(target, OWN)


@pytest.mark.parametrize(
    "target",
    [
        Target("/w/other", ("/w/other/compose.yml",)),
        Target("/w/other", ("/w/other/compose.yml",), "ac-1"),
        Target("/w/other", ("/w/other/compose.yml", DEV)),
        Target("/w/shop", (TEST,), "shop-test"),
        Target("/w/shop/tools", ("/w/shop/tools/compose.yml",)),
        Target("/w/shop", (), "shop"),
        Target("/tmp", ()),
    ],
)
def test_other_files_are_not(target: Target) -> None:
    assert not is_own(target, OWN)
