"""The queries to Compose that start before the command's modules: used where they fit, else not."""

import shutil
from pathlib import Path

import pytest

from tests.harness.repository import git, make_repository
from tests.harness.waits import wait_until
from tests.support.machine import FakeDocker, Shell, finished

pytestmark = pytest.mark.integration

FILE = 'services:\n  web:\n    image: scratch\n    ports: ["8080:80"]\n'
OTHER = FILE.replace("web:", "api:").replace("80:80", "90:90")


@pytest.fixture
def here(tmp_path: Path, docker: FakeDocker, shell: Shell) -> Shell:
    folder = make_repository(tmp_path / "repository", {"compose.yaml": FILE})
    docker.publish(web=8080)
    return shell.at(folder).using(docker)


def configs(docker: FakeDocker) -> list[str]:
    """Return the queries for the resolved files since the last time."""
    found = [call for call in docker.calls if "config --format json" in call]
    (docker.folder / "calls").unlink()
    return found


@pytest.mark.parametrize("command", ["up", "plan"])
def test_what_was_asked_early_is_not_asked_again(
    here: Shell, docker: FakeDocker, command: str
) -> None:
    assert here.run("up").code == 0
    configs(docker)
    assert here.run(command).code == 0
    assert len(configs(docker)) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('profiles = ["dev"]\n', ["--profile dev", "--project-name ac-"]),
        ('prefix = "shop"\n', ["--project-name shop-"]),
        ('naming = "worktree"\n', ["--project-name ac-repository-"]),
        ('files = ["other.yaml"]\n', ["other.yaml"]),
    ],
)
def test_settings_that_change_the_question_are_followed(
    here: Shell, docker: FakeDocker, settings: str, words: list[str]
) -> None:
    (here.cwd / "composeports.toml").write_text(settings)
    (here.cwd / "other.yaml").write_text(OTHER)
    for _ in range(2):
        assert here.run("plan").code == 0
        (question,) = configs(docker)
        assert all(word in question for word in words), question


def test_a_record_of_another_prefix_is_followed(here: Shell, docker: FakeDocker) -> None:
    settings = here.cwd / "composeports.toml"
    settings.write_text('prefix = "shop"\n')
    assert here.run("up").code == 0
    settings.unlink()
    configs(docker)
    assert here.run("up").code == 0
    (question,) = configs(docker)
    assert "--project-name shop-" in question


@pytest.mark.parametrize("way", ["variable", "machine"])
def test_a_naming_of_the_machine_is_followed(here: Shell, docker: FakeDocker, way: str) -> None:
    if way == "machine":
        assert here.run("settings", "set", "naming", "worktree").code == 0
    user = here.having(COMPOSEPORTS_NAMING="worktree") if way == "variable" else here
    for _ in range(2):
        assert user.run("up").code == 0
        (question,) = configs(docker)
        assert "--project-name ac-repository-" in question


def test_a_linked_env_file_is_asked_without_the_link(here: Shell, docker: FakeDocker) -> None:
    (here.cwd / ".env").write_text("A=1\n")
    assert here.run("up").code == 0
    assert here.run("link").code == 0
    configs(docker)
    assert here.run("up").code == 0
    (question,) = configs(docker)
    assert f"--env-file {here.cwd}/.env " not in question


def test_options_and_variables_choose_another_session(here: Shell, docker: FakeDocker) -> None:
    own = here.run("plan", "--json").document["compose_project_name"]
    configs(docker)
    named = [
        here.run("plan", "--json", "--session", "review"),
        here.run("--session", "review", "plan", "--json"),
        here.having(COMPOSEPORTS_SESSION="review").run("plan", "--json"),
    ]
    (name,) = {done.document["compose_project_name"] for done in named}
    assert name != own
    assert all(f"--project-name {name} " in question for question in configs(docker))


def test_a_folder_that_is_no_place_for_a_session_gets_its_error(
    here: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    git(here.cwd, "worktree", "add", "--quiet", "-b", "one", str(tmp_path / "one"))
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path / "one", copy)
    done = here.at(copy).run("up", "--json")
    assert done.error["code"] == "project_foreign"
    assert docker.calls == []


def test_after_a_wait_for_the_lock_the_files_are_asked_for_again(
    here: Shell, docker: FakeDocker
) -> None:
    """The first `up` runs until its Compose may end; meanwhile the user changes the files."""
    gate = docker.folder / "gate"
    docker.run_before("compose", f"until [ -e {gate} ]; do /bin/sleep 0.05; done")
    first = here.start("up")
    wait_until(lambda: any(" up " in call for call in docker.calls), "the first `up`")
    configs(docker)
    second = here.start("up", "--json")
    wait_until(lambda: any(" config " in call for call in docker.calls), "the early query")
    assert second.stderr is not None
    assert b"waiting for its end" in second.stderr.readline()
    docker.publish(web=8080, api=8090)
    gate.touch()
    assert finished(first).code == 0
    assert set(finished(second).document["ports"]) == {"web:80/tcp", "api:80/tcp"}


def test_no_query_outlives_a_command_that_fails(here: Shell, docker: FakeDocker) -> None:
    pid = docker.folder / "pid"
    docker.run_before("config", f"echo $$ >{pid}.new; /bin/mv {pid}.new {pid}; exec /bin/sleep 600")
    assert finished(here.start("plan", "--bogus")).code == 2
    if pid.exists():
        assert not Path(f"/proc/{pid.read_text().strip()}").exists()
