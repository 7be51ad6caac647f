"""`status SESSION`, `down SESSION`, `down --all`: commands on sessions from any folder."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness.engine import PROJECT_LABEL, docker
from tests.harness.repository import TINY, stack
from tests.harness.session import MakeRepository, Session

pytestmark = pytest.mark.e2e

CHECK = {"test": ["CMD", "true"], "interval": "1s"}
SHOP = stack(
    {
        "web": {"ports": ["8080:80"], "healthcheck": CHECK, "volumes": ["data:/data"]},
        "db": {"volumes": ["/srv:/srv"]},
    },
    volumes={"data": {}},
)


@pytest.fixture
def sessions(make_repository: MakeRepository) -> tuple[Session, Session]:
    """Two worktrees, whose stacks run."""
    repository = make_repository({"compose.yaml": SHOP})
    one, two = repository.worktree("shop-login"), repository.worktree("shop-search")
    for session in (one, two):
        session.ok("up", "--wait")
    return one, two


@pytest.fixture
def elsewhere(sessions: tuple[Session, Session], tmp_path: Path) -> Session:
    """A folder without a repository and without a Compose file."""
    (tmp_path / "elsewhere").mkdir()
    return replace(sessions[0], directory=tmp_path / "elsewhere", known_project="")


def running(session: Session) -> set[str]:
    return set(session.containers("running"))


def test_a_session_is_shown_and_taken_down_from_anywhere(
    sessions: tuple[Session, Session], elsewhere: Session
) -> None:
    one, two = sessions
    shown = elsewhere.ok("status", "login")
    url = one.ok("url", "web").strip()
    assert re.search(rf"^web +80/tcp +{url} +healthy$", shown, re.MULTILINE)
    assert re.search(r"^db +- +- +running$", shown, re.MULTILINE)
    for text in (str(one.directory), "1/1 healthy", one.project, "/srv"):
        assert text in shown
    document = elsewhere.json("status", "login", "--stats")
    assert document["memory_bytes"] > 0
    assert [service["name"] for service in document["services"]] == ["db", "web"]
    assert (document["drifted"], document["unplanned"]) == ([], "")
    assert elsewhere.run("status", "shop").code == 2  # both fit
    assert "no session that holds ports" in elsewhere.run("status", "nobody").err

    elsewhere.ok("--session", "login", "stop", "-t", "0", "web")
    assert running(one) == {"db-1"}
    elsewhere.ok("--session", "login", "start", "web")
    assert running(one) == {"db-1", "web-1"}

    elsewhere.ok("stop", "-t", "0", "login")
    assert (running(one), running(two)) == (set(), {"db-1", "web-1"})
    two.ok("start", "login")
    two.ok("restart", "-t", "0", "shop-login")
    assert running(one) == {"db-1", "web-1"}
    assert elsewhere.run("stop", "shop").code == 2  # both fit
    for session in (elsewhere, two):
        done = session.run("stop", "nobody")
        assert done.code == 2
        assert "neither a service nor a session is meant by 'nobody'" in done.err

    assert elsewhere.run("down", "shop").code == 2
    done = elsewhere.run("down", "-t", "0", "login")
    assert (done.code, done.err.count(one.project) > 0) == (0, True)
    assert one.resources_of("container network") == []
    assert running(two) == {"db-1", "web-1"}
    assert [row["compose_project_name"] for row in two.leases()] == [two.project]
    elsewhere.ok("down", "-v", "-t", "0", str(two.directory))
    assert two.resources_of() == []


def test_a_service_comes_before_a_session_of_its_name(make_repository: MakeRepository) -> None:
    repository = make_repository({"compose.yaml": stack({"web": {}, "db": {}})})
    one, other = repository.worktree("one"), repository.worktree("web")
    for session in (one, other):
        session.ok("up")
    one.ok("stop", "-t", "0", "web")
    assert (running(one), running(other)) == ({"db-1"}, {"db-1", "web-1"})
    one.ok("down", "-t", "0", "web")
    assert (running(one), running(other)) == ({"db-1"}, {"db-1", "web-1"})
    done = one.must_run("down", "-t", "0", "web")  # a service of the file without a container
    assert "has no container of web" in done.err
    assert (running(one), running(other)) == ({"db-1"}, {"db-1", "web-1"})
    (one.directory / "compose.yaml").write_text(stack({"db": {}}))
    one.ok("down", "-t", "0", "web")
    assert (running(one), running(other)) == ({"db-1"}, set())


def test_all_sessions_go_down_and_one_that_cannot_stops_no_other(
    sessions: tuple[Session, Session], elsewhere: Session
) -> None:
    one, two = sessions
    refused = elsewhere.run("down", "--all", "-t", "0")
    assert refused.code == 2
    assert "--all --yes" in refused.err
    assert running(one) == running(two) == {"db-1", "web-1"}
    assert elsewhere.run("down", "--all", "--yes", "web").code == 2

    foreign = docker("create", "--label", f"{PROJECT_LABEL}={one.project}", TINY).strip()
    done = elsewhere.run("down", "--all", "--yes", "-t", "0", "--json")
    document = json.loads(done.out)
    assert (done.code, document["ok"]) == (75, False)
    by_project = {entry["compose_project_name"]: entry for entry in document["sessions"]}
    assert by_project[one.project]["error"]["code"] == "project_foreign"
    assert by_project[two.project]["released"]
    assert running(one) == {"db-1", "web-1"}
    assert two.resources_of("container network") == []
    assert two.resources_of("volume") != []

    docker("rm", foreign)
    elsewhere.ok("down", "--all", "--yes", "-v", "-t", "0")
    assert one.resources_of() == []
    assert elsewhere.leases() == []
    assert elsewhere.run("down", "--all").code == 0
