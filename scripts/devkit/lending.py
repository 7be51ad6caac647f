"""Choose the engine for a command; the last user of a private engine stops it. Runs no command."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import engine
from devkit import cache, daemon, kinds, packages, shell, toolbox
from devkit.cache import DevError
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Iterator

OLDEST_COMPOSE = (2, 24, 4)
_SHARED = "shared"
_ANSWER_SECONDS = 10


@contextmanager
def borrowed() -> Iterator[dict[str, str]]:
    """Lend an engine: yield the variables that select it, and stop it if it was started here.

    With COMPOSEPORTS_DEV_RELEASE it is an engine of that release, whatever else runs. With
    COMPOSEPORTS_DEV_OWN_ENGINE the machine's engine is not used, even if it answers. With
    COMPOSEPORTS_DEV_APART it is a private engine in a network namespace, if those can be created.
    With COMPOSEPORTS_DEV_KIND it is an engine of another kind, also in a network namespace.
    """
    kind = os.environ.get("COMPOSEPORTS_DEV_KIND")
    release = os.environ.get("COMPOSEPORTS_DEV_RELEASE")
    if kind:
        name = "-".join(filter(None, (_SHARED, kind, release)))
        with _started(name, release, kind=kind) as environment:
            yield environment
        return
    own_group = bool(os.environ.get("COMPOSEPORTS_DEV_APART")) and _can_be_apart()
    if release or own_group:
        name = "-".join(filter(None, (_SHARED, release, "apart" if own_group else "")))
        with _started(name, release, own_group=own_group) as environment:
            yield environment
        return
    own = os.environ.get("COMPOSEPORTS_DEV_OWN_ENGINE")
    if not own and engine_answers():
        yield {} if _compose_version() >= OLDEST_COMPOSE else _newer_compose()
        return
    running = None if own else _ours_on_the_host()
    if running:
        cache.say(f"using engine {running}, which runs already")
        yield engine.environment(running)
        return
    with _started(_SHARED, None) as environment:
        yield environment


def _can_be_apart() -> bool:
    return os.geteuid() == 0 and packages.available()


def engine_answers() -> bool:
    """Return True if the docker CLI of this environment reaches an engine."""
    answer = shell.attempt(["docker", "info", "--format", "{{.ID}}"], timeout=_ANSWER_SECONDS)
    # An unreachable engine is reported on stderr, with exit code 0 from some versions.
    return answer.returncode == 0 and bool(answer.stdout.strip())


def _compose_version() -> tuple[int, ...]:
    answer = shell.attempt(["docker", "compose", "version", "--short"], timeout=_ANSWER_SECONDS)
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer.stdout.strip())
    return tuple(int(part) for part in found.groups()) if found else ()


def _newer_compose() -> dict[str, str]:
    """Return variables that select the fetched Compose if the machine has none or an old one."""
    wanted = ".".join(map(str, OLDEST_COMPOSE))
    if not packages.available():
        message = f"`docker compose` is missing or older than {wanted}; install a newer one"
        raise DevError(message)
    cache.say(f"`docker compose` is missing or older than {wanted}; using one from packages")
    place = shell.run(["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"])
    config = toolbox.docker_config(toolbox.recipe_for(None, read_machine()))
    return {"DOCKER_HOST": place.strip(), "DOCKER_CONFIG": str(config)}


def _ours_on_the_host() -> str | None:
    """Return an engine that was started with scripts/engine.py, on the host's network."""
    return next(
        (
            target.name
            for target in daemon.engines()
            if not target.name.startswith(_SHARED)
            and not target.facts().get("namespace")
            and target.answers()
        ),
        None,
    )


@contextmanager
def _started(
    name: str, release: str | None, *, own_group: bool = False, kind: str = kinds.DOCKER
) -> Iterator[dict[str, str]]:
    """Lend one engine to everybody who asks at the same time; the last one to leave stops it."""
    users = cache.lock_file(f"engine-users-{name}")
    with users.open("a") as mark:
        # Waits only while another process, the last user, is stopping the engine.
        fcntl.flock(mark, fcntl.LOCK_SH)
        try:
            engine.start(name, release=release, netns=own_group, kind=kind)
            yield engine.environment(name)
        finally:
            fcntl.flock(mark, fcntl.LOCK_UN)
            _stop_unless_used(name)


def _stop_unless_used(name: str) -> None:
    users = cache.lock_file(f"engine-users-{name}")
    with cache.locked("engine-leaving"), users.open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        engine.stop(name)
