"""Calls of `docker compose`: command lines, and errors of the installation."""

from pathlib import Path

import pytest

from composeports.docker.compose_cli import (
    Compose,
    as_plugin,
    check_installation,
    find_plugin,
    without_files,
)
from composeports.docker.compose_files import Selection
from composeports.docker.engine import Engine
from composeports.errors import ComposeMissingError, ComposeTooOldError, ConfigError
from tests.harness.program import write_program
from tests.support.machine import FakeDocker

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    "version", ["2.24.4", "v2.24.4", "2.40.3+ds1", "v2.26.1-desktop.1", "5.0.0", "2.24.10\n"]
)
def test_a_version_that_is_new_enough_is_accepted(docker: FakeDocker, version: str) -> None:
    docker.answer("version", f"{version}\n")
    check_installation(docker.environ())


@pytest.mark.parametrize("version", ["2.24.3", "v2.9.9", "1.29.2", "2.20.3+ds1"])
def test_a_version_that_is_too_old_is_named(docker: FakeDocker, version: str) -> None:
    docker.answer("version", f"{version}\n")
    with pytest.raises(ComposeTooOldError) as told:
        check_installation(docker.environ())
    assert f"Docker Compose {version} is too old" in told.value.message
    assert "2.24.4" in told.value.hint
    assert told.value.details == {"version": version}
    assert (told.value.exit_code, told.value.code) == (69, "compose_too_old")


@pytest.mark.parametrize(
    "err",
    [
        "docker: 'compose' is not a docker command.\nSee 'docker --help'\n",
        "unknown flag: --short\nSee 'docker --help'.\n\nUsage:  docker [OPTIONS] COMMAND\n",
        "docker: unknown command: docker compose\n\nRun 'docker --help' for more information\n",
    ],
)
def test_a_missing_plugin_is_told_whatever_docker_calls_it(docker: FakeDocker, err: str) -> None:
    docker.answer("version", err=err, code=1)
    with pytest.raises(ComposeMissingError) as told:
        check_installation(docker.environ())
    assert told.value.message == (
        "`docker compose` is missing: Docker is there, but its Compose plugin is not"
    )
    assert "Compose plugin, 2.24.4 or newer: `apt-get install" in told.value.hint
    assert (told.value.exit_code, told.value.code) == (69, "compose_missing")


@pytest.mark.parametrize(
    ("out", "err", "code", "said"),
    [
        ("Docker Compose\n", "", 0, "Docker Compose"),
        ("", "", 0, "no version shown"),
        ("", "", 125, "no version shown"),
        ("2.40.3\n", "permission denied\n", 126, "permission denied"),
    ],
)
def test_a_plugin_that_does_not_work_is_told(
    docker: FakeDocker, out: str, err: str, code: int, said: str
) -> None:
    docker.answer("version", out, err=err, code=code)
    with pytest.raises(ComposeMissingError, match=said):
        check_installation(docker.environ())


def test_a_missing_docker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ComposeMissingError) as told:
        check_installation({"PATH": "/nowhere"})
    assert told.value.message == "the `docker` command was not found"
    assert "PATH" in told.value.hint


# Command lines


def make_compose(docker: FakeDocker, *, profiles: tuple[str, ...] = ()) -> Compose:
    selection = Selection("/w", ("/w/a.yaml", "/w/b.yaml"), ("/w/.env",), {})
    return Compose(selection, docker.environ(), profiles, ("--ansi", "never"))


def test_the_order_of_the_command_line_is_compose_s_order(docker: FakeDocker) -> None:
    argv = make_compose(docker, profiles=("x", "y")).argv(
        "ac-1", "up", "-d", files=["/w/ours.yaml"], env_files=["/w/ours.env"]
    )
    assert " ".join(argv) == (
        "docker compose --ansi never --project-name ac-1 --project-directory /w"
        " --env-file /w/.env --env-file /w/ours.env"
        " --file /w/a.yaml --file /w/b.yaml --file /w/ours.yaml"
        " --profile x --profile y up -d"
    )


