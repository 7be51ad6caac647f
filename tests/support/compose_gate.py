"""A `docker` on PATH that stops before and after each `docker compose up`, so a test can act."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.program import write_program

WAITING = """
case " $* " in *" compose "*" up "*)
    touch {folder}/before.$$
    while [ ! -e {folder}/started.$$ ]; do sleep 0.02; done
    {docker} "$@"
    code=$?
    touch {folder}/after.$$
    while [ ! -e {folder}/ended.$$ ]; do sleep 0.02; done
    exit $code;;
esac
exec {docker} "$@"
"""
GOES_ON = {"before": "started", "after": "ended"}


@contextmanager
def around_compose_up(
    environ: dict[str, str],
    folder: Path,
    before: Callable[[int], None],
    after: Callable[[int], None] = lambda _count: None,
) -> Iterator[None]:
    """Call `before` with 1, 2, ... before each `docker compose up`, and `after` when it ended.

    That is so for programs that get `environ`, while this lasts.
    """
    real = shutil.which("docker", path=environ["PATH"])
    write_program(folder / "docker", WAITING.format(folder=folder, docker=real))
    ended, failures = threading.Event(), []

    def answer() -> None:
        calls = {"before": 0, "after": 0}
        while not ended.is_set():
            for asked in (*folder.glob("before.*"), *folder.glob("after.*")):
                calls[asked.stem] += 1
                try:
                    (before if asked.stem == "before" else after)(calls[asked.stem])
                except Exception as error:  # noqa: BLE001 - a thread's failure is the test's
                    failures.append(error)
                asked.rename(asked.with_name(GOES_ON[asked.stem] + asked.suffix))
            ended.wait(0.01)

    thread = threading.Thread(target=answer)
    thread.start()
    path = environ["PATH"]
    environ["PATH"] = f"{folder}{os.pathsep}{path}"
    try:
        yield
    finally:
        ended.set()
        thread.join()
        environ["PATH"] = path
    assert failures == []
