"""The files and the environment are those that Compose itself would use, by its labels."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from composeports.core.labels import BRANCH_LABEL, NAME_LABEL, WORKTREE_LABEL
from composeports.core.plan.variable_mentions import simple_mentions
from composeports.docker.containers import MARK_LABELS
from tests.harness.engine import PROJECT_LABEL, docker
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Session

OWN_LABELS = frozenset({*MARK_LABELS, NAME_LABEL, BRANCH_LABEL, WORKTREE_LABEL})
pytestmark = pytest.mark.e2e

WEB = stack({"web": {"ports": ["8080:80"], "environment": {"WHO": "${WHO:-nobody}"}}})
MORE = json.dumps({"services": {"web": {"environment": {"MORE": "${MORE:-}"}}}})
OTHER = stack({"other": {"ports": ["9090:80"], "environment": {"WHO": "${WHO:-nobody}"}}})


@dataclass(frozen=True)
class Layout:
    """Files of a repository, and from where and how Compose is called on them."""

    files: Mapping[str, str]
    options: tuple[str, ...] = ()
    cwd: str = "."
    variables: Mapping[str, str] = field(default_factory=dict)


LAYOUTS = {
    "one file": Layout({"compose.yaml": WEB}),
    "the oldest name": Layout({"docker-compose.yml": WEB, "docker-compose.override.yml": MORE}),
    "two candidates": Layout({"compose.yml": WEB, "docker-compose.yml": OTHER}),
    "an override": Layout({"compose.yaml": WEB, "compose.override.yaml": MORE}),
    "an override of another name": Layout(
        {"docker-compose.yaml": WEB, "compose.override.yml": MORE}
    ),
    "several -f, no override": Layout(
        {"a.yaml": WEB, "b.yaml": MORE, "compose.override.yaml": OTHER},
        options=("-f", "a.yaml", "-f", "b.yaml"),
    ),
    "-f in another folder": Layout(
        {"deploy/compose.yaml": WEB, ".env": "WHO=root\n", "deploy/.env": "WHO=deploy\n"},
        options=("-f", "deploy/compose.yaml"),
    ),
    "-f of the folder above": Layout(
        {"compose.yaml": WEB, "ci/more.yaml": MORE, ".env": "MORE=yes\n"},
        options=("-f", "../compose.yaml", "-f", "more.yaml"),
        cwd="ci",
    ),
    "COMPOSE_FILE in the shell": Layout(
        {"a.yaml": WEB, "b.yaml": MORE}, variables={"COMPOSE_FILE": "a.yaml:b.yaml"}
    ),
    "COMPOSE_FILE with another separator": Layout(
        {"a.yaml": WEB, "b.yaml": MORE},
        variables={"COMPOSE_FILE": "a.yaml,b.yaml", "COMPOSE_PATH_SEPARATOR": ","},
    ),
    "COMPOSE_FILE in .env": Layout(
        {"a.yaml": WEB, "b.yaml": MORE, ".env": "COMPOSE_FILE=a.yaml:b.yaml\nWHO=dotenv\n"}
    ),
    "-f before COMPOSE_FILE": Layout(
        {"a.yaml": WEB, "b.yaml": OTHER, ".env": "COMPOSE_FILE=b.yaml\n"}, options=("-f", "a.yaml")
    ),
    "--env-file, the later wins, .env unread": Layout(
        {
            "compose.yaml": WEB,
            "compose.override.yaml": MORE,
            ".env": "MORE=dotenv\n",
            "first.env": "WHO=first\n",
            "second.env": "WHO=second\n",
        },
        options=("--env-file", "first.env", "--env-file", "second.env"),
    ),
    "COMPOSE_ENV_FILES": Layout(
        {"compose.yaml": WEB, "one.env": "WHO=one\n", "two.env": "WHO=two\n"},
        variables={"COMPOSE_ENV_FILES": "one.env,two.env"},
    ),
    "the shell before .env": Layout(
        {"compose.yaml": WEB, ".env": "WHO=dotenv\n"}, variables={"WHO": "shell"}
    ),
    "COMPOSE_PROFILES in .env": Layout(
        {
            "compose.yaml": stack(
                {"web": {"ports": ["8080:80"]}, "tool": {"ports": ["9000:80"], "profiles": ["t"]}}
            ),
            ".env": "COMPOSE_PROFILES=t\n",
        }
    ),
    "--project-directory": Layout(
        {"compose.yaml": OTHER, "app/compose.yaml": WEB, "app/.env": "WHO=app\n"},
        options=("--project-directory", "app"),
    ),
    "--project-directory and -f": Layout(
        {"files/compose.yaml": WEB, "app/.env": "WHO=app\n", ".env": "WHO=root\n"},
        options=("--project-directory", "app", "-f", "files/compose.yaml"),
    ),
    "from a sub-folder": Layout(
        {"compose.yaml": WEB, "compose.override.yaml": MORE, ".env": "WHO=top\n", "a/b/x": ""},
        cwd="a/b",
    ),
    "include": Layout(
        {
            "compose.yaml": stack(
                {"web": {"ports": ["8080:80"]}},
                include=["part.yaml", {"path": "sub/compose.yaml", "env_file": "sub/who.env"}],
            ),
            "part.yaml": stack({"part": {"ports": ["8081:80"], "volumes": ["./x:/x"]}}),
            "sub/compose.yaml": stack(
                {"sub": {"ports": ["${WHO}:80"], "volumes": ["./y:/y"]}},
            ),
            "sub/who.env": "WHO=8082\n",
        }
    ),
    "extends": Layout(
        {
            "compose.yaml": stack(
                {"web": {"extends": {"file": "base/base.yaml", "service": "base"}}}
            ),
            "base/base.yaml": stack({"base": {"ports": ["8080:80"], "volumes": ["./data:/data"]}}),
        }
    ),
    "env_file, anchors, a name of its own": Layout(
        {
            "compose.yaml": (
                "name: mine\n"
                f"x-web: &web {{image: '{TINY}', env_file: [web.env], volumes: ['./data:/data']}}\n"
                "services:\n"
                "  web: {<<: *web, ports: ['8080:80']}\n"
                "  twin: {<<: *web, ports: ['8081:80']}\n"
            ),
            "web.env": "SECRET='a $$ b'\nOTHER=\"two words\"\n",
            ".env": "COMPOSE_PROJECT_NAME=mine-too\n",
        }
    ),
    "values that look like syntax": Layout(
        {
            "compose.yaml": stack(
                {"web": {"ports": ["8080:80"], "command": ["echo", "$$HOME", "${WHO}", "!x: #y"]}}
            ),
            ".env": "WHO='$HOME `id` \"quoted\" #'\n",
        }
    ),
    "a folder with a blank and more": Layout(
        {"a 'b' ü/compose.yaml": WEB, "a 'b' ü/.env": "WHO=odd\n"}, cwd="a 'b' ü"
    ),
}


def labels(project: str) -> dict[str, dict[str, str]]:
    """Return Compose's labels of each service's container."""
    only = f"label={PROJECT_LABEL}={project}"
    ids = docker("ps", "--all", "--quiet", "--filter", only).split()
    assert ids
    found = [each["Config"]["Labels"] for each in json.loads(docker("inspect", *ids))]
    return {each["com.docker.compose.service"]: each for each in found}


def without_host_ports(said: str) -> Any:  # noqa: ANN401 - a document
    """Return the output of `config` without the plan's changes: host ports and labels."""
    document = json.loads(said)
    sections = (document.get(name, {}) for name in ("services", "networks", "volumes"))
    for thing in (each for section in sections for each in section.values()):
        labels = thing.pop("labels", {})
        kept = {name: text for name, text in labels.items() if name not in OWN_LABELS}
        thing.update({"labels": kept} if kept else {})
    for service in document["services"].values():
        for port in service.get("ports", ()):
            del port["published"]
    return document


