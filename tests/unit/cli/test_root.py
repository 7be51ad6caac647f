"""The root command: position of the command name, refused options, and the help."""

import json

import click
import pytest

from composeports import __version__
from composeports.cli.root import COMMANDS, PASSED_THROUGH, insert_command, root, run
from composeports.usecases.options import Options


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param([], ["up"], id="nothing"),
        pytest.param(["--build", "web"], ["up", "--build", "web"], id="options of up"),
        pytest.param(["web", "-f", "x"], ["up", "web", "-f", "x"], id="what follows a service"),
        pytest.param(["-f", "a", "--build"], ["-f", "a", "up", "--build"], id="a file"),
        pytest.param(["-fa", "--build"], ["-fa", "up", "--build"], id="a file joined"),
        pytest.param(["--file=a", "web"], ["--file=a", "up", "web"], id="a file with a sign"),
        pytest.param(["--file=", "web"], ["--file=", "up", "web"], id="an empty file"),
        pytest.param(["--compatibility", "web"], ["--compatibility", "up", "web"], id="a flag"),
        pytest.param(
            ["--profile", "a", "--env-file", "b", "--session", "c", "-d"],
            ["--profile", "a", "--env-file", "b", "--session", "c", "up", "-d"],
            id="every option before a command",
        ),
        pytest.param(
            ["--progress", "plain", "--ansi=never", "--parallel", "2"],
            ["--progress", "plain", "--ansi=never", "--parallel", "2", "up"],
            id="options that Compose takes",
        ),
        pytest.param(
            ["--project-directory", "a", "web"],
            ["--project-directory", "a", "up", "web"],
            id="a directory",
        ),
        pytest.param(["-f", "a", "-f", "b"], ["-f", "a", "-f", "b", "up"], id="two files"),
        pytest.param(["-f"], ["-f", "up"], id="a value that is missing"),
        pytest.param(["--help"], ["up", "--help"], id="help"),
        pytest.param(
            ["-q", "--verbose", "--quiet", "web"],
            ["-q", "--verbose", "--quiet", "up", "web"],
            id="flags of ours",
        ),
        pytest.param(["--", "-f"], ["up", "--", "-f"], id="a double dash"),
    ],
)
def test_the_command_goes_behind_what_stands_before_a_command(
    arguments: list[str], expected: list[str]
) -> None:
    assert insert_command(arguments, "up") == expected


# What is said


def test_help_lists_every_command_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out, err = capsys.readouterr()
    for name, (_, line) in COMMANDS.items():
        assert any(row.split()[:1] == [name] and line in row for row in out.splitlines())
    assert "composeports logs -f web" in out
    assert err == ""


def test_the_short_help_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    run(["--help"])
    long = capsys.readouterr().out
    run(["-h"])
    assert capsys.readouterr().out == long


