"""Run the console blocks of a page like a reader in a shell, and compare what they print."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

BASE = "31"  # The pages show ports from 10000; the tests take them from 31000.
# The images of the pages' Compose files, as those of the tests.
IMAGES = {
    "WEB_IMAGE": "composeports-dev/tiny:1",
    "DB_IMAGE": "composeports-dev/postgres:1",
    "APP_IMAGE": "composeports-dev/tiny:1",
}


def console_steps(text: str) -> Iterator[tuple[str, str]]:
    """Yield every command of a page's console blocks, with the output that the page shows."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = re.split(r"(?<!\\)\n(?!> )", step, maxsplit=1)
            yield re.sub(r"\n> ", "\n", lines[0]), lines[1]


def run(command: str, cwd: Path, environ: Mapping[str, str]) -> tuple[str, Path]:
    """Run a command like a shell in `cwd`; return its stdout and the shell's new directory."""
    variables = {
        **environ,
        **IMAGES,
        "PWD": str(cwd),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT_ALLOC_BASE": f"{BASE}000",
    }
    script = f"{command}\ncode=$?\npwd >&3\nexit $code"
    read, write = os.pipe()
    argv = ["bash", "-c", f"exec 3>&{write}; {script}"]
    done = subprocess.run(
        argv, cwd=cwd, env=variables, capture_output=True, text=True, pass_fds=[write], check=False
    )
    os.close(write)
    with os.fdopen(read) as where:
        after = Path(where.read().strip())
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stderr}"
    return done.stdout, after


class Console:
    """A shell that runs steps of a page below a folder, and what the page and the shell show."""

    def __init__(self, cwd: Path, below: Path, environ: Mapping[str, str]) -> None:
        self.cwd = cwd
        self._below = below
        self._environ = environ
        self._shown = ""
        self._said = ""

    def run_steps(self, text: str) -> None:
        """Run every step of the text."""
        for command, expected in console_steps(text):
            self._shown += f"$ {command}\n{expected.rstrip()}\n"
            output, self.cwd = run(command, self.cwd, self._environ)
            output = re.sub(rf"\b{BASE}(\d{{3}})\b", r"10\1", output)
            shown = output.replace(str(self._below), "/home/you").rstrip()
            self._said += f"$ {command}\n{shown}\n"

    def assert_shown(self) -> None:
        """All steps so far printed what the page shows, but for hashes, ages and blanks."""
        assert comparable(self._said) == comparable(self._shown)


def comparable(text: str) -> str:
    """Replace project names by their order of appearance, since they are hashes of paths.

    The age of a lease, and the time left, depend on how long the examples take. Column widths
    follow the length of the test's own paths.
    """
    text = re.sub(r"\b\d+ min +\d+ min\b", "0 min 120 min", text)
    names = list(dict.fromkeys(re.findall(r"ac-[0-9a-f]{8}", text)))
    for number, name in enumerate(names):
        text = text.replace(name, f"ac-{number:08}")
    return re.sub(r" {2,}", "  ", text)
