"""Asks an engine for its identity, and caches the answer, because engines answer slowly.

The answer of a local engine is valid as long as its socket is the same. A remote engine is asked
again when a lease is taken (`refresh`). If an engine does not answer, its last answer is used.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from composeports.config import engine_timeout
from composeports.core.engine_identity import EngineIdentity
from composeports.core.engine_traits import EngineTraits
from composeports.docker.context import EngineEndpoint
from composeports.docker.errors import engine_failure, silence
from composeports.errors import ComposeMissingError, EngineError, StoreError
from composeports.host.cache_files import read_own, write_own
from composeports.host.machine import boot_id, booted_at, machine_digest
from composeports.host.process import Running
from composeports.paths import cache_folder

# A function that starts `docker` with the given arguments.
Start = Callable[..., Running]
INFO = "{{.ID}}\t{{.Name}}\t{{.DockerRootDir}}"
COMPONENTS = "{{range .Server.Components}}{{.Name}}\t{{end}}"
NETWORKS = "{{.Name}}\t{{.ID}}"
# Built-in networks with random ids: the engine creates the first one together with its data, and
# the second one at each start.
MADE_ONCE, MADE_ANEW = "none", "bridge"
# Podman returns a different id for every query.
PODMAN = "Podman Engine"


class _Known(NamedTuple):
    """The cached answer of an engine; a changed `mark` means that it must be asked again."""

    mark: str = ""
    id: str = ""
    name: str = ""
    folder: str = ""
    data: str = ""
    run: str = ""


def identify(
    environ: Mapping[str, str], endpoint: EngineEndpoint, start: Start, *, refresh: bool = False
) -> EngineIdentity:
    """Return the identity of the engine at the endpoint.

    COMPOSEPORTS_ENGINE, if set, is the engine's id. If the engine does not answer, the cached
    answer is used; raise EngineError or ComposeMissingError if there is neither.
    """
    engine_id = environ.get("COMPOSEPORTS_ENGINE", "")
    answer = _remembered(environ, endpoint)
    if answer is None or answer.mark != _mark(endpoint) or (refresh and not endpoint.local):
        try:
            answer = _asked(environ, start, endpoint)
            _remember(environ, endpoint, answer)
        except (EngineError, ComposeMissingError):
            if answer is None and not engine_id:
                raise
    answer = answer or _Known()
    return EngineIdentity(
        engine_id or answer.id,
        answer.name,
        endpoint.host,
        endpoint.local,
        _traits(answer, endpoint),
    )


def _traits(known: "_Known", endpoint: EngineEndpoint) -> EngineTraits:
    """Return the engine's traits; for a local engine, add the current ids of this machine."""
    traits = EngineTraits(known.run, known.data, known.folder, known.name)
    if not endpoint.local:
        return traits._replace(reached=endpoint.host)
    return traits._replace(machine=machine_digest(), boot=boot_id(), booted=booted_at())


def _asked(environ: Mapping[str, str], start: Start, endpoint: EngineEndpoint) -> "_Known":
    """Ask the engine for its id and for values that differ between engines with the same id."""
    address, mark = endpoint.address, _mark(endpoint)
    queries = (
        start("info", "--format", INFO),
        start("version", "--format", COMPONENTS),
        start("network", "ls", "--no-trunc", "--filter", "type=builtin", "--format", NETWORKS),
    )
    info, version, networks = (query.finish() for query in queries)
    # In some versions a failed `info` reports only a failed template, so `version` comes first.
    for answer in (version, info):
        if answer.limit:
            raise silence(address, engine_timeout(environ))
        if answer.code:
            raise engine_failure(answer.code, answer.err, address)
    identity, name, folder = (*info.out.strip("\n").split("\t"), "", "")[:3]
    if PODMAN in version.out.split("\t"):
        return _Known(mark, f"podman:{name}:{folder}", name, folder)
    if not identity:
        raise EngineError(
            "the engine did not report its id, which separates its leases from other engines'",
            hint="set COMPOSEPORTS_ENGINE to a name of its own for this engine, the same for all "
            "who use it",
        )
    ids = dict(line.partition("\t")[::2] for line in networks.out.splitlines())
    return _Known(mark, identity, name, folder, ids.get(MADE_ONCE, ""), ids.get(MADE_ANEW, ""))


def _mark(endpoint: EngineEndpoint) -> str:
    """Return a text that changes when the socket of a local engine is created again."""
    with suppress(OSError):
        status = os.stat(endpoint.socket) if endpoint.socket else None
        return f"{status.st_dev}:{status.st_ino}:{status.st_ctime_ns}" if status else ""
    return "no socket"


def _remembered(environ: Mapping[str, str], endpoint: EngineEndpoint) -> "_Known | None":
    text = read_own(os.path.join(cache_folder(environ), _name_for(endpoint)))
    try:
        fields = tuple(map(str, json.loads(text or "")))
        return _Known(*fields) if len(fields) == len(_Known._fields) else None
    except (ValueError, TypeError):
        return None


def _remember(environ: Mapping[str, str], endpoint: EngineEndpoint, known: "_Known") -> None:
    with suppress(OSError, StoreError):
        write_own(cache_folder(environ), _name_for(endpoint), json.dumps(known))


def _name_for(endpoint: EngineEndpoint) -> str:
    digest = sha256(endpoint.address.encode("utf-8", "surrogateescape")).hexdigest()
    return f"engine-{digest[:16]}"
