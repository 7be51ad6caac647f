"""What composeports asks Compose, and caches: no failures, no results of another Compose."""

import json
from pathlib import Path

import pytest

from composeports.docker.compose_cli import LIMITS
from tests.harness.repository import make_repository
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration

TABLE = "NAME      REQUIRED  DEFAULT VALUE  ALTERNATE VALUE\n"
FILE = """
services:
  web:
    image: scratch
    ports: ["${WEB_PORT:-8080}:80"]
    volumes: ["${CONF:-./conf}:/conf:ro"]
"""
# Compose has to say which variables this file has.
WITH_COMMENT = f"# Not ${{OTHER}}.{FILE}"


def answer(port: str, **more: str) -> str:
    entry = {"mode": "ingress", "target": 80, "published": port, "protocol": "tcp"}
    return json.dumps({"name": "any", **more, "services": {"web": {"ports": [entry]}}})


def print_web_port(**more: str) -> str:
    """Return the script that prints the file as Compose resolves it."""
    text = answer("$WEB_PORT", **more).replace('"', '\\"')
    return f'WEB_PORT=${{WEB_PORT:-8080}}; printf "%s" "{text}"'


@pytest.fixture
def here(tmp_path: Path, docker: FakeDocker, shell: Shell) -> Shell:
    """A worktree whose Compose reads the file, and prints the port of WEB_PORT."""
    docker.answer("config")
    docker.run_before("config", print_web_port())
    folder = make_repository(tmp_path / "repository", {"compose.yaml": WITH_COMMENT})
    return shell.at(folder).using(docker)


def queries(docker: FakeDocker) -> list[str]:
    """Return the questions about the files since the last time."""
    found = [call for call in docker.calls if " config " in call]
    (docker.folder / "calls").unlink()
    return found


def resolved(questions: list[str]) -> int:
    """Return how often Compose was asked for the resolved files."""
    return sum("--format json" in question for question in questions)


def web_port(shell: Shell) -> str | None:
    made = shell.run("plan", "--json").document
    assert made["ports"] == {"web:80/tcp": made["ports"]["web:80/tcp"]}
    port = made["env"].get("WEB_PORT")
    return None if port is None else str(port)


def test_variables_are_found_where_compose_cannot_list_them(
    here: Shell, docker: FakeDocker
) -> None:
    docker.answer("variables", err="invalid spec: :/conf:ro: empty section\n", code=1)
    for _ in range(2):
        assert here.run("allocate").code == 0
        assert web_port(here) == web_port(here) is not None
        here.run("up")
        # What failed is no answer: it is asked again.
        assert any("--variables" in call for call in queries(docker))


def test_an_answer_is_remembered_until_compose_is_another_one(
    here: Shell, docker: FakeDocker
) -> None:
    docker.answer("variables", f"{TABLE}WEB_PORT  false     8080\n")
    here.run("up")
    assert any("--variables" in call for call in queries(docker))
    here.run("up")
    assert [call for call in queries(docker) if "--variables" in call] == []
    plugin = docker.config / "cli-plugins" / "docker-compose"
    plugin.write_text(plugin.read_text() + "# another version\n")
    here.run("up")
    assert len(queries(docker)) > 1


def test_a_marker_that_compose_refuses_is_told_and_not_remembered(
    here: Shell, docker: FakeDocker
) -> None:
    docker.answer("variables", f"{TABLE}WEB_PORT  false     8080\n")
    docker.run_before(
        "config",
        'case "${WEB_PORT:-8080}" in 8080) ;; *) exit 1;; esac; '
        f"printf '%s' '{answer('8080')}'",
    )
    for _ in range(2):
        made = here.run("plan", "--json").document
        assert "WEB_PORT" not in made["env"]
        (warning,) = made["warnings"]
        assert "WEB_PORT" in warning
        here.run("up")
        assert any("--variables" in call for call in queries(docker))


@pytest.mark.parametrize("name", ["API_PORT", "SUPABASE_URL"])
def test_what_the_file_demands_of_the_six_is_given_a_stand_in(
    here: Shell, docker: FakeDocker, name: str
) -> None:
    docker.answer("variables", f"{TABLE}{name}  true\n")
    missing = f"required variable {name} is missing a value: set it"
    docker.run_before(
        "config",
        f'[ -n "${name}" ] || {{ echo "{missing}" >&2; exit 1; }}; '
        f"printf '%s' '{answer('8080')}'",
    )
    made = here.run("plan", "--json").document
    assert made["ports"]
    assert made["left"] == []


def test_a_simple_file_says_itself_which_variables_it_has(here: Shell, docker: FakeDocker) -> None:
    (here.cwd / "compose.yaml").write_text(FILE)
    here.run("up")
    assert web_port(here) is not None
    questions = queries(docker)
    assert not any("--variables" in question for question in questions)
    # `plan` asks once, as everything else is remembered.
    assert resolved(questions) == 2 + 1


def test_a_guess_that_was_wrong_costs_a_query_and_changes_nothing(
    here: Shell, docker: FakeDocker
) -> None:
    """Only python-dotenv can read this env file; until it has, the variable has no number."""
    (here.cwd / "compose.yaml").write_text(FILE.replace(":-8080", ""))
    (here.cwd / ".env").write_text("PORT=8080\nWEB_PORT=${PORT}\n")
    assert web_port(here) is not None
    assert resolved(queries(docker)) == 2


def test_a_marker_that_the_output_has_already_is_replaced(here: Shell, docker: FakeDocker) -> None:
    """A file that Compose reads and composeports does not may contain the number of a marker."""
    (here.cwd / "compose.yaml").write_text(FILE)
    docker.run_before("config", print_web_port(seen="65535"))
    assert web_port(here) is not None
    assert resolved(queries(docker)) == 3


def test_an_extra_marker_that_compose_refuses_is_left_out(here: Shell, docker: FakeDocker) -> None:
    """The guess takes a number from the env file that a second line there replaces."""
    (here.cwd / "compose.yaml").write_text(FILE)
    (here.cwd / ".env").write_text("CONF=7\nCONF=./${NAME:-conf}\n")
    docker.run_before("config", f'[ -z "$CONF" ] || exit 1; {print_web_port()}')
    assert web_port(here) is not None
    assert resolved(queries(docker)) == 3


@pytest.mark.parametrize("text", [FILE, WITH_COMMENT], ids=["simple", "with a comment"])
def test_a_compose_that_would_add_ports_is_refused(
    here: Shell, docker: FakeDocker, text: str
) -> None:
    (here.cwd / "compose.yaml").write_text(text)
    docker.answer("version", "2.24.3\n")
    docker.answer("variables", err="unknown flag: --variables\n", code=16)
    done = here.run("up", "--json")
    assert (done.code, done.error["code"]) == (69, "compose_too_old")


def test_compose_gets_little_memory_to_read_files(
    here: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    """The limit is set from outside, soon after the start: the fake one waits for it."""
    kilobytes = LIMITS.memory // 1024
    shown = f"[ \"$(ulimit -d)\" = {kilobytes} ] && touch '{tmp_path}/limited' && break"
    waiting = f"for n in $(/usr/bin/seq 200); do {shown}; /bin/sleep 0.05; done"
    docker.run_before("config", f"{waiting}; {print_web_port()}")
    assert here.run("plan").code == 0
    assert (tmp_path / "limited").exists()
