"""The validate-feature skill for tests: its script, its steps, and a fake `composeports`."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.program import start, write_program
from tests.harness.waits import HANG

SKILL = Path(__file__).parents[2] / "skills/validate-feature"
PRETENDER = """
at='{at}'
echo "$*" >> "$at/calls"
case "$1" in
  env) shift 2; exec "$@" ;;
  logs) echo "web-1  | a line of its log" ;;
  ps|status) /bin/cat "$at/$1.json" ;;
esac
[ ! -e "$at/$1.sh" ] || . "$at/$1.sh"
"""


def steps(heading: str) -> list[str]:
    """Return the bash blocks below a heading of SKILL.md, in order."""
    text = (SKILL / "SKILL.md").read_text()
    section = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^( *)```bash\n(.*?)^ *```$", section, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


# With these variables the smoke tests really run.
REALLY = {"VALIDATE_PYTEST": ""}


@dataclass(frozen=True)
class Stack:
    """A fake `composeports` with one service, whose state the test sets."""

    folder: Path
    cwd: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def prepare(self, urls: Mapping[str, str], **container: object) -> None:
        """Set one container of the service `web` that publishes the URLs."""
        write_program(self.folder / "bin/composeports", PRETENDER.format(at=self.folder))
        web = {"Name": "ac-1-web-1", "Service": "web", "State": "running", "Health": ""}
        (self.folder / "ps.json").write_text(json.dumps({**web, **container}) + "\n")
        row = {"current": True, "urls": dict(urls)}
        (self.folder / "status.json").write_text(json.dumps([{"current": False}, row]))

    def run_at(self, command: str, script: str) -> None:
        """Set a shell script that one of its commands runs at its end."""
        (self.folder / f"{command}.sh").write_text(script + "\n")

    @property
    def calls(self) -> list[str]:
        """The command lines so far."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        """Start the validation; its smoke tests count as passed, except with `REALLY`."""
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        environ = {**os.environ, "PATH": path, "VALIDATE_PYTEST": "true", **variables}
        script = SKILL / "scripts/validate.py"
        process = start(sys.executable, script, *arguments, cwd=self.cwd, environ=environ)
        self.started.append(process)
        return process

    @property
    def lasting(self) -> str:
        """A piece of shell that ends with the test only."""
        return f"while [ -e {self.folder}/ps.json ]; do sleep 0.02; done"

    def stop(self) -> None:
        """End what a failed test has left."""
        (self.folder / "ps.json").unlink(missing_ok=True)
        for process in self.started:
            with process:
                process.kill()

    def validate(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run the validation to its end; return its exit code, and its report."""
        process = self.start(*arguments, **variables)
        _, said = process.communicate(timeout=HANG)
        assert "Traceback" not in said, said
        return process.returncode, self.report

    @property
    def report(self) -> str:
        """The report at its default path; empty if there is none."""
        path = self.cwd / ".composeports/validation-report.md"
        return path.read_text() if path.exists() else ""
