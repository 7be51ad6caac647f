"""`open`: the address that the browser gets, the user's own browser alone, and its refusals."""

from pathlib import Path

import pytest

from tests.harness.program import write_program
from tests.support.machine import FakeDocker, Shell

pytestmark = pytest.mark.integration


@pytest.fixture
def started(shell: Shell, docker: FakeDocker, tmp_path: Path) -> Shell:
    """A worktree whose stack runs: a web server and a database; BROWSER writes what it gets."""
    docker.publish(web=8080)
    shell = shell.using(docker)
    assert shell.run("up").code == 0
    list_containers(shell, docker, "web")
    script = f'printf "%s\\n" "$1" >> {tmp_path}/opened; pwd > {tmp_path}/folder'
    return shell.having(BROWSER=str(write_program(tmp_path / "browser", script)))


def list_containers(shell: Shell, docker: FakeDocker, *services: str) -> None:
    """Let the engine list a running container of each service."""
    project = shell.run("status", "--json").document[0]["compose_project_name"]
    rows = (
        "\t".join((service, "running", project, service, "", f"{project}-{service}-1", *[""] * 6))
        for service in services
    )
    docker.answer("ps", "".join(f"{row}\n" for row in rows))


def opened(tmp_path: Path) -> list[str]:
    path = tmp_path / "opened"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("words", [[], ["web"], ["web", "80"]])
def test_the_browser_gets_the_address(started: Shell, tmp_path: Path, words: list[str]) -> None:
    address = started.run("url", "web").out.strip()
    done = started.run("open", *words)
    assert (done.code, done.out, done.err) == (0, "", f"opened {address}\n")
    assert opened(tmp_path) == [address]


def test_the_browser_does_not_start_in_the_repository(started: Shell, tmp_path: Path) -> None:
    write_program(started.cwd / "evil", f"touch {tmp_path}/ran")
    done = started.having(BROWSER="./evil").run("open", "web")
    assert done.out == started.run("url", "web").out
    assert not (tmp_path / "ran").exists()
    started.run("open", "web")
    assert (tmp_path / "folder").read_text() == "/\n"


def test_a_program_of_the_repository_is_no_browser(started: Shell, tmp_path: Path) -> None:
    for name in ("xdg-open", "firefox", "www-browser", "x-www-browser"):
        write_program(started.cwd / name, f"touch {tmp_path}/ran")
    path = f"{started.environ['PATH']}:.:"
    shell = started.having(BROWSER="", PATH=path, DISPLAY=":0", TERM="xterm")
    assert shell.run("open", "web").code == 0
    assert not (tmp_path / "ran").exists()


def test_without_a_browser_it_prints_the_address(started: Shell) -> None:
    done = started.having(BROWSER="").run("open", "web")
    assert (done.code, done.out) == (0, started.run("url", "web").out)
    assert done.err == "no browser was found: open this address\n"


def test_print_starts_no_browser(started: Shell, tmp_path: Path) -> None:
    done = started.run("open", "web", "--print")
    assert (done.code, done.out, done.err) == (0, started.run("url", "web").out, "")
    assert opened(tmp_path) == []


def test_the_document_says_whether_a_browser_opened_it(started: Shell) -> None:
    address = started.run("url", "web").out.strip()
    assert started.run("open", "--json").document == {
        "service": "web",
        "url": address,
        "opened": True,
    }
    assert started.run("open", "--json", "--print").document["opened"] is False


def test_a_browser_that_fails_is_none(started: Shell, tmp_path: Path) -> None:
    broken = write_program(tmp_path / "broken", "exit 3")
    done = started.having(BROWSER=str(broken)).run("open", "web")
    assert (done.code, done.out) == (0, started.run("url", "web").out)


@pytest.mark.parametrize("words", [["db"], ["db", "5432"], []])
def test_a_port_without_http_is_not_opened(
    shell: Shell, docker: FakeDocker, words: list[str]
) -> None:
    docker.publish(db=5432)
    text = (docker.folder / "config.out").read_text().replace('"target": 80', '"target": 5432')
    docker.answer("config", text)
    shell = shell.using(docker)
    assert shell.run("up").code == 0
    list_containers(shell, docker, "db")
    done = shell.run("open", *words, "--json")
    assert (done.code, done.error["code"]) == (2, "unknown_port")
    assert "db:5432/tcp" in done.error["message"] + done.error["hint"]
    assert done.error["details"]["ports"] == shell.run("status", "--json").document[0]["ports"]


def test_of_several_services_one_has_to_be_named(shell: Shell, docker: FakeDocker) -> None:
    docker.publish(web=8080, api=9000)
    shell = shell.using(docker)
    assert shell.run("up").code == 0
    list_containers(shell, docker, "web", "api")
    done = shell.run("open", "--json")
    assert (done.code, done.error["code"]) == (2, "unknown_port")
    assert "api" in done.error["message"]
    assert "web" in done.error["message"]
    assert done.error["hint"] == "say which: `composeports open SERVICE`"


def test_an_unknown_service_is_answered_with_the_ports(started: Shell) -> None:
    done = started.run("open", "nope", "--json")
    assert (done.code, done.error["code"]) == (2, "unknown_port")


def test_a_stack_that_does_not_run_is_not_opened(
    started: Shell, docker: FakeDocker, tmp_path: Path
) -> None:
    docker.answer("ps", "")
    done = started.run("open", "web", "--json")
    assert (done.code, done.error["code"]) == (2, "unknown_port")
    assert "composeports up" in done.error["hint"]
    assert opened(tmp_path) == []


def test_without_a_lease_there_is_nothing_to_open(shell: Shell) -> None:
    done = shell.run("open", "web", "--json")
    assert (done.code, done.error["code"]) == (66, "no_lease")


def test_prune_is_gc(shell: Shell, docker: FakeDocker) -> None:
    shell = shell.using(docker)
    assert shell.run("prune", "--dry-run", "--json").document == []
    assert shell.run("prune").err == shell.run("gc").err
