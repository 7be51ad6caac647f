"""Names that plain Compose makes lead a session's files and scripts to the session's own things."""

from collections.abc import Iterator

import pytest

from tests.harness.engine import docker
from tests.harness.repository import TINY, stack, write
from tests.harness.session import MakeRepository, Repository, Session

pytestmark = pytest.mark.e2e

LABEL = "label=com.docker.compose.project"
CLASSIC = {"DOCKER_BUILDKIT": "0"}
SLEEP = {"command": ["sleep", "3600"]}


def files(project: str, **head: str) -> dict[str, str]:
    """Return a repository whose file and scripts have plain Compose's names of `project`."""
    services: dict[str, dict[str, object]] = {
        "app": {"build": ".", "environment": {"DB": f"tcp://{project}-db-1:1"}, **SLEEP},
        "worker": {"image": f"{project}-app", "depends_on": ["app"], **SLEEP},
        "db": {"volumes": ["data:/data"], "environment": {"NETWORK": f"{project}_default"}},
    }
    run = f"docker run --rm -v {project}_data:/data --network {project}_default {project}-app"
    return {
        "compose.yaml": stack(services, volumes={"data": {}}, **head),
        "Dockerfile": f"FROM {TINY}\nCOPY who /who\n",
        "who": "main",
        "read.sh": f"docker exec {project}-db-1 cat /data/rows\n",
        "run.sh": f"{run} cat /who /data/rows\n",
        "reset.sh": f"docker rm -f {project}-db-1\ndocker volume rm {project}_data\n",
        "stop.sh": f"docker rm -f $(docker ps -aqf {LABEL}={project})\n",
        "clean.sh": f"docker volume ls -qf name={project}_\ndocker volume prune -f\n",
    }


@pytest.fixture(params=["name in the file", "name of the folder"])
def repository(
    request: pytest.FixtureRequest, make_repository: MakeRepository
) -> Iterator[tuple[Repository, str]]:
    """A main checkout whose stack plain Compose started, and the stack's project name."""
    is_in_file = request.param == "name in the file"
    project = "plainshop" if is_in_file else "main"
    made = make_repository(files(project, **({"name": project} if is_in_file else {})))
    main = made.main
    main.environ.update(CLASSIC)
    try:
        main.compose("build")
        main.compose("up", "--detach")
        main.compose("exec", "-T", "db", "sh", "-c", "printf main >/data/rows")
        yield made, project
    finally:
        main.compose("down", "--volumes", "--rmi", "local", "-t", "0")


SCRIPTS = ("clean", "read", "reset", "run", "stop")


def wrapped(session: Session, script: str) -> str:
    done = session.must_run("env", "--", "sh", "-e", script)
    return done.out


def test_a_session_beside_plain_compose_uses_its_own(
    repository: tuple[Repository, str],
) -> None:
    made, project = repository
    main, own = made.main, made.worktree("own")
    write(own.directory, {"who": "own"})
    try:
        refused = own.run("up", "--strict")
        assert refused.code == 78
        assert f"read.sh:1 calls docker exec {project}-db-1: the container is" in refused.err
        assert f"stop.sh:1 calls docker ps {project}: the project is called" in refused.err
        calls = {entry["where"]: entry["value"] for entry in own.json("plan")["left"]}
        assert calls["reset.sh:2"] == f"docker volume rm {project}_data"
        assert calls["clean.sh:2"] == "docker volume prune"
        scripts = ", ".join(f'"script:{name}.sh"' for name in SCRIPTS)
        write(own.directory, {"composeports.toml": f"shared = [{scripts}]\n"})
        own.must_run("up", "--strict")
        own.ok("exec", "-T", "db", "sh", "-c", "printf own >/data/rows")
        assert own.ok("exec", "-T", "worker", "cat", "/who") == "own"
        network = own.ok("exec", "-T", "db", "sh", "-c", "echo $NETWORK").strip()
        assert network == f"{own.project}_default"
        looked_up = own.ok("exec", "-T", "app", "nslookup", f"{project}-db-1")
        assert own.ok("exec", "-T", "db", "hostname", "-i").strip() in looked_up.split()
        assert wrapped(own, "read.sh") == "own"
        assert wrapped(own, "run.sh") == "ownown"
        assert main.shell("sh read.sh; sh run.sh").out == "mainmainmain"
        before = docker("inspect", f"{project}-db-1", "--format", "{{.Id}} {{.State.StartedAt}}")
        volumes = "ls", "-qf", f"name={project}_"
        listed = own.run("env", "--", "docker", "volume", *volumes).out.split()
        assert listed == [f"{own.project}_data"]
        wrapped(own, "reset.sh")
        assert "db-1" not in own.ids()
        assert docker("volume", "ls", "-q", "-f", f"name={own.project}_data") == ""
        after = docker("inspect", f"{project}-db-1", "--format", "{{.Id}} {{.State.StartedAt}}")
        assert after == before
        wrapped(own, "stop.sh")
        assert own.ids() == {}
        assert main.shell("sh read.sh").out == "main"
    finally:
        own.run("down", "--volumes", "--rmi", "local", "-t", "0")
