"""The error boundary: every failure becomes a message with a next step and an exit code."""

import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from composeports.cli.error_report import guarded
from composeports.errors import ComposeFileError, NoLeaseError


class MadeUpError(Exception):
    """What no part of the program knows."""


def raising(error: BaseException) -> Callable[[], int]:
    def call() -> int:
        raise error

    return call


def told(
    error: BaseException, *, wants_json: bool = False, environ: dict[str, str] | None = None
) -> int:
    return guarded(raising(error), wants_json=wants_json, environ=environ or os.environ)


NO_LEASE = NoLeaseError("this session holds no lease", hint="run `up`", session_id="é")


def test_what_works_passes_through() -> None:
    assert guarded(lambda: 17, wants_json=False, environ={}) == 17


def test_a_failure_is_a_message_and_a_hint_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(NO_LEASE) == 66
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "error: this session holds no lease\nhint: run `up`\nmore: composeports explain no_lease\n",
    )


def test_a_failure_without_a_hint_is_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(ComposeFileError("Compose says no")) == 78
    assert capsys.readouterr().err == (
        "error: Compose says no\nmore: composeports explain compose_file\n"
    )


def test_a_failure_is_one_document_where_json_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(NO_LEASE, wants_json=True) == 66
    out, err = capsys.readouterr()
    assert err == ""
    assert json.loads(out) == {
        "ok": False,
        "error": {
            "code": "no_lease",
            "message": "this session holds no lease",
            "hint": "run `up`",
            "details": {"session_id": "é"},
        },
    }


def test_a_detail_that_json_has_no_word_for_is_shown_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told(NoLeaseError("no", where=Path("/x")), wants_json=True)
    assert json.loads(capsys.readouterr().out)["error"]["details"] == {"where": "/x"}


def test_a_path_that_is_no_text_is_still_a_document(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A terminal's stream accepts only UTF-8, and a path may contain any byte."""
    with (tmp_path / "out").open("w", encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert told(NoLeaseError("no lease in /\udcff"), wants_json=True) == 66
    document = json.loads((tmp_path / "out").read_bytes())
    assert document["error"]["message"] == "no lease in /\udcff"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=["Ctrl-C", "abort"])
def test_an_interrupt_is_no_failure_of_ours(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(error) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_click_s_own_end_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(click.exceptions.Exit(3)) == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("context", "command"),
    [
        pytest.param(None, "composeports", id="before any command"),
        pytest.param(
            click.Context(click.Command("up"), info_name="composeports up"),
            "composeports up",
            id="in a command",
        ),
    ],
)
def test_a_usage_error_leads_to_the_help_of_its_command(
    context: click.Context | None, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(click.UsageError("no such option", context)) == 2
    assert capsys.readouterr().err == (
        f"error: no such option\nhint: `{command} --help` shows what is accepted\n"
        "more: composeports explain usage\n"
    )


def test_a_usage_error_is_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(click.ClickException("no"), wants_json=True) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["message"], error["details"]) == ("usage", "no", {})


def test_a_reader_that_has_gone_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        assert told(BrokenPipeError()) == 0
        out.write("what is flushed at the end goes nowhere")
    assert (tmp_path / "out").read_text() == ""


# A bug in composeports


def log_in(folder: Path) -> Path:
    (path,) = folder.glob("bug-*.log")
    return path


def test_a_bug_is_told_without_a_traceback_and_its_log_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"COMPOSEPORTS_STATE_DIR": str(tmp_path)}
    assert told(MadeUpError("secret \udcff"), environ=environ) == 70
    out, err = capsys.readouterr()
    log = log_in(tmp_path)
    assert out == ""
    assert "error: composeports failed unexpectedly (MadeUpError)\n" in err
    assert str(log) in err
    assert "secret" not in err
    assert "Traceback" not in err
    assert "MadeUpError: secret" in log.read_text()


def test_only_the_user_can_read_a_log(tmp_path: Path) -> None:
    told(MadeUpError(), environ={"COMPOSEPORTS_STATE_DIR": str(tmp_path)})
    assert stat.S_IMODE(log_in(tmp_path).stat().st_mode) == 0o600


def test_a_bug_is_a_document_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"COMPOSEPORTS_STATE_DIR": str(tmp_path)}
    assert told(MadeUpError(), wants_json=True, environ=environ) == 70
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "internal"
    assert error["details"] == {"log": str(log_in(tmp_path))}


def test_a_log_goes_to_the_temporary_folder_where_there_is_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told(MadeUpError(), environ={"COMPOSEPORTS_STATE_DIR": str(tmp_path / "missing")})
    assert "MadeUpError" in log_in(tmp_path).read_text()


def test_a_log_that_cannot_be_written_does_not_hide_the_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    environ = {"COMPOSEPORTS_STATE_DIR": str(tmp_path / "missing too")}
    assert told(MadeUpError(), environ=environ) == 70
    assert "(which could not be written)" in capsys.readouterr().err
