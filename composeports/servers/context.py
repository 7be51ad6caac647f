"""The doors of a server: settings from its environment, the store, the engine; no session."""

import os
import sys
from collections.abc import Mapping

from composeports.config import Config
from composeports.docker.context import find_endpoint
from composeports.docker.engine import Engine
from composeports.host.wrapper import unwrapped
from composeports.stores.open import open_store
from composeports.usecases.session import Context
from composeports.usecases.session_lookup import NOWHERE


def warn(text: str) -> None:
    """Write a line to stderr, a server's only voice; control characters become escapes."""
    shown = "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )
    sys.stderr.write(f"{shown}\n")
    sys.stderr.flush()


def _settled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the context that is in use; who chooses another means shells."""
    environ = unwrapped(environ)
    if environ.get("DOCKER_HOST") or environ.get("DOCKER_CONTEXT"):
        return environ
    return {**environ, "DOCKER_CONTEXT": find_endpoint(environ).context}


def open_context(environ: Mapping[str, str] | None = None) -> Context:
    """Return doors that many threads may use; ConfigError for a setting that is not accepted.

    Whoever opens them closes `doors.store` in the end.
    """
    environ = _settled(os.environ if environ is None else environ)
    config = Config.from_env(environ)
    engine = Engine(environ)
    store = open_store(config.store, engine, waiting=warn)
    return Context(environ, NOWHERE, config, store, engine, say=warn)
