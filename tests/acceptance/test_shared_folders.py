"""Folders and volumes outside of the worktree: reported by real path, acknowledged, or own."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.engine import docker, remove
from tests.harness.repository import stack, write
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import wait_until

pytestmark = pytest.mark.e2e

LOG = ["sh", "-c", 'echo "$$OWNER" >> /data/log; sleep 3600']
OWNER = {"OWNER": "${PWD}"}
LINKED = stack({"db": {"command": LOG, "environment": OWNER, "volumes": ["./pgdata:/data"]}})


def told(session: Session, *arguments: str) -> list[str]:
    """Return the warnings that `up` prints; it must succeed."""
    done = session.must_run("up", *arguments)
    return [line for line in done.err.splitlines() if line.startswith("warning: ")]


def link(session: Session, name: str, target: Path | str) -> None:
    (session.directory / name).symlink_to(target)


def test_a_folder_that_is_a_link_to_the_main_checkout_s_is_told(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": LINKED})
    data = repository.main.directory / "pgdata"
    data.mkdir()
    (data / "log").write_text("rows of the main checkout\n")
    for name in ("one", "other"):
        session = repository.worktree(name)
        link(session, "pgdata", data)
        strict = session.run("up", "--strict")
        assert strict.code == 78
        assert str(data) in strict.err
        assert session.resources_of() == []
    assert (data / "log").read_text() == "rows of the main checkout\n"
    (line,) = told(session)
    assert line.startswith(f"warning: {data} (by the link {session.directory}/pgdata) lies outside")
    assert f'shared = ["{data}"]' in line


def test_a_build_from_the_main_checkout_is_told(make_repository: MakeRepository) -> None:
    """Else a worktree would run the code of another one."""
    repository = make_repository({"app/Dockerfile": "FROM composeports-dev/tiny:1\n"})
    app = repository.main.directory / "app"
    repository.commit({"compose.yaml": stack({"web": {"build": str(app)}})})
    one = repository.worktree("one")
    strict = one.run("up", "--strict")
    assert strict.code == 78
    assert f"{app} lies outside of the worktree and is read from the checkout" in strict.err
    assert one.resources_of() == []
    (line,) = told(one)
    assert f'(the build of web); shared = ["{app}"]' in line
    assert told(repository.main) == []


def test_a_link_in_the_path_and_one_within_the_worktree(make_repository: MakeRepository) -> None:
    files = {"compose.yaml": LINKED.replace("./pgdata", "./var/pgdata"), "own/pgdata/keep": ""}
    repository = make_repository(files)
    one = repository.worktree("one")
    link(one, "var", "own")
    assert told(one, "--strict") == []
    (one.directory / "var").unlink()
    link(one, "var", "../main/own")
    (line,) = told(one)
    assert f"{repository.main.directory}/own/pgdata (by the link" in line


def test_a_folder_of_another_checkout_that_is_only_read_is_told(
    make_repository: MakeRepository,
) -> None:
    volumes = ["./lib:/data:ro", "/etc/hostname:/host:ro"]
    files = {"compose.yaml": stack({"web": {"volumes": volumes}})}
    repository = make_repository(files)
    one = repository.worktree("one")
    (repository.main.directory / "lib").mkdir()
    link(one, "lib", repository.main.directory / "lib")
    (line,) = told(one)
    assert f"is read from the checkout {repository.main.directory}" in line


def test_a_folder_that_the_settings_name_is_listed_without_a_warning(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    outside = tmp_path / "models"
    outside.mkdir()
    file = stack({"db": {"volumes": [f"{outside}/large:/data"]}})
    files = {"compose.yaml": file, "composeports.toml": f'shared = ["{outside}"]\n'}
    one = make_repository(files).worktree("one")
    done = one.must_run("up", "--strict")
    assert f"as the settings say: folder {outside}/large" in done.err
    write(one.directory, {"composeports.toml": 'shared = ["../models"]\n'})
    assert one.run("up", "--strict").code == 0
    write(one.directory, {"composeports.toml": 'shared = ["../mod"]\n'})
    assert one.run("up", "--strict").code == 78


def test_a_path_with_the_project_s_name_in_it_is_the_session_s_own(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    name = "${COMPOSE_PROJECT_NAME}"
    device = {"type": "none", "o": "bind", "device": f"{outside}/{name}"}
    db = {
        "command": LOG,
        "environment": OWNER,
        "volumes": ["data:/data", f"{outside}/{name}-bind:/bind"],
    }
    volumes = {"data": {"driver": "local", "driver_opts": device}}
    repository = make_repository({"compose.yaml": stack({"db": db}, volumes=volumes)})
    for worktree in ("one", "other"):
        session = repository.worktree(worktree)
        folder = outside / session.project
        folder.mkdir(parents=True)
        assert told(session, "--strict") == []
        log = folder / "log"
        wait_until(log.exists, "the log")
        assert wait_until(log.read_text, "its line") == f"{session.directory}\n"
        link_to = outside / "common"
        link_to.mkdir(exist_ok=True)
    (outside / f"{session.project}-bind").rmdir()
    (outside / f"{session.project}-bind").symlink_to(link_to)
    assert any(str(link_to) in text for text in session.json("plan")["warnings"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"type": "nfs", "o": "addr=10.0.0.1,rw", "device": ":/export"}, "nfs 10.0.0.1:/export"),
        ({"type": "cifs", "o": "username=u", "device": "//box/share"}, "cifs //box/share"),
    ],
)
def test_a_volume_on_a_server_is_told(
    make_repository: MakeRepository, options: dict[str, str], words: str
) -> None:
    volumes = {"data": {"driver_opts": options}}
    file = stack({"db": {"volumes": ["data:/data"]}}, volumes=volumes)
    one = make_repository({"compose.yaml": file}).worktree("one")
    (text,) = one.json("plan")["warnings"]
    assert text.startswith(f"{words} lies outside of the worktree")
    assert 'shared = ["volume:data"]' in text
    assert one.run("up", "--strict").code == 78


@pytest.fixture
def volume(tmp_path: Path, environ: dict[str, str]) -> Iterator[str]:
    """Make a volume of the engine that is gone when the test ends."""
    del environ  # its stacks have to go first
    name = f"models-{tmp_path.parent.name}-{tmp_path.name}".lower()
    docker("volume", "create", name)
    yield name
    ids = docker("ps", "--all", "--quiet", "--filter", f"volume={name}").split()
    if ids:
        docker("rm", "--force", *ids)
    remove("volume", name)


def test_an_external_volume_is_told_by_up_until_the_settings_name_it(
    make_repository: MakeRepository, volume: str
) -> None:
    file = stack(
        {"db": {"volumes": ["models:/data"]}},
        volumes={"models": {"external": True, "name": volume}},
    )
    one = make_repository({"compose.yaml": file}).worktree("one")
    (line,) = told(one)
    assert line.startswith(f"warning: volume {volume} is external")
    assert one.run("up", "--strict").code == 78
    write(one.directory, {"composeports.toml": f'shared = ["volume:{volume}"]\n'})
    assert told(one, "--strict") == []
    write(one.directory, {"composeports.toml": "[isolate]\nvolumes = false\n"})
    assert told(one, "--strict") == []


GIT = stack({"dev": {"command": ["sleep", "3600"], "volumes": [".:/src"]}})
MOUNTED = "${COMPOSEPORTS_GIT_COMMON_DIR}:${COMPOSEPORTS_GIT_COMMON_DIR}"
LOOK = 'd=$(cat /src/.git); ls "${d#gitdir: }/$(cat "${d#gitdir: }/commondir")/objects"'


def test_the_plan_says_what_to_mount_for_git_in_a_container_and_then_it_works(
    make_repository: MakeRepository,
) -> None:
    repository = make_repository({"compose.yaml": GIT})
    one = repository.worktree("one")
    (note,) = one.json("plan")["notes"]
    assert "git does not work in service dev at /src" in note
    assert MOUNTED in note
    assert note in one.ok("plan")
    one.ok("up", "--strict")
    assert one.run("exec", "-T", "dev", "sh", "-c", LOOK).code != 0
    write(one.directory, {"compose.yaml": GIT.replace('".:/src"', f'".:/src", "{MOUNTED}:ro"')})
    one.ok("up", "--strict")
    assert one.json("plan")["notes"] == []
    assert one.run("exec", "-T", "dev", "sh", "-c", LOOK).code == 0
    common = repository.main.directory / ".git"
    assert json.loads(one.ok("env", "--format", "json"))["COMPOSEPORTS_GIT_COMMON_DIR"] == str(
        common
    )
    shell = one.shell('eval "$(composeports env)"; docker compose exec -T dev true; git status')
    assert shell.code == 0, shell.err
    assert repository.main.json("plan")["notes"] == []


def test_git_works_in_other_repositories_of_a_shell_that_is_on_the_stack(
    make_repository: MakeRepository, tmp_path: Path
) -> None:
    one = make_repository({"compose.yaml": GIT}).worktree("one")
    one.ok("up")
    script = 'eval "$(composeports env)"; git init -q "$OTHER"; git -C "$OTHER" status -s'
    done = one.shell(script, OTHER=str(tmp_path / "other"))
    assert (done.code, done.out) == (0, "")
