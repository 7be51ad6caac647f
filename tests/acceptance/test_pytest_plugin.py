"""A run with two pytest-xdist workers on a real engine: a stack for each, and none is left."""

import re
import sys
from pathlib import Path

import pytest

from tests.harness.engine import engine
from tests.harness.program import run
from tests.harness.repository import stack
from tests.harness.session import MakeRepository

pytestmark = pytest.mark.e2e

PAGE = Path(__file__).parents[2] / "docs/pytest.md"
SERVE = 'mkdir -p /www /data; echo "$$HOSTNAME" > /www/index.html; exec httpd -f -p 80 -h /www'
FILES = {
    "compose.yaml": stack(
        {
            "web": {
                "command": ["sh", "-c", f"echo serving; {SERVE}"],
                "ports": ["8080:80"],
                "volumes": ["data:/data"],
                "healthcheck": {
                    "test": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:80/"],
                    "interval": "200ms",
                    "retries": 50,
                },
            },
            "db": {"ports": ["5432:5432"]},
        },
        volumes={"data": {}},
    ),
    "test_shop.py": """
import os, pathlib, urllib.request

def test_the_page(composeports_stack, worker_id):
    page = urllib.request.urlopen(composeports_stack.url("web", 80), timeout=5).read()
    assert page.decode().strip() == composeports_stack.run("exec", "-T", "web", "hostname").strip()
    pathlib.Path(os.environ["SEEN"], worker_id).write_text(composeports_stack.project)

def test_that_fails(composeports_stack):
    assert composeports_stack.port("web") == int(composeports_stack.env["PORT_WEB_80"])
    raise AssertionError("on purpose")
""",
}


def test_two_workers_test_on_two_stacks_and_leave_nothing(make_repository: MakeRepository) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    main = make_repository({**FILES, "test_of_the_docs.py": example[1]}).main
    seen = main.directory.parent / "seen"
    seen.mkdir()
    argv = (sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider", "--dist", "each")
    environ = {**main.environ, "SEEN": str(seen), "PYTHONDONTWRITEBYTECODE": "1"}
    done = run(*argv, cwd=main.directory, environ=environ)
    assert re.search(r"\b2 failed, 6 passed\b", done.out), done.out + done.err
    assert "test_of_the_docs" not in done.out
    projects = {path.read_text() for path in seen.iterdir()}
    assert len(projects) == len(list(seen.iterdir())) == 2
    assert "composeports logs of ac-" in done.out
    assert "serving" in done.out
    for project in projects:
        assert engine().resources(project) == []
    assert main.json("status") == []
    git = run("git", "status", "--porcelain", cwd=main.directory, environ=main.environ)
    assert git.out == ""