def test_a_project_can_be_named_without_its_files() -> None:
    argv = without_files("ac-1", "down", "-v", flags=["--ansi", "never"])
    assert " ".join(argv) == (
        "docker compose --ansi never --project-name ac-1 --project-directory / down -v"
    )


def test_config_is_asked_with_all_profiles_and_with_more_variables(docker: FakeDocker) -> None:
    docker.run_before("config", f'echo "$MARK" > {docker.folder}/mark')
    answer = make_compose(docker).start_config("ac-1", "--format", "json", extra={"MARK": "7"})
    assert answer.finish().code == 0
    assert (docker.folder / "mark").read_text() == "7\n"
    (call,) = docker.calls
    assert call.endswith("--file /w/b.yaml --profile * config --format json")


# The plugin's own program


def test_the_plugin_of_the_user_is_found(docker: FakeDocker) -> None:
    expected = str(docker.config / "cli-plugins" / "docker-compose")
    assert find_plugin(docker.environ()) == expected


def test_the_home_folder_is_looked_at_without_a_docker_config(
    docker: FakeDocker, tmp_path: Path
) -> None:
    plugin = write_program(tmp_path / "home/.docker/cli-plugins/docker-compose", "exit 0")
    environ = {"PATH": str(docker.path), "HOME": str(tmp_path / "home")}
    assert find_plugin(environ) == str(plugin)


def test_where_more_folders_are_configured_docker_has_to_be_asked(docker: FakeDocker) -> None:
    (docker.config / "config.json").write_text('{"cliPluginsExtraDirs": ["/x"]}')
    assert find_plugin(docker.environ()) == ""
    assert make_compose(docker).start_config("ac-1").finish().code == 0
    assert docker.calls[0].startswith("compose --ansi never --project-name ac-1")


def test_without_docker_no_plugin_is_used(docker: FakeDocker) -> None:
    """The plugin alone is not an installation: the error names the missing `docker`."""
    assert find_plugin({**docker.environ(), "PATH": "/nowhere"}) == ""


def test_a_plugin_that_is_no_program_is_passed_over(docker: FakeDocker) -> None:
    plugin = docker.config / "cli-plugins" / "docker-compose"
    plugin.chmod(0o644)
    assert find_plugin(docker.environ()) != str(plugin)


UP = ["docker", "compose", "--project-name", "ac-1", "up"]


def test_in_the_foreground_the_plugin_is_called_so_that_it_gets_signals(docker: FakeDocker) -> None:
    program = docker.path / "docker"
    program.write_bytes(b"\x7fELF" + program.read_bytes())
    assert as_plugin(UP, docker.environ()) == [find_plugin(docker.environ()), *UP[2:]]


def test_a_docker_that_is_a_script_is_called_as_it_is(docker: FakeDocker) -> None:
    assert as_plugin(UP, docker.environ()) == UP


@pytest.mark.parametrize("name", ["DOCKER_CONFIG", "HOME"])
@pytest.mark.parametrize("value", ["10104", ".", "a/b"])
def test_a_relative_folder_of_plugins_is_refused(docker: FakeDocker, name: str, value: str) -> None:
    environ = {"PATH": str(docker.path), name: value}
    for ask in (lambda: find_plugin(environ), lambda: Engine(environ)):
        with pytest.raises(ConfigError) as caught:
            ask()
        assert caught.value.message.startswith(f"{name} is the relative path {value!r}")
        assert caught.value.hint == f"set {name} to a path that begins with /"
        assert caught.value.exit_code == 78


def test_without_a_home_the_current_folder_is_none(
    docker: FakeDocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docker looks the home folder up in the list of users then."""
    write_program(tmp_path / ".docker/cli-plugins/docker-compose", "exit 0")
    monkeypatch.chdir(tmp_path)
    found = find_plugin({"PATH": str(docker.path)})
    assert found == "" or Path(found).is_absolute()
    assert str(tmp_path / ".docker") not in found
