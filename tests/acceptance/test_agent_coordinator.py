"""docs/agent-coordinator.md on a real engine: a Compose file below, and worktrees inside."""

import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from dotenv import dotenv_values

from tests.harness.program import Done
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import HANG
from tests.support.recipes import beginning, recipe

pytestmark = pytest.mark.e2e

PAGE = "docs/agent-coordinator.md"
# The services, variables and ports of the repository's own file; the images are tiny ones.
SERVICES = {
    "postgres": {"ports": ["${AGENT_COORDINATOR_DB_PORT:-54322}:5432"], "volumes": ["data:/data"]},
    "coordinator-api": {
        "command": ["sh", "-c", "mkdir /w; echo well > /w/health; exec httpd -f -p 8081 -h /w"],
        "ports": ["${AGENT_COORDINATOR_REST_PORT:-8081}:8081"],
        "profiles": ["api"],
    },
    "openbao": {"ports": ["${AGENT_COORDINATOR_BAO_PORT:-8200}:8200"], "profiles": ["openbao"]},
}
FILES = {
    "agent-coordinator/docker-compose.yml": stack(SERVICES, volumes={"data": {}}),
    ".gitignore": ".git-worktrees/\n.env\n.secrets.yaml\n.test-env\n",
    ".claude/skills/validate-feature/SKILL.md": "---\nname: validate-feature\n---\n",
}


def ok(session: Session, script: str) -> Done:
    done = session.shell(script)
    assert done.code == 0, f"{script}: exit {done.code}\n{done.out}{done.err}"
    return done


def test_the_page_of_agent_coordinator_is_run(make_repository: MakeRepository) -> None:
    found = beginning(PAGE)
    shop = make_repository({**FILES, **found.files})
    main = shop.main
    (main.directory / ".env").write_text("COORDINATOR_AGENT_ID=mine\n")
    at_end = found.commands.index("composeports down --volumes")
    ok(main, "\n".join(found.commands[:at_end]))
    folder = main.directory / ".git-worktrees/add-login"
    assert (folder / ".env").read_text() == "COORDINATOR_AGENT_ID=mine\n"

    handed_on = dotenv_values(folder / ".test-env")
    assert handed_on["TEST_ENV_TYPE"] == "docker"
    assert handed_on["SEED_STRATEGY"] == "migrations"
    assert str(handed_on["STARTED_AT"]).endswith("Z")
    dsn = f"postgresql://postgres:postgres@localhost:{handed_on['DB_PORT']}/postgres"
    assert handed_on["POSTGRES_DSN"] == dsn
    assert handed_on["AGENT_COORDINATOR_DB_PORT"] == handed_on["DB_PORT"]
    assert {"AGENT_COORDINATOR_BAO_PORT", "COMPOSE_PROJECT_NAME"} <= set(handed_on)
    with urlopen(f"{handed_on['API_BASE_URL']}/health", timeout=HANG) as answer:
        assert answer.read() == b"well\n"

    login = Session(folder, main.environ)
    nested = shop.worktree("main/.git-worktrees/add-login/one")
    assert nested.project != login.project
    assert nested.row["worktree"] == str(nested.directory)  # the hook has leased its ports
    below = Session(folder / "agent-coordinator", main.environ)
    assert below.project == login.project

    validates_beside_the_own_skill(login)
    nested.ok("down")
    shop.git("worktree", "remove", "--force", str(nested.directory))
    again = [f"cd {folder}", *found.commands[at_end:]]
    ok(login, "composeports env --format dotenv > .test-env")
    ok(main, "\n".join(again))
    assert not folder.exists()
    assert main.json("status") == []


def validates_beside_the_own_skill(login: Session) -> None:
    """Install our skill beside the repository's, and run it with the settings of the page."""
    install, *settings = recipe(PAGE, "The skill beside the repository's own").commands
    ok(login, install)
    own = login.directory / ".claude/skills/validate-feature/SKILL.md"
    assert own.read_text() == FILES[".claude/skills/validate-feature/SKILL.md"]
    scanner = login.directory / "skills/security-review/scripts/main.py"
    scanner.parent.mkdir(parents=True)
    scanner.write_text("import sys\nprint('scanned', *sys.argv[1:])\nsys.exit(11)\n")
    tests = login.directory / "agent-coordinator/tests/e2e/test_it.py"
    tests.parent.mkdir(parents=True)
    tests.write_text("import os\n\ndef test_it():\n    assert os.environ['POSTGRES_DSN']\n")
    script = ".claude/skills/validate-stack/scripts/validate.py"
    python = Path(sys.executable)
    path = f'export PATH="{python.parent}:$PATH"'
    done = login.shell("\n".join([path, *settings, f"python3 {script}"]))
    report = login.directory / "openspec/changes/add-login/stack-report.md"
    assert done.code == 0, done.err + report.read_text()
    assert "- security: **warn**" in report.read_text()
    assert "--zap-target http://localhost:" in report.read_text()
    assert "- e2e: **pass**" in report.read_text()
    login.run("up", "--wait")
    for path_made in (report, scanner, tests):
        path_made.unlink()
    ok(login, "git clean -qfd")
