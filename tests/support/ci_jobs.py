"""The CI examples as a runner sees them: shell steps, and when each step runs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ALWAYS, ON_SUCCESS, ON_FAILURE = "always", "success", "failure"
KINDS = ("github", "gitlab")
INSTALLING = ("pip install ", "apk add ")


@dataclass(frozen=True)
class Step:
    """One shell script, run by a separate shell."""

    when: str
    script: str

    @property
    def is_installing(self) -> bool:
        """Whether it brings programs onto the runner."""
        return self.script.startswith(INSTALLING)


def action() -> dict[str, Any]:
    """Return the document of the GitHub Action."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
    return document


def text_of(kind: str) -> str:
    """Return the template that `composeports init --ci` writes."""
    return (ROOT / "templates/ci" / f"{kind}.yml").read_text()


def steps_of(kind: str) -> list[Step]:
    """Return the shell steps in the order in which the runner comes to them."""
    document = yaml.safe_load(text_of(kind))
    if kind == "gitlab":
        job = document["stack"]
        main = [Step(ON_SUCCESS, line) for line in (*job["before_script"], *job["script"])]
        return [*main, *(Step(ALWAYS, line) for line in job["after_script"])]
    when = {"failure()": ON_FAILURE, "always()": ALWAYS, None: ON_SUCCESS}
    steps = document["jobs"]["test"]["steps"]
    return [Step(when[step.get("if")], step["run"]) for step in steps if "run" in step]
