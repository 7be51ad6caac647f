"""Variables and values that the stack receives, in two worktrees at once."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Repository, Session
from tests.harness.waits import page

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


UNREADABLE = stack(
    {
        "db": {
            "command": serving(5432),
            "ports": ["${AGENT_COORDINATOR_DB_PORT:-54322}:5432"],
            "volumes": ["${CONF:-./conf}:/conf:ro"],
        },
        "web": {"command": serving(80), "ports": ["${WEB_PORT:-8080}:80"]},
    }
)


def test_variables_are_found_where_compose_cannot_list_them(
    make_repository: MakeRepository,
) -> None:
    """Compose 2.26 fails on a short volume with a default and a mode; newer ones read it."""
    pair = two(make_repository, {"compose.yaml": UNREADABLE, "conf/x": "x"})
    for session in pair:
        for _ in range(2):
            assert session.published() == {
                "db-1:5432/tcp": session.row["db_port"],
                "web-1:80/tcp": session.row["ports"]["web:80/tcp"],
            }
            assert session.own_env["WEB_PORT"] == str(session.row["ports"]["web:80/tcp"])
            session.ok("up")


def test_an_address_without_a_scheme_follows_or_is_listed(make_repository: MakeRepository) -> None:
    environment = {
        "API_INTERNAL_HOST": "api:8541",
        "API_EXTERNAL_HOST": "localhost:8541",
        "SITE_DOMAIN": "localhost:1234",
        "API_EXTERNAL_URL": "http://localhost:8541",
        "BACKEND": "localhost:8541",
    }
    file = stack(
        {
            "ui": {
                "command": serving(1234),
                "ports": ["1234:1234"],
                "environment": environment,
            },
            "api": {"command": serving(8541), "ports": ["8541:8541"]},
        }
    )
    for session in two(make_repository, {"compose.yaml": file}):
        ports = session.row["ports"]
        ui, api = ports["ui:1234/tcp"], ports["api:8541/tcp"]
        seen = {name: value(session, "ui", name) for name in environment}
        assert seen == {
            "API_INTERNAL_HOST": "api:8541",
            "API_EXTERNAL_HOST": f"localhost:{api}",
            "SITE_DOMAIN": f"localhost:{ui}",
            "API_EXTERNAL_URL": f"http://localhost:{api}",
            "BACKEND": "localhost:8541",
        }
        assert page(seen["SITE_DOMAIN"]) == page(seen["API_EXTERNAL_HOST"]) == "hello"
        kept = left(session)
        assert kept["ui.environment.BACKEND"] == "localhost:8541"
        assert kept["ui.environment.API_INTERNAL_HOST"] == "api:8541"


def test_an_internal_url_stays_and_a_public_one_follows(make_repository: MakeRepository) -> None:
    file = stack(
        {
            "web": {
                "command": serving(3000),
                "ports": ["3000:3000"],
                "environment": {
                    "PUBLIC_URL": "http://localhost:3000",
                    "INTERNAL_URL": "http://localhost:3000",
                },
            }
        }
    )
    for session in two(make_repository, {"compose.yaml": file}):
        assert page(value(session, "web", "PUBLIC_URL")) == "hello"
        assert value(session, "web", "INTERNAL_URL") == "http://localhost:3000"
        wheres = [change["where"] for change in session.json("plan")["changes"]]
        assert "environment.PUBLIC_URL" in wheres
        assert left(session)["web.environment.INTERNAL_URL"] == "http://localhost:3000"
        assert "Seen, left as it is" in session.ok("plan")


def test_an_advertised_address_in_a_command_is_told_or_follows(
    make_repository: MakeRepository,
) -> None:
    script = 'mkdir /w; echo "come back to $$2" > /w/index.html; exec httpd -f -p 19092 -h /w'
    told = "internal://broker:9092,external://localhost:19092"
    command = ["sh", "-c", script, "broker", "--advertise-kafka-addr", told]
    file = stack({"broker": {"command": command, "ports": ["19092:19092"]}})
    repository = make_repository({"compose.yaml": file})
    one, other = repository.worktree("one"), repository.worktree("two")
    assert one.run("up", "--strict").code == 78
    done = one.run("up")
    assert "warning" in done.err
    assert "19092" in done.err
    assert left(one)["broker.command.5"] == told
    (other.directory / "composeports.toml").write_text("[urls]\ncommand = true\n")
    other.ok("up", "--strict")
    number = other.row["ports"]["broker:19092/tcp"]
    assert page(f"localhost:{number}") == (
        f"come back to internal://broker:9092,external://localhost:{number}"
    )


def test_a_host_and_a_port_in_two_variables_follow(make_repository: MakeRepository) -> None:
    file = stack(
        {
            "app": {
                "command": ["sleep", "3600"],
                "extra_hosts": ["host.docker.internal:host-gateway"],
                "environment": {"DB_HOST": "host.docker.internal", "DB_PORT": "5432"},
            },
            "beside": {
                "command": ["sleep", "3600"],
                "network_mode": "host",
                "environment": {"DB": "localhost:5432"},
            },
            "db": {
                "command": serving(5432, "${COMPOSE_PROJECT_NAME}"),
                "ports": ["5432:5432"],
            },
        }
    )
    ask = (
        "ip=$(awk -v name=$DB_HOST '$2 == name { print $1; exit }' /etc/hosts); "
        "wget -q -O - http://$ip:$DB_PORT"
    )
    settings = 'shared = ["network:host"]\n'
    for session in two(make_repository, {"compose.yaml": file, "composeports.toml": settings}):
        local = ("exec", "-T", "beside", "sh", "-c", "wget -q -O - http://$DB")
        assert session.ok(*local).strip() == session.project
        assert session.ok("exec", "-T", "app", "sh", "-c", ask).strip() == session.project
        wheres = [change["where"] for change in session.json("plan")["changes"]]
        assert "environment.DB_PORT" in wheres


def test_the_content_of_a_config_follows(make_repository: MakeRepository) -> None:
    content = '{"uris": ["http://localhost:3000/back"], "port": "${APP_PORT:-3000}"}'
    file = stack(
        {
            "idp": {
                "command": ["httpd", "-f", "-p", "8080", "-h", "/realm"],
                "ports": ["8080:8080"],
                "configs": [{"source": "realm", "target": "/realm/index.html"}],
            },
            "app": {"command": serving(80), "ports": ["3000:80"]},
        },
        configs={"realm": {"content": content}},
    )
    for session in two(make_repository, {"compose.yaml": file}):
        realm = json.loads(page(session.ok("url", "idp").strip()))
        app = session.ok("url", "app").strip()
        assert realm == {"uris": [f"{app}/back"], "port": "3000"}
        assert page(app) == "hello"
        assert "configs.realm.content" in left(session)


def test_a_port_that_is_not_moved_is_listed(make_repository: MakeRepository) -> None:
    port = "${VITE_PORT:-5173}"
    file = stack(
        {
            "web": {
                "command": serving(port),
                "ports": [f"{port}:{port}"],
                "environment": {"VITE_PORT": port, "HMR_CLIENT_PORT": port},
            },
            "fixed": {
                "command": serving(3000),
                "ports": ["3000:3000"],
                "environment": {
                    "HMR_CLIENT_PORT": "3000",
                    "WDS_SOCKET_PORT": "3000",
                    "PUBLIC_URL": "http://localhost:3000",
                },
            },
        }
    )
    for session in two(make_repository, {"compose.yaml": file}):
        assert left(session).items() >= {
            ("web.environment.HMR_CLIENT_PORT", "5173"),
            ("fixed.environment.HMR_CLIENT_PORT", "3000"),
            ("fixed.environment.WDS_SOCKET_PORT", "3000"),
        }
        shown = session.ok("plan").rpartition("Seen, left as it is")[2]
        assert "fixed: environment.HMR_CLIENT_PORT = 3000" in shown
        assert session.json("up")["left"] == session.json("plan")["left"]


def test_url_with_several_addresses_or_protocols_of_one_port(
    make_repository: MakeRepository,
) -> None:
    file = stack(
        {
            "web": {"command": serving(80), "ports": ["127.0.0.1:8080:80", "[::1]:8080:80"]},
            "dns": {"command": serving(53), "ports": ["5353:53/tcp", "5353:53/udp"]},
            "two": {"ports": ["70:70", "71:71"]},
        }
    )
    for session in two(make_repository, {"compose.yaml": file}):
        ports = session.row["ports"]
        for words in (("web",), ("web", "80"), ("web", "80/tcp"), ("web", "80/tcp#2")):
            assert session.ok("url", *words).strip().endswith(f":{ports['web:80/tcp']}")
        assert page(session.ok("url", "web").strip()) == "hello"
        for words in (("dns",), ("dns", "53"), ("dns", "53/tcp"), ("dns", "53/udp")):
            assert session.ok("url", *words).strip() == f"localhost:{ports['dns:53/tcp']}"
        assert page(session.ok("url", "dns").strip()) == "hello"
        assert session.run("url", "two").code != 0


def test_db_in_a_template_is_the_service_s_own_port(make_repository: MakeRepository) -> None:
    file = stack({"db": {"command": serving(5432), "ports": ["5432:5432"]}})
    settings = '[env]\nDATABASE = "{host}:{db}"\n'
    pair = two(make_repository, {"compose.yaml": file, "composeports.toml": settings})
    for session in pair:
        assert page(session.own_env["DATABASE"]) == "hello"
    (session, _) = pair
    (session.directory / "composeports.toml").write_text('[env]\nAPI = "{host}:{api}"\n')
    done = session.run("up")
    assert done.code == 78
    assert "did you mean {db:5432}?" in done.err


def test_an_address_of_the_host_where_main_s_other_stack_answers_is_told(
    make_repository: MakeRepository,
) -> None:
    """A project that reaches a sibling's port by the host's name would reach that of main."""
    address = {"DB": "http://host.docker.internal:15432"}
    files = {
        "infra/compose.yaml": stack({"db": {"ports": ["15432:80"]}}),
        "compose.yaml": stack({"app": {"environment": address}}),
    }
    repository = make_repository(files)
    one = repository.worktree("one")
    assert one.json("plan", "--strict")["warnings"] == []
    infra = Session(repository.main.directory / "infra", repository.main.environ)
    infra.compose("up", "-d")
    strict = one.run("up", "--strict")
    assert strict.code == 78
    assert (
        "leads to port 15432 of the host, which infra-db-1 of project infra publishes" in strict.err
    )
    assert one.resources_of() == []
    (line,) = [text for text in one.run("up").err.splitlines() if text.startswith("warning: ")]
    assert line.endswith('shared = ["port:15432"] in the settings says that this is meant')
