"""The corpus measurement on five small files: all pass, and a failure is reported."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.harness.waits import HANG

pytestmark = pytest.mark.e2e
CORPUS = Path(__file__).parents[2] / "benchmarks" / "corpus.py"
PROJECT_LABEL = "com.docker.compose.project"
TINY = "composeports-dev/tiny:1"
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
    rows = ["compose_file\tenv_file\tsource"]
    for name, text in files.items():
        path = folder / "corpus" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        rows.append(f"{name}\t\tour own")
    (folder / "corpus" / "UNITS.tsv").write_text("\n".join((*rows, "")))
    return folder / "corpus"


def command(corpus: Path, *options: str) -> list[str]:
    """Return the command line that measures a corpus and writes results.json beside it."""
    report = corpus.parent / "results.json"
    return [sys.executable, str(CORPUS), str(corpus), "--json", str(report), *options]


def measure(
    corpus: Path, *options: str, **variables: str
) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Measure a corpus; return how it ended and what it wrote of each unit."""
    argv, environ = command(corpus, *options), {**os.environ, **OWN_BLOCKS, **variables}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    report: dict[str, list[dict[str, Any]]] = json.loads(
        (corpus.parent / "results.json").read_text()
    )
    return done, report["units"]


def containers_of(*only: str) -> list[str]:
    """Return the ids of containers that the engine has."""
    argv = ["docker", "ps", "--all", "--quiet", *(f"--filter={each}" for each in only)]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_five_files_plan_three_times_with_nothing_in_common(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, FILES)
    done, units = measure(corpus)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {unit["unit"]: unit["failures"] for unit in units} == {name: [] for name in FILES}
    assert "5 of 5 units (100.0 %)" in done.stdout
    # The corpus is input: nothing is written into it.
    assert {
        str(path.relative_to(corpus)): path.read_text() for path in corpus.rglob("*.y*ml")
    } == FILES


def test_every_port_of_three_stacks_answers_on_its_own(tmp_path: Path) -> None:
    chosen = ("names/compose.yaml", "profiles/stack/compose.yml")
    corpus = write_corpus(tmp_path, {name: FILES[name] for name in chosen})
    done, units = measure(corpus, "--up")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [unit["up"]["ports"] for unit in units] == [3 * 2, 3 * 2]
    for project in (name for unit in units for name in unit["projects"]):
        assert not containers_of(f"label={PROJECT_LABEL}={project}")


def test_a_unit_that_cannot_be_planned_fails_the_run(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, {name: FILES[name] for name in ("ranges/compose.yaml",)})
    done, units = measure(corpus, PORT_ALLOC_RANGE="8")
    assert done.returncode == 1
    assert "FAIL  ranges/compose.yaml  failed: composeports" in done.stdout
    assert "0 of 1 units (0.0 %)" in done.stdout
    assert [unit["ok"] for unit in units] == [False]


def test_a_run_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, {"profiles/compose.yaml": PROFILES})
    environ = {**os.environ, **OWN_BLOCKS, "TMPDIR": str(tmp_path)}
    running = subprocess.Popen(
        command(corpus, "--up"), env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    place = str(tmp_path)
    try:
        deadline = time.monotonic() + HANG
        while not started_in(place):
            assert running.poll() is None, "it ended before it started a stack"
            assert time.monotonic() < deadline, "no stack was started"
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said, _ = running.communicate(timeout=HANG)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130, said.decode()
    assert not started_in(place)
    assert not list(tmp_path.glob("composeports-corpus-*"))


def started_in(place: str) -> list[str]:
    """Return the containers whose stack was started from below a folder."""
    form = f'{{{{.ID}}}} {{{{.Label "{PROJECT_LABEL}.working_dir"}}}}'
    argv = ["docker", "ps", "--all", "--format", form]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if line.partition(" ")[2].startswith(place)]