@pytest.fixture(params=list(LAYOUTS.values()), ids=list(LAYOUTS))
def layout(request: pytest.FixtureRequest) -> Layout:
    found: Layout = request.param
    return found


@pytest.fixture
def here(layout: Layout, make_repository: MakeRepository) -> Session:
    """A session in the layout's folder, with its variables in the shell."""
    main = make_repository({"README": "", **layout.files}).main
    return Session(main.directory / layout.cwd, {**main.environ, **layout.variables})


def test_up_uses_the_files_and_values_that_compose_would(layout: Layout, here: Session) -> None:
    here.ok(*layout.options, "up", "--no-start")
    (row,) = here.json("status")
    project = row["compose_project_name"]
    raw = ("--project-name", f"raw-{project}", *layout.options)
    here.compose(*raw, "create")

    ours, theirs = labels(project), labels(f"raw-{project}")
    assert set(ours) == set(theirs)
    for service, label in theirs.items():
        directory = label[f"{PROJECT_LABEL}.working_dir"]
        override = os.path.join(directory, ".composeports/compose.override.yaml")
        own_env = os.path.join(directory, ".composeports/.env")
        assert ours[service][f"{PROJECT_LABEL}.working_dir"] == directory
        assert ours[service][f"{PROJECT_LABEL}.config_files"].split(",") == [
            *label[f"{PROJECT_LABEL}.config_files"].split(","),
            override,
        ]
        # Compose names the env files there that it was given, and not the `.env` that it found.
        given = label.get(f"{PROJECT_LABEL}.environment_file", "")
        used = ours[service][f"{PROJECT_LABEL}.environment_file"]
        assert used.endswith(f"{given},{own_env}" if given else own_env)

    plain = here.compose("--project-name", project, *layout.options, "config", "--format", "json")
    said = here.ok(*layout.options, "config", "--format", "json")
    assert without_host_ports(said) == without_host_ports(plain)
    in_shell = 'eval "$(composeports "$@" env)"; docker compose config --format json'
    evaluated = here.shell(f"set -- {' '.join(map(repr, layout.options))}; {in_shell}")
    assert evaluated.document == json.loads(said), evaluated.err


