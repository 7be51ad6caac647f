"""The settings file: found and read on real folders, and its values take effect."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from composeports.cli.fast_env import answer
from composeports.config import Config, find_settings
from composeports.core.allocation import release
from composeports.core.environment import as_export
from composeports.core.lease import Lease
from composeports.core.session import project_name
from composeports.core.settings import Settings
from composeports.docker.engine import Engine
from composeports.errors import ConfigError
from composeports.paths import STORE_FILE
from composeports.stores.memory import MemoryStore
from composeports.stores.sqlite.store import SqliteStore
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.reserve import preview_lease, reserve_lease
from composeports.usecases.session import Session
from composeports.usecases.status import environment
from tests.harness.repository import git

pytestmark = pytest.mark.integration

Printed = Callable[[Path], tuple[str | None, str]]
PYPROJECT = '[project]\nname = "shop"\ndependencies = ["composeports"]\n'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Make a checkout with a Compose file at its top and one below, and a folder beside them."""
    top = tmp_path / "repo"
    for name in ("deploy", "src/deep"):
        (top / name).mkdir(parents=True)
    git(tmp_path, "init", "-q", str(top))
    for path in (top / "compose.yaml", top / "deploy" / "compose.yaml"):
        path.write_text("services: {}\n")
    return top


def write(folder: Path, text: str, name: str = "composeports.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def found(start: Path, top: Path | None) -> tuple[Settings, str]:
    result = find_settings(str(start), str(top) if top else None)
    return result.settings, result.path


def refused(start: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        find_settings(str(start), str(start))
    return caught.value


# Which file


def test_without_a_file_all_is_default(repo: Path) -> None:
    assert found(repo / "src" / "deep", repo) == (Settings(), "")


def test_the_nearest_file_wins(repo: Path) -> None:
    write(repo, 'prefix = "far"')
    near = write(repo / "src", 'prefix = "near"')
    assert found(repo / "src" / "deep", repo) == (Settings(prefix="near"), str(near))
    assert found(repo / "deploy", repo)[0].prefix == "far"


def test_the_search_ends_at_the_top_of_the_checkout(repo: Path) -> None:
    outside = write(repo.parent, 'prefix = "outside"')
    assert found(repo / "src", repo) == (Settings(), "")
    assert found(repo / "src", None) == (Settings(prefix="outside"), str(outside))


def test_a_link_into_the_checkout_leads_to_its_file(repo: Path, tmp_path: Path) -> None:
    write(repo, 'prefix = "inside"\nfiles = ["deploy/compose.yaml"]')
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(repo / "src")
    write(link.parent, 'prefix = "outside"')
    settings, _ = found(link, repo)
    assert settings.prefix == "inside"
    assert settings.files == (str(repo / "deploy" / "compose.yaml"),)


def test_files_are_relative_to_the_folder_of_the_settings(repo: Path) -> None:
    write(repo / "src", 'files = ["../compose.yaml", "deep/c.yaml"]')
    settings, _ = found(repo / "src" / "deep", repo)
    assert settings.files == (str(repo / "compose.yaml"), str(repo / "src" / "deep" / "c.yaml"))


@pytest.mark.parametrize(
    "table",
    [
        '[tool.composeports]\nprefix = "py"',
        '[tool]\ncomposeports = {prefix = "py"}',
        '[ tool . "composeports" ]\nprefix = "py"',
    ],
)
def test_a_table_of_pyproject_is_read(repo: Path, table: str) -> None:
    path = write(repo, f"{PYPROJECT}{table}\n", "pyproject.toml")
    assert found(repo / "src", repo) == (Settings(prefix="py"), str(path))


def test_a_pyproject_without_the_table_is_passed_by(repo: Path) -> None:
    write(repo, PYPROJECT + '[tool.composeports]\nprefix = "top"\n', "pyproject.toml")
    write(repo / "src", PYPROJECT, "pyproject.toml")
    write(repo / "src" / "deep", "[not.ours\n", "pyproject.toml")
    assert found(repo / "src" / "deep", repo)[0].prefix == "top"


def test_our_own_file_beats_a_pyproject_beside_it(repo: Path) -> None:
    write(repo, '[tool.composeports]\nprefix = "py"\n', "pyproject.toml")
    path = write(repo, 'prefix = "own"')
    assert found(repo, repo) == (Settings(prefix="own"), str(path))


# What cannot be read


def test_a_syntax_error_is_told_with_file_and_line(repo: Path) -> None:
    path = write(repo, 'prefix = "ac"\nfiles = [\n')
    error = refused(repo)
    assert error.message.startswith(f"{path} is not valid TOML: ")
    assert "line 3" in error.message or "end of document" in error.message
    path = write(repo, 'prefix = "ac"\nfiles =\n')
    assert "line 2" in refused(repo).message


@pytest.mark.parametrize(
    "data", [b"prefix = '\xff'", b"a = " + b"[" * 100_000, b"a = " + b"9" * 10_000], ids=len
)
def test_what_is_no_toml_is_told(repo: Path, data: bytes) -> None:
    path = repo / "composeports.toml"
    path.write_bytes(data)
    assert str(path) in refused(repo).message


@pytest.mark.parametrize("name", ["composeports.toml", "pyproject.toml"])
def test_a_file_that_cannot_be_read_is_told(repo: Path, name: str) -> None:
    path = repo / name
    path.mkdir()
    assert refused(repo).message == f"cannot read {path}: Is a directory"


def test_a_mistake_in_pyproject_names_the_table(repo: Path) -> None:
    path = write(repo, "[tool.composeports]\nfile = []\n", "pyproject.toml")
    assert refused(repo).message == f"{path} [tool.composeports]: there is no setting 'file'"
    write(repo, "[tool]\ncomposeports = 5\n", "pyproject.toml")
    assert refused(repo).message == f"{path}: tool.composeports must be a table, got 5"


# What the workspace does with it


def at(place: Path, options: Options | None = None, **environ: str) -> Session:
    context = Context(
        environ, str(place), Config(), MemoryStore(), Engine(environ), now=lambda: 0.0
    )
    return Session(context, options or Options())


def test_files_are_selected_from_anywhere_in_the_checkout(repo: Path) -> None:
    deploy = repo / "deploy"
    write(repo, 'files = ["deploy/compose.yaml", "deploy/more.yaml"]')
    for place in (repo, repo / "src" / "deep"):
        here = at(place)
        assert here.selection.directory == str(deploy)
        assert here.selection.files == (str(deploy / "compose.yaml"), str(deploy / "more.yaml"))
        assert here.place.directory == str(deploy)
        assert here.session_id == f"{repo / '.git'}#deploy"
        assert here.stack.files == here.selection.files


@pytest.mark.parametrize("way", ["option", "shell", ".env"])
def test_named_files_beat_the_settings(repo: Path, way: str) -> None:
    write(repo, 'files = ["deploy/compose.yaml"]')
    named = str(repo / "compose.yaml")
    options, environ = Options(), {}
    if way == "option":
        options = Options(files=("compose.yaml",))
    elif way == "shell":
        environ = {"COMPOSE_FILE": "compose.yaml"}
    else:
        write(repo, "COMPOSE_FILE=compose.yaml\n", ".env")
    assert at(repo, options, **environ).selection.files == (named,)


def test_the_env_file_beside_the_files_is_used(repo: Path) -> None:
    write(repo, 'files = ["deploy/compose.yaml"]')
    write(repo / "deploy", "WEB_PORT=1\n", ".env")
    assert at(repo / "src").selection.env_files == (str(repo / "deploy" / ".env"),)


def test_settings_are_those_of_the_project_directory(repo: Path) -> None:
    write(repo / "deploy", 'prefix = "deploy"')
    write(repo / "src", 'prefix = "src"')
    here = at(repo / "src", Options(project_directory="../deploy"))
    assert here.settings.prefix == "deploy"
    assert at(repo / "src").settings.prefix == "src"


def test_profiles_are_named_to_compose_and_recorded(repo: Path) -> None:
    write(repo, 'profiles = ["dev", "tools"]')
    here = at(repo)
    argv = here.compose.argv("ac-1", "up")
    assert [argv[i + 1] for i, word in enumerate(argv) if word == "--profile"] == ["dev", "tools"]
    assert here.stack.profiles == ("dev", "tools")


@pytest.mark.parametrize(
    ("options", "environ", "env_file", "expected"),
    [
        (Options(profiles=("ci",)), {}, "", ("ci",)),
        (Options(), {"COMPOSE_PROFILES": "ci"}, "", ()),
        (Options(), {"COMPOSE_PROFILES": ""}, "", ()),
        (Options(), {}, "COMPOSE_PROFILES=ci\n", ()),
        (Options(), {}, "WEB_PORT=1\n", ("dev",)),
    ],
)
def test_named_profiles_beat_the_settings(
    repo: Path, options: Options, environ: dict[str, str], env_file: str, expected: tuple[str, ...]
) -> None:
    write(repo, 'profiles = ["dev"]')
    write(repo, env_file, ".env")
    assert at(repo, options, **environ).profiles == expected


def taken(here: Session) -> Lease:
    return reserve_lease(here, ())


def test_a_new_session_gets_the_prefix(repo: Path) -> None:
    write(repo, 'prefix = "team"')
    here = at(repo)
    name = project_name(here.session_id, prefix="team")
    assert name.startswith("team-")
    assert here.expected_project_name(None) == name
    assert preview_lease(here, (), lambda lease, _: lease).project == name
    assert taken(here).project == name


def test_a_known_session_keeps_its_project_name(repo: Path) -> None:
    before = at(repo)
    project = taken(before).project
    before.context.store.update(before.session_id, release)
    write(repo, 'prefix = "team"')
    after = Session(before.context)
    assert after.settings.prefix == "team"
    assert after.expected_project_name(after.record()) == project
    assert taken(after).project == project


def test_the_folder_of_a_named_session_has_the_prefix_and_keeps_it(repo: Path) -> None:
    write(repo, 'prefix = "team"')
    here = at(repo, Options(session="mine"))
    folder = repo / ".composeports" / project_name("mine", prefix="team")
    assert here.folder.path == str(folder)
    taken(here)
    write(repo, 'prefix = "other"')
    assert Session(here.context, here.options).folder.path == str(folder)


def test_a_broken_file_is_no_matter_where_all_is_named(repo: Path) -> None:
    write(repo, "files =")
    options = Options(files=("compose.yaml",))
    assert at(repo, options).session_id == str(repo / ".git")
    with pytest.raises(ConfigError):
        _ = at(repo).session_id


# The short way of `env`


@pytest.fixture
def printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Printed:
    """Return a function that gives the short way's answer for a folder, and the long way's."""
    for name in [name for name in os.environ if name.startswith(("COMPOSE", "PORT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COMPOSEPORTS_STATE_DIR", str(tmp_path / "state"))

    def ask(place: Path) -> tuple[str | None, str]:
        monkeypatch.chdir(place)
        monkeypatch.setenv("PWD", str(place))
        store = SqliteStore(tmp_path / "state" / STORE_FILE)
        environ = dict(os.environ)
        context = Context(environ, str(place), Config(), store, Engine(environ))
        here = Session(context)
        reserve_lease(here, (), lambda lease, _: lease._replace(stack=here.stack))
        long = as_export(environment(here)) + "\n"
        store.close()
        short = capsysbinary.readouterr().out.decode() if answer(["env"]) == 0 else None
        return short, long

    return ask


@pytest.mark.parametrize("text", ["", 'prefix = "team"', 'profiles = ["dev"]', "strict = true"])
def test_the_short_way_of_env_says_what_the_long_way_says(
    repo: Path, printed: Printed, text: str
) -> None:
    write(repo, text)
    write(repo, PYPROJECT, "pyproject.toml")
    short, long = printed(repo / "src")
    assert short == long
    assert "COMPOSE_PROJECT_NAME" in long


@pytest.mark.parametrize("name", ["composeports.toml", "pyproject.toml"])
def test_the_short_way_of_env_leaves_a_file_that_names_files_alone(
    repo: Path, printed: Printed, name: str
) -> None:
    table = "[tool.composeports]\n" if name == "pyproject.toml" else ""
    write(repo, f'{table}files = ["deploy/compose.yaml"]\n', name)
    short, long = printed(repo / "src")
    assert short is None
    assert str(repo / "deploy" / "compose.yaml") in long


def test_the_short_way_of_env_minds_no_file_outside_the_checkout(
    repo: Path, printed: Printed
) -> None:
    write(repo.parent, 'files = ["other.yaml"]')
    short, long = printed(repo)
    assert short == long
