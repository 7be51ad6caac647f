"""A new worktree has the ignored files of the main checkout, or is told how to get them."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from tests.harness.engine import docker
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

SHOW = ["sh", "-c", 'cat /dev.yml; echo "token $$TOKEN"; sleep 3600']
MOUNT = "./config/dev.local.yml:/dev.yml:ro"
WEB = {"command": SHOW, "environment": {"TOKEN": "${TOKEN}"}, "volumes": [MOUNT]}
FILES = {
    "compose.yaml": stack({"web": WEB}),
    ".gitignore": ".env\n*.local.yml\nmodels\n",
    "config/tracked.yml": "tracked\n",
}
COPIED = "copied from the main checkout: .env, config/dev.local.yml"


@pytest.fixture
def repository(make_repository: MakeRepository) -> Repository:
    """A main checkout with an ignored `.env` and an ignored file that is mounted."""
    made = make_repository(FILES)
    write(made.main.directory, {".env": "TOKEN=s3cret\n", "config/dev.local.yml": "of main\n"})
    (made.main.directory / ".env").chmod(0o600)
    return made


def logs(session: Session) -> list[str]:
    """Return what the container of `web` prints first."""

    def lines() -> list[str]:
        printed = docker("logs", session.ids()["web-1"]).splitlines()
        return printed if any(line.startswith("token") for line in printed) else []

    return wait_until(lines, "the container's output")


def assert_complete(session: Session) -> None:
    """The stack runs with the files of the main checkout."""
    assert logs(session) == ["of main", "token s3cret"]
    assert stat.S_IMODE((session.directory / ".env").stat().st_mode) == 0o600
    assert session.run("plan").out.find("Missing") < 0


def up(session: Session) -> list[str]:
    """Return the lines of `up` that composeports prints on stderr; it must succeed."""
    done = session.run("up", "--quiet-pull")
    assert done.code == 0, done.err
    return [line for line in done.err.splitlines() if not line.startswith((" ", "time="))]


def test_up_copies_what_the_settings_name(repository: Repository) -> None:
    repository.commit({"composeports.toml": 'copy = [".env", "config/*.local.yml"]\n'})
    one = repository.worktree("one")
    assert one.json("plan")["copies"] == [".env", "config/dev.local.yml"]
    assert not (one.directory / ".env").exists()
    one.run("up", "--dry-run")
    assert not (one.directory / ".env").exists()
    assert COPIED in up(one)
    assert_complete(one)
    assert up(one) == [f"Session one, project {one.project} is up; it publishes no port"]


def test_up_copies_what_worktreeinclude_names(repository: Repository) -> None:
    repository.commit({".worktreeinclude": "# for new worktrees\n.env\n*.local.yml\n"})
    one = repository.worktree("one")
    assert one.json("up")["copies"] == [".env", "config/dev.local.yml"]
    assert_complete(one)


def test_the_hook_copies_before_the_first_command(repository: Repository) -> None:
    repository.commit({".worktreeinclude": ".env\n*.local.yml\n"})
    repository.main.ok("hook", "install")
    one = repository.worktree("one")
    assert (one.directory / ".env").read_text() == "TOKEN=s3cret\n"
    assert COPIED not in up(one)
    assert_complete(one)


@pytest.mark.parametrize("is_engine_first", [False, True])
def test_without_a_setting_the_line_that_is_named_works(
    repository: Repository, *, is_engine_first: bool
) -> None:
    one = repository.worktree("one")
    if is_engine_first:
        told = "\n".join(up(one))
        assert (one.directory / "config/dev.local.yml").is_dir()
        assert "is an empty folder" in one.json("plan")["missing"][0]["why"]
    else:
        document = one.json("plan")
        told = "\n".join((*document["warnings"], *(file["why"] for file in document["missing"])))
    assert "TOKEN has no value here, but one in" in told
    assert "the engine makes an empty folder there" in told
    assert "s3cret" not in told
    assert 'copy = [".env"] in composeports.toml' in told
    for line in re.findall(r"`([^`]*cp -p [^`]*)`", told):
        assert one.shell(line).code == 0
    up(one)
    one.ok("up", "--force-recreate")
    assert_complete(one)
    assert one.json("plan")["warnings"] == []


def test_the_setting_that_is_named_works(repository: Repository) -> None:
    one = repository.worktree("one")
    document = one.json("plan")
    told = " ".join((*document["warnings"], *(file["why"] for file in document["missing"])))
    patterns = [json.loads(text) for text in re.findall(r"copy = (\[.*?\])", told)]
    entries = [entry for pattern in patterns for entry in pattern]
    write(one.directory, {"composeports.toml": f"copy = {json.dumps(entries)}\n"})
    assert COPIED in up(one)
    assert_complete(one)


def test_a_missing_env_file_of_a_service_is_named_in_compose_s_error(
    repository: Repository,
) -> None:
    env_file = {"command": SHOW, "env_file": "config/api.local.yml"}
    repository.commit({"compose.yaml": stack({"web": {**env_file, "volumes": [MOUNT]}})})
    write(repository.main.directory, {"config/api.local.yml": "TOKEN=s3cret\n"})
    one = repository.worktree("one")
    done = one.run("up")
    assert done.code == 78
    assert 'copy = ["config/api.local.yml"]' in done.err
    write(one.directory, {"composeports.toml": 'copy = ["*.local.yml"]\n'})
    refused = one.run("plan")
    assert refused.code == 78
    assert "`composeports up` first copies it" in refused.err
    up(one)
    assert logs(one) == ["of main", "token s3cret"]


def test_an_optional_env_file_is_named(repository: Repository) -> None:
    env_file = [{"path": "./config/api.local.yml", "required": False}]
    repository.commit({"compose.yaml": stack({"web": {"env_file": env_file}})})
    write(repository.main.directory, {"config/api.local.yml": "A=1\n"})
    one = repository.worktree("one")
    kinds = {Path(file["path"]).name: file["kind"] for file in one.json("plan")["missing"]}
    assert kinds == {"api.local.yml": "env_file", ".env": "env_file"}


def test_a_source_that_is_nowhere_is_told_before_the_engine_makes_it(
    make_repository: MakeRepository,
) -> None:
    volumes = [
        "./data:/data",
        {
            "type": "bind",
            "source": "./refused",
            "target": "/r",
            "bind": {"create_host_path": False},
        },
    ]
    main = make_repository({"compose.yaml": stack({"web": {"volumes": volumes}})}).main
    (missing,) = main.json("plan")["missing"]
    assert (missing["kind"], missing["services"], missing["main"]) == ("mount", ["web"], "")
    assert missing["path"] == str(main.directory / "data")
    assert not (main.directory / "data").exists()
    (main.directory / "refused").mkdir()
    told = [line for line in up(main) if "data" in line]
    assert len(told) == 1
    assert "does not exist; the engine makes an empty folder there" in told[0]
    assert (main.directory / "data").is_dir()
    assert main.json("plan")["missing"] == []


def test_a_linked_folder_is_shared_and_told_if_it_is_written(repository: Repository) -> None:
    def files(options: str) -> dict[str, str]:
        service = {"command": SHOW, "volumes": [f"./models:/models{options}"]}
        settings = 'link = ["models"]\ncopy = [".env"]\n'
        return {"compose.yaml": stack({"web": service}), "composeports.toml": settings}

    main = repository.main.directory
    write(main, {"models/weights": "large"})
    repository.commit(files(":ro"))
    one = repository.worktree("one")
    told = up(one)
    assert "linked to the main checkout: models" in told
    assert (one.directory / "models").readlink() == main / "models"
    assert not [line for line in told if line.startswith("warning")]
    assert one.json("plan")["shared"][0]["name"] == str(main / "models")
    write(one.directory, files(""))
    (warning,) = one.json("plan")["warnings"]
    assert f"{main}/models (by the link {one.directory}/models)" in warning
    assert one.run("up", "--strict").code == 78


def test_a_hostile_repository_gets_nothing(repository: Repository, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    write(secret, {"key.local.yml": "key"})
    main = repository.main.directory
    (main / "models").symlink_to(secret)
    (main / "a.local.yml").symlink_to(secret / "key.local.yml")
    (main / "config/dev.local.yml").unlink()
    copy = ["../../etc/passwd", "/etc/passwd", ".git/config", "config/tracked.yml", "models/*"]
    text = f'copy = {json.dumps([*copy, "*.local.yml"])}\nlink = ["models"]\n'
    repository.commit({"composeports.toml": text, "compose.yaml": stack({"web": {}})})
    one = repository.worktree("one")
    (one.directory / "config/tracked.yml").unlink()
    before = sorted(os.walk(one.directory))
    assert "copied" not in one.run("allocate").err
    assert sorted(os.walk(one.directory)) == before
    told = up(one)
    assert not [line for line in told if line.startswith(("copied", "linked"))]
    assert sorted(os.listdir(one.directory / "config")) == []
    assert os.listdir(secret) == ["key.local.yml"]
