"""Collect what only `doctor` asks of the engine, Compose and buildx: versions, stacks, pools."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from composeports.core.port_keys import port_key
from composeports.core.service_state import ObservedService
from composeports.docker.compose_cli import check_installation, installed_version, without_engine
from composeports.docker.context import is_secured
from composeports.docker.engine import Engine
from composeports.errors import ComposeMissingError, ComposeportsError, ComposeTooOldError
from composeports.host.session_files import owner_of
from composeports.regular_file import read_regular
from composeports.usecases.doctor.collect_other_engines import about_engine, others_here
from composeports.usecases.doctor.facts import ComposeFacts, EngineFacts, EngineStack, Problem

_CONTEXT = "{{.Name}}\t{{.Endpoints.docker.Host}}"


def read_engine(engine: Engine) -> EngineFacts:
    """Return the facts of the engine, or the reason why it does not answer."""
    context, host = engine.endpoint.context, engine.endpoint.address
    try:
        context, _, host = engine.run_query(
            "context", "inspect", "--format", _CONTEXT
        ).out.partition("\t")
        start = time.perf_counter()
        answer = engine.run_query("version", "--format", "{{.Server.Version}}")
        if not answer.code and answer.out.strip():
            milliseconds = round((time.perf_counter() - start) * 1000)
            facts = about_engine(engine, answer.out.strip(), context.strip(), host.strip())
            return replace(
                facts,
                reached="" if engine.is_local else engine.host,
                secured=is_secured(engine.endpoint, engine.environ),
                milliseconds=milliseconds,
            )
        engine.containers()  # raises the same error as in other commands
        trouble = Problem("the Docker engine did not report its version", "docker version")
    except ComposeportsError as error:
        trouble = Problem(error.message, error.hint)
        if isinstance(error, ComposeMissingError):
            return EngineFacts(trouble=trouble)
    return others_here(engine, EngineFacts("", context.strip(), host.strip(), trouble))


def read_compose(engine: Engine, *, builds: bool) -> ComposeFacts:
    """Return which Compose is installed, and whether buildx is.

    Buildx is checked only if `builds` is True: a Compose file builds images.
    """
    trouble = None
    version = ""
    try:
        check_installation(engine.environ)
        version = installed_version(engine.environ)
    except (ComposeMissingError, ComposeTooOldError) as error:
        trouble = Problem(error.message, error.hint)
        version = str(error.details.get("version", ""))
    buildx = not builds or not _fails(engine, "buildx", "version")
    classic = engine.environ.get("DOCKER_BUILDKIT") in {"0", "false"}
    return ComposeFacts(version, trouble, builds, buildx, classic)


def _fails(engine: Engine, *arguments: str) -> bool:
    try:
        argv = without_engine(("docker", *arguments), engine.environ)
        return bool(engine.run_query(*argv[1:]).code)
    except ComposeMissingError:
        return False  # the check of the engine reports it


def read_stacks(engine: Engine) -> tuple[EngineStack, ...]:
    """Return every Compose project that has containers.

    Raises ComposeportsError if the engine does not answer.
    """
    stacks: dict[str, EngineStack] = {}
    for container in engine.containers():
        if not container.project:
            continue
        stack = stacks.get(container.project, EngineStack(container.project))
        ports = [
            (port_key(container.service, target, protocol), host)
            for host, target, protocol in container.ports
        ]
        stacks[container.project] = EngineStack(
            container.project,
            container.directory or stack.directory,
            stack.ours or any(owner_of(path) for path in container.files.split(",")),
            _is_of_another_user(container.directory or stack.directory),
            stack.containers + 1,
            stack.running + container.is_running,
            (*stack.ports, *ports),
            (*stack.seen, ObservedService(container.service, container.name, container.networks))
            if container.is_running
            else stack.seen,
        )
    return tuple(stacks[name] for name in sorted(stacks))


def _is_of_another_user(directory: str) -> bool:
    try:
        return bool(directory) and os.stat(directory).st_uid != os.geteuid()
    except OSError:
        return False


def read_pools(engine: Engine) -> tuple[tuple[str, int], ...]:
    """Return (subnet, prefix length of its parts) for each configured address pool of the engine.

    Empty if the engine uses its built-in pools.
    """
    answer = engine.run_query("info", "--format", "{{json .DefaultAddressPools}}")
    try:
        pools = json.loads(answer.out or "null") or ()
        return tuple(_pool(pool) for pool in pools)
    except (ValueError, KeyError, TypeError):
        return ()


def _pool(pool: Any) -> tuple[str, int]:  # noqa: ANN401 - JSON
    return str(pool["Base"]), int(pool["Size"])


def any_builds(texts: Sequence[str]) -> bool:
    """Return True if a Compose file contains `build:`. A guess, but it does not run Compose."""
    return any(_mentions_build(path) for path in texts)


def _mentions_build(path: str) -> bool:
    try:
        return b"build:" in read_regular(path, follow=True)
    except OSError:
        return False
