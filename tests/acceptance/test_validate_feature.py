"""The validate-feature skill, step by step as SKILL.md says, on real stacks."""

import json
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.test_template import IMAGES, TEMPLATE
from tests.harness.program import Done
from tests.harness.repository import stack
from tests.harness.session import MakeRepository, Session
from tests.harness.waits import HANG, wait_until
from tests.support.skill_runs import steps

pytestmark = pytest.mark.e2e

SKILL_DIR = ".claude/skills/validate-feature"
REPORT = ".composeports/validation-report.md"
ILL = {"test": ["CMD", "false"], "interval": "100ms", "retries": 1, "start_period": "0s"}


def ready_to_validate(made: Session) -> Session:
    """Install and commit the skills in the repository, as a team would."""
    made.ok("skills", "install", "--agent", "claude")
    done = made.shell("git add .claude && git commit --quiet --message 'Add the skills'")
    assert done.code == 0, done.err
    return made


def take_steps(session: Session, heading: str = "Steps") -> list[tuple[int, str]]:
    """Run the blocks below a heading, each in a new shell, as agents do."""
    at = str(session.directory / SKILL_DIR)
    done = [session.shell(block, SKILL_DIR=at) for block in steps(heading)]
    return [(each.code, each.out + each.err) for each in done]


def by_hand(session: Session, script: str) -> Done:
    at = str(session.directory / SKILL_DIR)
    return session.shell(script, SKILL_DIR=at, TMPDIR=str(session.directory.parent))


def report(session: Session) -> str:
    return (session.directory / REPORT).read_text()


def nothing_is_left(session: Session, kinds: str = "container network") -> bool:
    return (session.row, session.resources_of(kinds)) == ({}, [])


def is_clean(session: Session) -> bool:
    return session.shell("git status --porcelain").out == ""


def test_two_worktrees_validate_the_template_at_once_and_both_pass(
    make_repository: MakeRepository, environ: dict[str, str]
) -> None:
    environ |= IMAGES
    repository = make_repository({"docker-compose.yml": TEMPLATE.read_text()})
    ready_to_validate(repository.main)
    sessions = [repository.worktree(name) for name in ("one", "two")]
    projects = [session.project for session in sessions]

    with ThreadPoolExecutor() as pool:
        done = list(pool.map(take_steps, sessions))

    for session, outcomes in zip(sessions, done, strict=True):
        assert [code for code, _ in outcomes] == [0, 0, 0, 0], outcomes
        assert "Result: **PASS**" in report(session)
        assert "4 containers, 4 addresses" in report(session)
        assert "0 failed" in report(session)
        assert nothing_is_left(session)
        assert is_clean(session)
    for number, session in enumerate(sessions):
        urls = {line for line in report(session).splitlines() if "| http" in line}
        assert len(urls) == 3
        assert urls.isdisjoint(report(sessions[1 - number]).splitlines())
        log = (session.directory / ".composeports/validation-report.log").read_text()
        assert "database system is ready" in log
    assert projects[0] != projects[1]


def small(**services: Mapping[str, object]) -> dict[str, str]:
    """Return a stack with a REST service, on the variables of the template, and an API."""
    rest = {"ports": ["${AGENT_COORDINATOR_REST_PORT:-3000}:80"]}
    return {"compose.yaml": stack({"rest": rest, "api": {"ports": ["8081:80"]}, **services})}


def test_a_service_that_fails_its_health_check_fails_the_report_and_nothing_is_left(
    make_repository: MakeRepository,
) -> None:
    one = ready_to_validate(make_repository(small(ill={"healthcheck": ILL})).main)
    looked, validated, shown, last = take_steps(one)
    assert [looked[0], validated[0], shown[0], last[0]] == [0, 1, 0, 0]
    assert "Result: **FAIL**" in shown[1]
    assert f"{one.project}-ill-1 is unhealthy" in shown[1]
    assert "- teardown: **pass**" in shown[1]
    assert "*" not in last[1]
    assert nothing_is_left(one)
    assert is_clean(one)


NEVER = {"test": ["CMD", "false"], "interval": "100ms", "retries": 900}
WAITS = {"last": {"depends_on": {"slow": {"condition": "service_healthy"}}}}


@pytest.mark.parametrize(
    ("number", "phase", "others"), [(signal.SIGINT, "deploy", WAITS), (signal.SIGTERM, "ready", {})]
)
def test_an_interrupt_takes_the_stack_down(
    make_repository: MakeRepository,
    number: signal.Signals,
    phase: str,
    others: dict[str, dict[str, object]],
) -> None:
    one = ready_to_validate(make_repository(small(slow={"healthcheck": NEVER}, **others)).main)
    script = one.directory / SKILL_DIR / "scripts/validate.py"
    with one.start(str(script), program="python3") as validation:
        assert validation.stderr is not None
        if phase == "ready":
            assert validation.stderr.readline() == "validate: deploy: pass\n"
        wait_until(lambda: len(one.containers("running")) == 3, "the stack to be up")
        validation.send_signal(number)
        assert validation.wait(HANG) == 128 + number
    assert "Result: **INTERRUPTED**" in report(one)
    assert f"- {phase}: **interrupted**" in report(one)
    assert nothing_is_left(one)


def test_the_phases_can_be_done_by_hand(make_repository: MakeRepository) -> None:
    one = ready_to_validate(make_repository(small()).main)
    whole, raw = steps("By hand")
    # What the raw call shows is the session's own stack, while it is up.
    listed = raw.replace("docker compose ps", "docker compose ps --format json")
    script = whole + listed
    done = by_hand(one, script)
    assert done.code == 0, done.err
    rows = [json.loads(line) for line in done.out.splitlines() if line.startswith("{")]
    assert {row["Project"] for row in rows} == {one.project}
    assert {row["Service"] for row in rows} == {"rest", "api"}
    assert Path(one.directory.parent / f"{one.project}.log").exists()
    assert nothing_is_left(one)


def test_by_hand_too_a_failure_takes_the_stack_down(make_repository: MakeRepository) -> None:
    one = ready_to_validate(make_repository(small()).main)
    whole, _ = steps("By hand")
    done = by_hand(one, f"{whole}false\n")
    assert done.code == 1
    assert nothing_is_left(one)
