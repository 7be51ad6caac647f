"""Which files Compose would use: each of its rules, on real folders."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from composeports.docker.compose_files import Selection, read_env_file, select_files
from composeports.host.session_files import owner_of

pytestmark = pytest.mark.integration

NAMES = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
OVERRIDES = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
]


@dataclass(frozen=True)
class Case:
    """Files with their content, the options, and the files found, relative to the top."""

    there: Mapping[str, str]
    files: list[str]
    env_files: list[str] = field(default_factory=list)
    directory: str = "."
    cwd: str = "."
    environ: Mapping[str, str] = field(default_factory=dict)
    asked: Mapping[str, object] = field(default_factory=dict)


def empty(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


def select(top: Path, case: Case) -> Selection:
    for name, text in case.there.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    (top / case.cwd).mkdir(parents=True, exist_ok=True)
    cwd = str((top / case.cwd).resolve())
    return select_files(cwd, case.environ, **case.asked)  # type: ignore[arg-type]


DOTENV = {"compose.yaml": "", "other.yaml": "", "third.yaml": ""}
CASES = {
    "nothing is there": Case({}, []),
    "a parent's file, from deep below": Case(
        empty("compose.yml"), ["compose.yml"], cwd="a/b/c", directory="."
    ),
    "the nearest file wins": Case(
        empty("compose.yaml", "a/docker-compose.yml"),
        ["a/docker-compose.yml"],
        cwd="a/b",
        directory="a",
    ),
    "an override belongs to the folder of its file": Case(
        empty("compose.yaml", "compose.override.yaml", "a/compose.override.yaml"),
        ["compose.yaml", "compose.override.yaml"],
        cwd="a",
    ),
    "an override alone is nothing": Case(empty("compose.override.yaml"), []),
    "names of both kinds go together": Case(
        empty("compose.yaml", "docker-compose.override.yml"),
        ["compose.yaml", "docker-compose.override.yml"],
    ),
    "-f leaves the override out": Case(
        empty("compose.yaml", "compose.override.yaml"),
        ["compose.yaml"],
        asked={"files": ["compose.yaml"]},
    ),
    "several -f keep their order, and the first one's folder counts": Case(
        empty("a/one.yaml", "b/two.yaml"),
        ["b/two.yaml", "a/one.yaml"],
        directory="b",
        cwd="a",
        asked={"files": ["../b/two.yaml", "one.yaml"]},
    ),
    "-f overrides COMPOSE_FILE": Case(
        DOTENV,
        ["other.yaml"],
        environ={"COMPOSE_FILE": "third.yaml"},
        asked={"files": ["other.yaml"]},
    ),
    "-f names a file that is not there": Case(
        {}, ["sub/no.yaml"], directory="sub", asked={"files": ["sub/no.yaml"]}
    ),
    "COMPOSE_FILE with several": Case(
        DOTENV,
        ["other.yaml", "third.yaml"],
        environ={"COMPOSE_FILE": "other.yaml:third.yaml"},
    ),
    "COMPOSE_FILE with a separator of its own": Case(
        DOTENV,
        ["other.yaml", "third.yaml"],
        environ={"COMPOSE_FILE": "other.yaml;third.yaml", "COMPOSE_PATH_SEPARATOR": ";"},
    ),
    "COMPOSE_FILE is relative to where we are": Case(
        empty("compose.yaml", "sub/x.yaml"),
        ["sub/x.yaml"],
        cwd="sub",
        directory="sub",
        environ={"COMPOSE_FILE": "x.yaml"},
    ),
    "COMPOSE_FILE that is empty": Case(DOTENV, ["compose.yaml"], environ={"COMPOSE_FILE": ""}),
    "COMPOSE_FILE in .env": Case(
        {**DOTENV, ".env": "COMPOSE_FILE=other.yaml:third.yaml\n"},
        ["other.yaml", "third.yaml"],
        [".env"],
    ),
    "COMPOSE_FILE and its separator in .env": Case(
        {**DOTENV, ".env": 'COMPOSE_PATH_SEPARATOR=","\nCOMPOSE_FILE=other.yaml,third.yaml\n'},
        ["other.yaml", "third.yaml"],
        [".env"],
    ),
    "the shell overrides .env": Case(
        {**DOTENV, ".env": "COMPOSE_FILE=other.yaml\n"},
        ["third.yaml"],
        [".env"],
        environ={"COMPOSE_FILE": "third.yaml"},
    ),
    "a comment is no setting": Case(
        {**DOTENV, ".env": "# COMPOSE_FILE=other.yaml\n"}, ["compose.yaml"], [".env"]
    ),
    ".env of the file's folder, from below": Case(
        {"compose.yaml": "", ".env": "A=1\n"}, ["compose.yaml"], [".env"], cwd="sub"
    ),
    ".env here and beside the file": Case(
        {"compose.yaml": "", ".env": "A=1\n", "sub/.env": "A=2\n"},
        ["compose.yaml"],
        [".env", "sub/.env"],
        cwd="sub",
    ),
    ".env that is a folder": Case({"compose.yaml": "", ".env/x": ""}, ["compose.yaml"]),
    "--env-file takes the place of .env": Case(
        {**DOTENV, ".env": "COMPOSE_FILE=other.yaml\n", "e.env": "COMPOSE_FILE=third.yaml\n"},
        ["third.yaml"],
        ["e.env"],
        asked={"env_files": ["e.env"]},
    ),
    "of several --env-file the last one ranks first": Case(
        {**DOTENV, "1.env": "COMPOSE_FILE=other.yaml\n", "2.env": "COMPOSE_FILE=third.yaml\n"},
        ["third.yaml"],
        ["1.env", "2.env"],
        asked={"env_files": ["1.env", "2.env"]},
    ),
    "COMPOSE_ENV_FILES": Case(
        {**DOTENV, ".env": "", "1.env": "", "2.env": ""},
        ["compose.yaml"],
        ["1.env", "2.env"],
        environ={"COMPOSE_ENV_FILES": "1.env,2.env"},
    ),
    "--env-file overrides COMPOSE_ENV_FILES": Case(
        {**DOTENV, "1.env": "", "2.env": ""},
        ["compose.yaml"],
        ["1.env"],
        environ={"COMPOSE_ENV_FILES": "2.env"},
        asked={"env_files": ["1.env"]},
    ),
    "COMPOSE_ENV_FILES that is empty": Case(
        {**DOTENV, ".env": ""}, ["compose.yaml"], [".env"], environ={"COMPOSE_ENV_FILES": ""}
    ),
    "COMPOSE_DISABLE_ENV_FILE": Case(
        {**DOTENV, ".env": "COMPOSE_FILE=other.yaml\n"},
        ["compose.yaml"],
        environ={"COMPOSE_DISABLE_ENV_FILE": "true"},
    ),
    "COMPOSE_DISABLE_ENV_FILE that says no": Case(
        {**DOTENV, ".env": "COMPOSE_FILE=other.yaml\n"},
        ["other.yaml"],
        [".env"],
        environ={"COMPOSE_DISABLE_ENV_FILE": "0"},
    ),
    "--project-directory": Case(
        empty("sub/compose.yaml", "sub/.env"),
        ["sub/compose.yaml"],
        ["sub/.env"],
        directory="sub",
        asked={"project_directory": "sub"},
    ),
    "--project-directory with a file from elsewhere": Case(
        empty("compose.yaml", "sub/.env"),
        ["compose.yaml"],
        ["sub/.env"],
        directory="sub",
        asked={"project_directory": "sub", "files": ["compose.yaml"]},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_files_are_those_that_compose_would_use(tmp_path: Path, case: Case) -> None:
    found = select(tmp_path, case)
    assert [Path(each).relative_to(tmp_path).as_posix() for each in found.files] == case.files
    assert [Path(each).relative_to(tmp_path).as_posix() for each in found.env_files] == (
        case.env_files
    )
    assert Path(found.directory) == tmp_path / case.directory


@pytest.mark.parametrize("first", range(len(NAMES)))
def test_of_the_default_names_the_first_one_counts(tmp_path: Path, first: int) -> None:
    found = select(tmp_path, Case(empty(*NAMES[first:]), []))
    assert found.files == (f"{tmp_path}/{NAMES[first]}",)


@pytest.mark.parametrize("first", range(len(OVERRIDES)))
def test_of_the_override_names_the_first_one_counts(tmp_path: Path, first: int) -> None:
    found = select(tmp_path, Case(empty("docker-compose.yml", *OVERRIDES[first:]), []))
    assert found.files == (f"{tmp_path}/docker-compose.yml", f"{tmp_path}/{OVERRIDES[first]}")


def test_the_settings_of_compose_in_env_files_are_known_and_nothing_else(tmp_path: Path) -> None:
    text = "PASSWORD=secret\nCOMPOSE_PROFILES='a,b'\nexport COMPOSE_FILE=compose.yaml\n"
    found = select(tmp_path, Case({"compose.yaml": "", ".env": text}, []))
    assert found.variables == {"COMPOSE_PROFILES": "a,b", "COMPOSE_FILE": "compose.yaml"}


def test_paths_with_spaces_and_quotes_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "place" $(x) 日本'
    folder.mkdir()
    found = select(folder, Case(empty("compose.yaml", ".env"), []))
    assert found.files == (f"{folder}/compose.yaml",)
    assert found.env_files == (f"{folder}/.env",)


@pytest.mark.parametrize("content", [b"\xff\xfe COMPOSE_FILE=x", b"COMPOSE_FILE"])
def test_an_env_file_that_makes_no_sense_is_left_to_compose(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    found = select(tmp_path, Case(empty("compose.yaml"), []))
    assert found.files == (f"{tmp_path}/compose.yaml",)
    assert found.variables == {}


def test_an_env_file_that_is_missing_is_empty(tmp_path: Path) -> None:
    assert read_env_file(str(tmp_path / "none.env")) == {}


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/w/.composeports/.env", "/w"),
        ("/w/.composeports/compose.override.yaml", "/w"),
        ("/w/.composeports/ac-12345678/.env", "/w"),
        ("/w/.composeports/ac-12345678/compose.override.yaml", "/w"),
        ("/.composeports/.env", "/"),
        ("/w/.composeports/other.yaml", None),
        ("/w/.composeports/a/b/.env", None),
        ("/w/.env", None),
        ("/w/compose.override.yaml", None),
        ("/w/.composeports", None),
        ("compose.yaml", None),
        ("", None),
    ],
)
def test_our_own_files_are_known_by_their_folder(path: str, owner: str | None) -> None:
    assert owner_of(path) == owner
