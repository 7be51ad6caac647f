"""Whether a script's call of `docker compose` concerns the session's stack."""

import pytest

from composeports.core.compose_call import CallTarget, ComposeCall, OwnStack, is_own, read_call

OWN = OwnStack("/w/shop", {"/w/shop/compose.dev.yml", "/w/shop/compose.more.yml"}, "ac-1")
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
        CallTarget("/w/shop", (DEV,)),
        CallTarget("/w/shop", (DEV,), "shop"),
        CallTarget("/w/shop", (DEV, TEST), "shop"),
        CallTarget("/w", (DEV,), "shop"),
        CallTarget("/w/shop", (TEST,)),
        CallTarget("/w/shop", (TEST,), "ac-1"),
        CallTarget("/w/shop", ()),
        CallTarget("/tmp", (), "ac-1"),
    ],
)
def test_the_sessions_own_files_are_its_stack_by_whatever_name(target: CallTarget) -> None:
    assert is_own(target, OWN)


@pytest.mark.parametrize(
    "target",
    [
        CallTarget("/w/other", ("/w/other/compose.yml",)),
        CallTarget("/w/other", ("/w/other/compose.yml",), "ac-1"),
        CallTarget("/w/other", ("/w/other/compose.yml", DEV)),
        CallTarget("/w/shop", (TEST,), "shop-test"),
        CallTarget("/w/shop/tools", ("/w/shop/tools/compose.yml",)),
        CallTarget("/w/shop", (), "shop"),
        CallTarget("/tmp", ()),
    ],
)
def test_other_files_are_not(target: CallTarget) -> None:
    assert not is_own(target, OWN)
