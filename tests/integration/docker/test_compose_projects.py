"""Which folders of a worktree may hold a Compose project of some name."""

from pathlib import Path

import pytest

from composeports.docker.compose_projects import default_name, find_projects

pytestmark = pytest.mark.integration


def found(top: Path, *names: str) -> list[str]:
    return [path.removeprefix(f"{top}").strip("/") for path in find_projects(str(top), names)]


def put(top: Path, path: str, text: str = "services: {}\n") -> None:
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(text)


def test_a_project_is_found_by_its_folder_s_name_or_by_what_its_files_mention(
    tmp_path: Path,
) -> None:
    put(tmp_path, "infra/compose.yaml")
    put(tmp_path, "platform/docker-compose.yml", "name: ${STACK:-infra}\n")
    put(tmp_path, "deep/er/compose.yml")
    put(tmp_path, "deep/er/.env", "COMPOSE_PROJECT_NAME=infra\n")
    put(tmp_path, "other/compose.yaml")
    put(tmp_path, "infra-docs/readme.md")
    assert found(tmp_path, "infra_default") == ["deep/er", "infra", "platform"]
    assert found(tmp_path, "nothing") == []
    assert found(tmp_path) == []


def test_an_explicit_name_of_a_network_is_looked_for_as_a_whole(tmp_path: Path) -> None:
    put(tmp_path, "a/compose.yaml", "networks: {x: {name: edge}}\n")
    assert found(tmp_path, "edge") == ["a"]


def test_folders_that_hold_no_project_of_the_worktree_are_left_out(tmp_path: Path) -> None:
    for folder in ("node_modules/infra", ".hidden/infra", "a/b/c/d/e/f/infra", "nested/infra"):
        put(tmp_path, f"{folder}/compose.yaml")
    put(tmp_path, "nested/.git", "gitdir: elsewhere\n")
    assert found(tmp_path, "infra_default") == []


@pytest.mark.parametrize(
    ("folder", "name"), [("/x/My.Infra", "myinfra"), ("/x/_a-b", "a-b"), ("/x/infra_2", "infra_2")]
)
def test_the_name_that_compose_takes_from_a_folder(folder: str, name: str) -> None:
    assert default_name(folder) == name