def test_a_linked_folder_is_the_same_session(make_repository: MakeRepository) -> None:
    main = make_repository({"compose.yaml": WEB}).main
    main.ok("up", "--no-start")
    link = main.directory.parent / "link"
    link.symlink_to(main.directory)
    linked = Session(link, main.environ)
    assert linked.row == main.row
    assert linked.ok("ps", "--all", "--quiet") == main.ok("ps", "--all", "--quiet")
    linked.ok("up", "--no-start")
    assert linked.row["ports"] == main.row["ports"]
    linked.ok("down", "-t", "0")
    assert main.resources_of() == []


def test_two_compose_files_of_one_worktree_are_two_sessions_by_folder(
    make_repository: MakeRepository,
) -> None:
    main = make_repository({"a/compose.yaml": WEB, "b/compose.yaml": OTHER}).main
    for folder in ("a", "b"):
        Session(main.directory / folder, main.environ).ok("up", "--no-start")
    rows = main.json("status")
    assert len({row["compose_project_name"] for row in rows}) == 2
    assert {row["worktree"] for row in rows} == {str(main.directory)}
    write(main.directory, {"a/deep/x": ""})
    below = Session(main.directory / "a/deep", main.environ)
    assert below.row["session_id"].endswith(".git#a")


SIMPLE_TEXTS = (
    "$BARE:80",
    "${BRACED}",
    "${WITH_DASH-8080}:80",
    "${WITH_COLON:-8080}:80 # comment",
    "${EMPTY:-}",
    "${PATH_LIKE:-./conf}:/conf:ro",
    "${A_URL:-http://localhost:8080/x?y=1}",
    "${SPACE:-a b}",
    "${PLUS:+set} ${PLUS_BARE+set}",
    "$$NONE $${NONE}",
    "${lower_case:-1}$_1",
)


@pytest.mark.parametrize("text", SIMPLE_TEXTS)
def test_a_simple_text_mentions_what_compose_lists(
    make_repository: MakeRepository, text: str
) -> None:
    content = f"services:\n  web:\n    image: {TINY}\n    labels:\n      x: {text}\n"
    path = make_repository({"compose.yaml": content}).main.directory / "compose.yaml"
    table = docker("compose", "--file", str(path), "config", "--variables").splitlines()
    position = table[0].index("DEFAULT VALUE"), table[0].index("ALTERNATE VALUE")
    listed = {row.split()[0]: row[slice(*position)].strip() for row in table[1:] if row.split()}
    assert simple_mentions([content]) == listed
