"""Asks an engine which one it is, and remembers that, since engines take their time to tell.

What a socket of this machine answered holds as long as the socket is the same; a remote engine is
asked again by whoever takes a lease (`anew`). One that does not answer is the one it was last.
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
from composeports.paths import known_things

# Starts `docker` with these arguments.
Start = Callable[..., Running]
INFO = "{{.ID}}\t{{.Name}}\t{{.DockerRootDir}}"
COMPONENTS = "{{range .Server.Components}}{{.Name}}\t{{end}}"
NETWORKS = "{{.Name}}\t{{.ID}}"
# Networks that an engine makes with its data, and at each start; their ids are random.
MADE_ONCE, MADE_ANEW = "none", "bridge"
# It gives another id to every question.
PODMAN = "Podman Engine"


class _Known(NamedTuple):
    """What an engine said; `mark` tells when to ask again."""

    mark: str = ""
    id: str = ""
    name: str = ""
    folder: str = ""
    data: str = ""
    run: str = ""


def identify(
    environ: Mapping[str, str], endpoint: EngineEndpoint, start: Start, *, anew: bool = False
) -> EngineIdentity:
    """Return which engine is at the endpoint; EngineError where nobody knows.

    `COMPOSEPORTS_ENGINE` is its id where that is set.
    """
    given = environ.get("COMPOSEPORTS_ENGINE", "")
    known = _remembered(environ, endpoint)
    if known is None or known.mark != _mark(endpoint) or (anew and not endpoint.local):
        try:
            known = _asked(environ, start, endpoint)
            _remember(environ, endpoint, known)
        except (EngineError, ComposeMissingError):
            if known is None and not given:
                raise
    known = known or _Known()
    return EngineIdentity(
        given or known.id, known.name, endpoint.host, endpoint.local, _traits(known, endpoint)
    )


def _traits(known: "_Known", endpoint: EngineEndpoint) -> EngineTraits:
    """Return what the engine looks like; what this machine says of itself is looked up now."""
    traits = EngineTraits(known.run, known.data, known.folder, known.name)
    if not endpoint.local:
        return traits._replace(reached=endpoint.host)
    return traits._replace(machine=machine_digest(), boot=boot_id(), booted=booted_at())


def _asked(environ: Mapping[str, str], start: Start, endpoint: EngineEndpoint) -> "_Known":
    """Return the engine's id and what tells it from others with the same one, as it tells them."""
    address, mark = endpoint.address, _mark(endpoint)
    running = (
        start("info", "--format", INFO),
        start("version", "--format", COMPONENTS),
        start("network", "ls", "--no-trunc", "--filter", "type=builtin", "--format", NETWORKS),
    )
    info, version, networks = (each.finish() for each in running)
    # Some versions tell in a failed `info` of a failed template, and no more.
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
            "the engine did not tell its id, by which its leases are told from those of others",
            hint="set COMPOSEPORTS_ENGINE to a name of its own for this engine, the same for all "
            "who use it",
        )
    ids = dict(line.partition("\t")[::2] for line in networks.out.splitlines())
    return _Known(mark, identity, name, folder, ids.get(MADE_ONCE, ""), ids.get(MADE_ANEW, ""))


def _mark(endpoint: EngineEndpoint) -> str:
    """Return what changes when the socket of an engine of this machine is made anew."""
    with suppress(OSError):
        found = os.stat(endpoint.socket) if endpoint.socket else None
        return f"{found.st_dev}:{found.st_ino}:{found.st_ctime_ns}" if found else ""
    return "no socket"


def _remembered(environ: Mapping[str, str], endpoint: EngineEndpoint) -> "_Known | None":
    text = read_own(os.path.join(known_things(environ), _name_for(endpoint)))
    try:
        found = tuple(map(str, json.loads(text or "")))
        return _Known(*found) if len(found) == len(_Known._fields) else None
    except (ValueError, TypeError):
        return None


def _remember(environ: Mapping[str, str], endpoint: EngineEndpoint, known: "_Known") -> None:
    with suppress(OSError, StoreError):
        write_own(known_things(environ), _name_for(endpoint), json.dumps(known))


def _name_for(endpoint: EngineEndpoint) -> str:
    digest = sha256(endpoint.address.encode("utf-8", "surrogateescape")).hexdigest()
    return f"engine-{digest[:16]}"
