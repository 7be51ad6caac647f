"""The corpus measurement on five small files: all pass, and a failure is reported."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness.engine import engine
from tests.harness.program import Done, run, start
from tests.harness.repository import TINY, write
from tests.harness.waits import HANG, wait_until

pytestmark = pytest.mark.e2e
CORPUS = Path(__file__).parents[2] / "benchmarks" / "corpus.py"
# Others measure and test on this machine too.
OWN_BLOCKS = {
    "PORT_ALLOC_BASE": str(29000 + os.getpid() % 4 * 500),
    "PORT_ALLOC_RANGE": "50",
    "PORT_ALLOC_MAX_SESSIONS": "10",
}

NAMES = f"""\
services:
  db:
    image: {TINY}
    container_name: shop-db
    ports: ["5432:5432"]
    volumes: ["data:/data"]
    networks: {{back: {{ipv4_address: 172.29.7.10}}}}
  web:
    image: {TINY}
    ports: ["8080:80"]
    dns: [172.29.7.10]
    networks: [back]
networks:
  back: {{ipam: {{config: [{{subnet: 172.29.7.0/24, gateway: 172.29.7.1}}]}}}}
volumes:
  data: {{name: shop-data}}
"""
RANGES = f"""\
services:
  run: {{image: {TINY}, ports: ["8000-8003:8000-8003"]}}
  one: {{image: {TINY}, ports: ["8100-8105:80", "81"]}}
  dns: {{image: {TINY}, ports: ["127.0.0.1:5300:53/tcp", "127.0.0.1:5300:53/udp"]}}
"""
PROFILES = f"""\
services:
  fast: {{image: {TINY}, profiles: [fast], ports: ["9000:80"]}}
  slow: {{image: {TINY}, profiles: [slow], ports: ["9000:80"]}}
"""
BUILT = """\
services:
  web: {image: "shop/web:1", build: {context: ., tags: ["shop/web:new"]}, ports: ["8080:80"]}
  worker: {image: "shop/web:1", command: work}
"""
URLS = f"""\
services:
  web: {{image: {TINY}, ports: ["${{WEB_PORT:-8080}}:80"]}}
  api:
    image: {TINY}
    ports: ["${{API:-8081}}:${{API:-8081}}"]
    environment: {{PUBLIC_URL: "http://localhost:8080/", API_URL: "http://api:${{API:-8081}}/"}}
"""
FILES = {
    "names/compose.yaml": NAMES,
    "ranges/compose.yaml": RANGES,
    "profiles/stack/compose.yml": PROFILES,
    "built/docker-compose.yml": BUILT,
    "urls/compose.yaml": URLS,
}


def write_corpus(folder: Path, files: Mapping[str, str]) -> Path:
    """Write a corpus: the files, and UNITS.tsv which names them."""
    rows = ["compose_file\tenv_file\tsource", *(f"{name}\t\tour own" for name in files), ""]
    write(folder / "corpus", {**files, "UNITS.tsv": "\n".join(rows)})
    return folder / "corpus"


def command(corpus: Path, *options: str) -> list[str]:
    """Return the command line that measures a corpus and writes results.json beside it."""
    report = corpus.parent / "results.json"
    return [sys.executable, str(CORPUS), str(corpus), "--json", str(report), *options]


def measure(corpus: Path, *options: str, **variables: str) -> tuple[Done, list[dict[str, Any]]]:
    """Measure a corpus; return how it ended and what it wrote of each unit."""
    done = run(*command(corpus, *options), environ={**os.environ, **OWN_BLOCKS, **variables})
    report: dict[str, list[dict[str, Any]]] = json.loads(
        (corpus.parent / "results.json").read_text()
    )
    return done, report["units"]


def test_five_files_plan_three_times_with_nothing_in_common(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, FILES)
    done, units = measure(corpus)
    assert done.code == 0, done.out + done.err
    assert {unit["unit"]: unit["failures"] for unit in units} == {name: [] for name in FILES}
    assert "5 of 5 units (100.0 %)" in done.out
    # The corpus is input: nothing is written into it.
    assert {
        str(path.relative_to(corpus)): path.read_text() for path in corpus.rglob("*.y*ml")
    } == FILES


def test_every_port_of_three_stacks_answers_on_its_own(tmp_path: Path) -> None:
    chosen = ("names/compose.yaml", "profiles/stack/compose.yml")
    corpus = write_corpus(tmp_path, {name: FILES[name] for name in chosen})
    done, units = measure(corpus, "--up")
    assert done.code == 0, done.out + done.err
    assert [unit["up"]["ports"] for unit in units] == [3 * 2, 3 * 2]
    for project in (name for unit in units for name in unit["projects"]):
        assert not engine().containers(project)


def test_a_unit_that_cannot_be_planned_fails_the_run(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, {name: FILES[name] for name in ("ranges/compose.yaml",)})
    done, units = measure(corpus, PORT_ALLOC_RANGE="8")
    assert done.code == 1
    assert "FAIL  ranges/compose.yaml  failed: composeports" in done.out
    assert "0 of 1 units (0.0 %)" in done.out
    assert [unit["ok"] for unit in units] == [False]


def test_a_run_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, {"profiles/compose.yaml": PROFILES})
    environ = {**os.environ, **OWN_BLOCKS, "TMPDIR": str(tmp_path)}
    running = start(*command(corpus, "--up"), cwd="/", environ=environ, stderr=subprocess.STDOUT)
    try:
        wait_until(
            lambda: engine().started_below(tmp_path) or running.poll() is not None, "a stack"
        )
        assert running.poll() is None, "it ended before it started a stack"
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=HANG)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130, said
    assert not engine().started_below(tmp_path)
    assert not list(tmp_path.glob("composeports-corpus-*"))
