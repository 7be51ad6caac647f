"""Variables and values that are handed on: what a stack gets of them, in two worktrees at once."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.acceptance.conftest import (
    MakeRepository,
    Repository,
    Session,
    page,
    stack,
)

pytestmark = pytest.mark.e2e

EVAL = 'eval "$(composeports env)"'
# Answers on the port of its first argument with the text of its second.
SERVE = 'mkdir -p /w; echo "$2" > /w/index.html; exec httpd -f -p "$1" -h /w'

HELLO = "mkdir -p /w; echo hello > /w/index.html"


def serving(port: int | str, text: str = "hello") -> list[str]:
    return ["sh", "-c", SERVE, "serve", str(port), text]


def two(make_repository: MakeRepository, files: Mapping[str, str]) -> tuple[Session, Session]:
    """Start the files in two worktrees."""
    repository = make_repository(files)
    pair = repository.worktree("one"), repository.worktree("two")
    for session in pair:
        session.ok("up", "--strict")
    return pair


def value(session: Session, service: str, name: str) -> str:
    return session.ok("exec", "-T", service, "sh", "-c", f"printf %s ${name}")


def environments(session: Session) -> dict[str, Any]:
    """Return what the containers were started with, by container, of variables that matter."""
    return {
        name: (
            sorted(each["Config"]["Env"]),
            each["Config"]["Cmd"],
            each["HostConfig"]["PortBindings"],
        )
        for name, each in session.containers().items()
    }


def left(session: Session) -> dict[str, str]:
    """Return what the plan leaves as it is: value by `service.where`."""
    listed = session.json("plan")["left"]
    return {f"{each['service']}.{each['where']}".lstrip("."): each["value"] for each in listed}


INSIDE = {
    "where the program listens": {
        "api": {
            "command": ["sh", "-c", f"{HELLO}; exec httpd -f -p $$API_PORT -h /w"],
            "environment": {"API_PORT": "${API_PORT:-8000}"},
            "ports": ["8000:8000"],
        }
    },
    "both halves of a port": {
        "api": {
            "command": serving("${API_PORT:-8000}"),
            "ports": ["${API_PORT:-8000}:${API_PORT:-8000}"],
        }
    },
    "a container port alone": {
        "api": {"command": serving(8000), "ports": ["8000:${API_PORT:-8000}"]}
    },
    "passed through, and the program has a default": {
        "api": {
            "command": ["sh", "-c", f"{HELLO}; exec httpd -f -p $${{API_PORT:-8000}} -h /w"],
            "environment": ["API_PORT"],
            "ports": ["8000:8000"],
        }
    },
}


@pytest.mark.parametrize("services", INSIDE.values(), ids=INSIDE)
def test_api_port_is_where_the_program_listens_inside(
    make_repository: MakeRepository, services: Mapping[str, Mapping[str, object]]
) -> None:
    pair = two(make_repository, {"compose.yaml": stack(services)})
    urls = {session.ok("url", "api").strip() for session in pair}
    assert len(urls) == 2
    for session in pair:
        assert page(session.ok("url", "api").strip() + "/index.html") == "hello"
        assert session.own_env["API_PORT"] == str(session.row["api_port"])


def test_a_port_variable_that_moves_more_publishes_at_its_offset(
    make_repository: MakeRepository,
) -> None:
    port = "${API_PORT:-8000}"
    file = stack(
        {
            "api": {
                "command": serving(port, "hello"),
                "environment": {"PORT": port},
                "ports": [f"{port}:{port}"],
            }
        }
    )
    one, two_ = two(make_repository, {"compose.yaml": file})
    for session in (one, two_):
        assert session.published() == {"api-1:8000/tcp": session.row["api_port"]}
        assert page(session.ok("url", "api").strip()) == "hello"
        assert value(session, "api", "PORT") == "8000"
        assert left(session)["API_PORT"] == "8000"
    said = one.run("up").err
    assert "API_PORT stays 8000" in said
    assert one.json("plan")["env"]["API_PORT"] == str(one.row["api_port"])


def test_plain_compose_in_an_evaluated_shell_gives_the_containers_the_same(
    make_repository: MakeRepository,
) -> None:
    port = "${API_PORT:-8000}"
    file = stack(
        {
            "api": {
                "command": serving(port),
                "environment": {
                    "PORT": port,
                    "SUPABASE_URL": "${SUPABASE_URL}",
                    "DB": "${AGENT_COORDINATOR_DB_PORT:-1}",
                },
                "env_file": "api.env",
                "labels": {"to": port},
                "ports": [f"{port}:{port}"],
            }
        }
    )
    files = {
        "compose.yaml": file,
        "api.env": "INNER=${AGENT_COORDINATOR_REST_PORT:-3000}\n",
        ".env": "SUPABASE_URL=https://xyz.supabase.example\n",
    }
    one, _ = two(make_repository, files)
    ids, before = one.ids(), environments(one)
    assert value(one, "api", "SUPABASE_URL") == "https://xyz.supabase.example"
    assert value(one, "api", "INNER") == "3000"
    assert value(one, "api", "DB") == "1"
    done = one.shell(f"{EVAL}; docker compose up --detach")
    assert done.code == 0, done.err
    assert one.ids() == ids
    one.shell(f"{EVAL}; docker compose up --detach --force-recreate -t 0")
    assert one.ids() != ids
    assert environments(one) == before
    document = json.loads(one.shell(f"{EVAL}; docker compose config --format json").out)
    assert document == json.loads(one.ok("config", "--format", "json"))


@pytest.mark.parametrize(
    ("dotenv", "reference", "kept"),
    [
        ("SUPABASE_URL=https://xyz.supabase.example\n", "${SUPABASE_URL}", "https://xyz.supabase"),
        ("", "${SUPABASE_URL:-http://kong:8000}", "http://kong:8000"),
        ("SUPABASE_URL=http://localhost:54321\n", "${SUPABASE_URL}", ""),
        ("", "${SUPABASE_URL}", ""),
    ],
)
def test_a_supabase_url_that_leads_elsewhere_reaches_the_container(
    make_repository: MakeRepository, dotenv: str, reference: str, kept: str
) -> None:
    file = stack({"api": {"environment": {"SUPABASE_URL": reference}, "ports": ["8000:80"]}})
    for session in two(make_repository, {"compose.yaml": file, ".env": dotenv}):
        seen = value(session, "api", "SUPABASE_URL")
        rest = f"http://localhost:{session.row['rest_port']}"
        assert seen.startswith(kept or rest)
        assert session.own_env["SUPABASE_URL"] == rest
        assert ("SUPABASE_URL" in left(session)) is bool(kept)


def test_a_user_s_value_in_the_shell_is_kept_too(make_repository: MakeRepository) -> None:
    file = stack({"api": {"environment": {"PORT": "${API_PORT:-80}", "URL": "${SUPABASE_URL:-}"}}})
    repository: Repository = make_repository({"compose.yaml": file})
    session = repository.worktree("one")
    session.ok("up", API_PORT="9090", SUPABASE_URL="https://mine.example")
    assert value(session, "api", "PORT") == "9090"
    assert value(session, "api", "URL") == "https://mine.example"


def test_a_variable_that_the_file_demands_is_given(make_repository: MakeRepository) -> None:
    file = stack(
        {
            "api": {
                "command": serving("${API_PORT:?set it}", "hello"),
                "environment": {"URL": "${SUPABASE_URL:?set it}"},
                "ports": ["${API_PORT:?set it}:${API_PORT:?set it}"],
            }
        }
    )
    for session in two(make_repository, {"compose.yaml": file}):
        assert page(session.ok("url", "api").strip()) == "hello"
        assert value(session, "api", "URL") == session.own_env["SUPABASE_URL"]