@pytest.mark.parametrize("flag", ["--version", "-v"])
def test_the_version_is_told(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([flag]) == 0
    assert capsys.readouterr().out == f"composeports {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Usage: composeports {name} ")
    assert f"composeports {name}" in out.partition("Example")[2]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("statuss", "Did you mean 'status'?"),
        ("upp", "Did you mean 'up'?"),
        ("log", "Did you mean 'logs'?"),
        ("list", "Did you mean 'status'?"),
        ("browse", "Did you mean 'open'?"),
        ("bash", "Did you mean 'exec'? For example: composeports exec SERVICE sh"),
        ("shell", "Did you mean 'exec'? For example: composeports exec SERVICE sh"),
        ("statsu", "Did you mean 'status'?"),
        ("starts", "Did you mean 'start'?"),
        ("stpo", "Did you mean 'stop'?"),
        ("dowm", "Did you mean 'down'?"),
        ("qqqq", "See `composeports --help`."),
    ],
)
def test_an_unknown_command_is_answered_with_the_closest(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([typed]) == 2
    out, err = capsys.readouterr()
    assert f"error: There is no command {typed!r}. {meant}\n" in err
    assert out == ""


@pytest.mark.parametrize("arguments", [["-p", "mine", "ps"], ["--project-name=mine", "up"]])
def test_a_project_name_is_refused_and_the_session_offered(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    err = capsys.readouterr().err
    assert "composeports names the project itself" in err
    assert "--session mine" in err


def test_an_unknown_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--no-such-option", "ps"]) == 2
    assert "--no-such-option" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["url", "-q", "web"], "composeports -q url web"),
        (["plan", "--profile", "ui", "--strict"], "composeports --profile ui plan --strict"),
        (["status", "-p", "shop"], "composeports --session shop status"),
        (["--session", "x", "env", "-f", "a.yaml"], "composeports --session x -f a.yaml env"),
        (["--session", "x", "up", "-q"], "composeports --session x -q up"),
        (["--session=x", "stop", "--profile", "ui"], "composeports --session=x --profile ui stop"),
    ],
)
def test_an_option_of_compose_after_a_command_is_answered_with_the_right_line(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err.splitlines()[0]
    assert error.endswith(f": {line}")


@pytest.mark.parametrize("arguments", [["url", "--bulid", "web"], ["settings", "list", "-q"]])
def test_other_unknown_options_of_a_command_are_usage_errors(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert "error: No such option" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "document"),
    [
        (["stauts", "--json"], True),
        (["stauts"], False),
        (["stauts", "--", "--json"], False),
        (["stauts", "--json", "--", "x"], True),
    ],
)
def test_a_failure_is_a_document_where_json_was_asked_for(
    arguments: list[str], document: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    out = capsys.readouterr().out
    assert bool(out) is document
    if document:
        assert json.loads(out)["error"]["code"] == "usage"


# What is found


def test_a_shell_s_completion_is_told_our_commands() -> None:
    assert root.list_commands(click.Context(root)) == list(COMMANDS)


def test_the_commands_of_ours_are_not_passed_through() -> None:
    assert not set(COMMANDS) & PASSED_THROUGH


@pytest.mark.parametrize("name", [*COMMANDS, *sorted(PASSED_THROUGH)])
def test_every_command_is_there(name: str) -> None:
    found = root.get_command(click.Context(root), name)
    assert found is not None
    assert found.name == name


def seen(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> Options:
    """Return the options that a command would see."""
    found: list[Options] = []

    @click.command("ps")
    @click.pass_obj
    def ps(options: Options) -> None:
        found.append(options)

    monkeypatch.setattr(root, "get_command", lambda _context, _name: ps)
    assert run([*arguments, "ps"]) == 0
    return found.pop()


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        pytest.param([], Options(), id="none"),
        pytest.param(["-f", "a", "--file", "b"], Options(files=("a", "b")), id="files"),
        pytest.param(["--env-file", "e"], Options(env_files=("e",)), id="env files"),
        pytest.param(["--profile", "p"], Options(profiles=("p",)), id="profiles"),
        pytest.param(["--project-directory", "d"], Options(project_directory="d"), id="directory"),
        pytest.param(["--session", "s"], Options(session="s"), id="session"),
        pytest.param(
            ["--ansi", "never", "--compatibility", "--progress", "plain", "--parallel", "2"],
            Options(
                flags=(
                    *("--progress", "plain", "--ansi", "never", "--parallel", "2"),
                    "--compatibility",
                )
            ),
            id="what goes to Compose as it is",
        ),
    ],
)
def test_what_stands_before_a_command_reaches_it(
    arguments: list[str], options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen(arguments, monkeypatch) == options


@pytest.mark.parametrize(("returned", "code"), [(7, 7), (None, 0), ("text", 0)])
def test_a_command_s_number_is_the_exit_code(
    returned: object, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = click.Command("ps", callback=lambda: returned)
    monkeypatch.setattr(root, "get_command", lambda _context, _name: command)
    assert run(["ps"]) == code


@pytest.mark.parametrize("name", ["hook", "settings", "skills", "store"])
def test_the_help_of_a_group_is_not_cut(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert "..." not in capsys.readouterr().out
