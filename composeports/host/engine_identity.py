"""Asks an engine which one it is, and remembers that, since engines take their time to tell.

What a socket of this machine answered holds as long as the socket is the same; a remote engine is
asked again by whoever takes a lease (`anew`). One that does not answer is the one it was last.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256

from composeports.config import engine_timeout
from composeports.core.engine_identity import EngineIdentity
from composeports.errors import ComposeMissingError, EngineError, StoreError
from composeports.host.endpoint import Endpoint
from composeports.host.engine_failures import engine_failure, silence
from composeports.host.kept import read_own, write_own
from composeports.host.process import Running
from composeports.location import known_things

# Starts `docker` with these arguments.
Start = Callable[..., Running]
INFO = "{{.ID}}\t{{.Name}}\t{{.DockerRootDir}}"
COMPONENTS = "{{range .Server.Components}}{{.Name}}\t{{end}}"
# It gives another id to every question.
PODMAN = "Podman Engine"


def identify(
    environ: Mapping[str, str], endpoint: Endpoint, start: Start, *, anew: bool = False
) -> EngineIdentity:
    """Return which engine is at the endpoint; EngineError where nobody knows.

    `COMPOSEPORTS_ENGINE` is its id where that is set.
    """
    given = environ.get("COMPOSEPORTS_ENGINE", "")
    known = _remembered(environ, endpoint)
    if known is None or known[0] != _mark(endpoint) or (anew and not endpoint.local):
        try:
            known = (_mark(endpoint), *_asked(environ, start, endpoint.address))
            _remember(environ, endpoint, known)
        except (EngineError, ComposeMissingError):
            if known is None and not given:
                raise
    _, identity, name = known or ("", "", "")
    return EngineIdentity(given or identity, name, endpoint.host, local=endpoint.local)


def _asked(environ: Mapping[str, str], start: Start, address: str) -> tuple[str, str]:
    """Return the engine's id and its machine's name, as the engine tells them."""
    running = (start("info", "--format", INFO), start("version", "--format", COMPONENTS))
    info, version = (each.finish() for each in running)
    # Some versions tell in a failed `info` of a failed template, and no more.
    for answer in (version, info):
        if answer.limit:
            raise silence(address, engine_timeout(environ))
        if answer.code:
            raise engine_failure(answer.code, answer.err, address)
    identity, name, folder = (*info.out.strip("\n").split("\t"), "", "")[:3]
    if PODMAN in version.out.split("\t"):
        return f"podman:{name}:{folder}", name
    if not identity:
        raise EngineError(
            "the engine did not tell its id, by which its leases are told from those of others",
            hint="set COMPOSEPORTS_ENGINE to a name of its own for this engine, the same for all "
            "who use it",
        )
    return identity, name


def _mark(endpoint: Endpoint) -> str:
    """Return what changes when the socket of an engine of this machine is made anew."""
    with suppress(OSError):
        found = os.stat(endpoint.socket) if endpoint.socket else None
        return f"{found.st_dev}:{found.st_ino}:{found.st_ctime_ns}" if found else ""
    return "no socket"


def _remembered(environ: Mapping[str, str], endpoint: Endpoint) -> tuple[str, str, str] | None:
    text = read_own(os.path.join(known_things(environ), _name_for(endpoint)))
    try:
        mark, identity, name = map(str, json.loads(text or ""))
    except (ValueError, TypeError):
        return None
    return mark, identity, name


def _remember(environ: Mapping[str, str], endpoint: Endpoint, known: tuple[str, str, str]) -> None:
    with suppress(OSError, StoreError):
        write_own(known_things(environ), _name_for(endpoint), json.dumps(known))


def _name_for(endpoint: Endpoint) -> str:
    digest = sha256(endpoint.address.encode("utf-8", "surrogateescape")).hexdigest()
    return f"engine-{digest[:16]}"
