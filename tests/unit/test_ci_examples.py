"""The CI examples and their pages: they parse, and name only existing things."""

import re
from pathlib import Path

import pytest
import yaml

from composeports.cli.root import COMMANDS, PASSED_THROUGH
from composeports.docker.context import find_endpoint, is_secured
from tests.support.ci_jobs import ALWAYS, KINDS, ROOT, action, steps_of, text_of

DOCS = Path(__file__).parents[2] / "docs"
CALL = re.compile(r"\bcomposeports((?: --(?:quiet|verbose))*) ([a-z]+)")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_shows_the_job_as_it_is_written(kind: str) -> None:
    assert f"```yaml\n{text_of(kind)}```" in (DOCS / "ci.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_installs_us_starts_the_stack_and_always_takes_it_down(kind: str) -> None:
    steps = steps_of(kind)
    installed = [step.script.split() for step in steps if step.is_installing]
    assert [words[-1] for words in installed if words[0] == "pip"] == ["composeports"]
    scripts = [step.script for step in steps if not step.is_installing]
    assert scripts[0] == "composeports up --wait"
    assert (steps[-1].when, steps[-1].script) == (ALWAYS, "composeports down --volumes")


def test_the_github_job_runs_where_docker_is() -> None:
    document = yaml.safe_load(text_of("github"))
    assert document["jobs"]["test"]["runs-on"] == "ubuntu-latest"
    assert {"push", "pull_request"} == set(document[True])  # `on` is a truth value in YAML 1.1


def test_the_github_job_may_read_and_nothing_else() -> None:
    document = yaml.safe_load(text_of("github"))
    assert document["permissions"] == {"contents": "read"}
    assert not any("permissions" in job for job in document["jobs"].values())


def test_actions_are_named_by_a_commit_with_the_version_beside_it() -> None:
    lines = [line for line in text_of("github").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(r"\s+- uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)


def test_the_action_installs_us_and_starts_the_stack() -> None:
    document = action()
    python, install, up = document["runs"]["steps"]
    assert document["runs"]["using"] == "composite"
    assert python["uses"] in text_of("github")  # the same commit as in the job
    assert install["run"].startswith('pip install "composeports')
    assert up["run"].splitlines()[1].startswith("composeports up ")


def test_no_script_of_the_action_contains_an_input() -> None:
    steps = action()["runs"]["steps"]
    assert [step for step in steps if "${{" in step.get("run", "")] == []
    used = set(re.findall(r"\$\{\{ inputs\.([a-z-]+) \}\}", (ROOT / "action.yml").read_text()))
    assert used == set(action()["inputs"])


def test_the_page_shows_how_to_use_the_action() -> None:
    (shown,) = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", (DOCS / "ci.md").read_text(), re.DOTALL)
        if block.startswith("steps:")
    ]
    steps = yaml.safe_load(shown)["steps"]
    (ours,) = [step for step in steps if "composeports@" in step.get("uses", "")]
    given = set(ours["with"])
    assert given
    assert given <= set(action()["inputs"])
    assert (steps[-1]["if"], steps[-1]["run"]) == ("always()", "composeports down --volumes")


def test_the_gitlab_job_has_an_engine_beside_it() -> None:
    job = yaml.safe_load(text_of("gitlab"))["stack"]
    assert job["services"] == ["docker:dind"]
    found = find_endpoint(job["variables"])
    assert (found.host, found.local) == ("docker", False)
    assert is_secured(found, job["variables"])


@pytest.mark.parametrize("page", ["ci.md", "pytest.md"])
def test_every_command_of_a_page_exists(page: str) -> None:
    code = re.findall(r"```.*?```|`[^`]+`", (DOCS / page).read_text(), re.DOTALL)
    called = {name for each in code for _, name in CALL.findall(each)}
    assert called
    assert called <= {*COMMANDS, *PASSED_THROUGH}


def test_every_setting_of_the_plugin_is_on_its_page(request: pytest.FixtureRequest) -> None:
    text = (DOCS / "pytest.md").read_text()
    known = set(re.findall(r"(?:--composeports-|composeports_)[a-z_]+", text))
    source = Path(__file__).parents[2] / "composeports/pytest_plugin/__init__.py"
    added = set(re.findall(r"add(?:option|ini)\(\s*\"([-a-z_]+)\"", source.read_text()))
    assert known - {"composeports_stack"} == added
    assert request.config.getini("composeports_up") == ["--wait"]
