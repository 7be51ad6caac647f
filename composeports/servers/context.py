"""Opens the Context of a server: settings from its environment, store and engine; no session."""

import os
import sys
from collections.abc import Mapping

from composeports.config import Config
from composeports.docker.context import find_endpoint
from composeports.docker.engine import Engine
from composeports.host.wrapper import unwrapped
from composeports.stores.open import open_store
from composeports.usecases.context import Context
from composeports.usecases.session_lookup import NOWHERE


def warn(text: str) -> None:
    """Write a line to stderr, the only place for a server's messages; escape control characters."""
    safe_text = "".join(
        char if char.isprintable() or char == "\n" else ascii(char)[1:-1] for char in text
    )
    sys.stderr.write(f"{safe_text}\n")
    sys.stderr.flush()


def _settled(environ: Mapping[str, str]) -> dict[str, str]:
    """Return `environ` without composeports' docker wrapper and with a fixed Docker context.

    The context is the one in use now, unless DOCKER_HOST or DOCKER_CONTEXT is set. A later
    `docker context use` is meant for shells and does not change the server's engine.
    """
    environ = unwrapped(environ)
    if environ.get("DOCKER_HOST") or environ.get("DOCKER_CONTEXT"):
        return environ
    return {**environ, "DOCKER_CONTEXT": find_endpoint(environ).context}


def refreshed(context: Context) -> Context:
    """Return the context with the blocks and subnets of the settings as they are now.

    The user may have changed the machine's settings since the server began, as a hint says. Store
    and engine stay. ConfigError if a setting is invalid now.
    """
    if context.read_config is None:
        return context
    config = context.read_config()
    return context._replace(
        config=context.config._replace(
            port_allocator=config.port_allocator, subnet_pool=config.subnet_pool
        )
    )


def open_context(environ: Mapping[str, str] | None = None) -> Context:
    """Return a Context that many threads may use; ConfigError if a setting is invalid.

    The caller must close `context.store` in the end.
    """
    environ = _settled(os.environ if environ is None else environ)
    config = Config.from_env(environ)
    engine = Engine(environ)
    store = open_store(config.store, engine, waiting=warn)
    return Context(
        environ,
        NOWHERE,
        config,
        store,
        engine,
        report=warn,
        read_config=lambda: Config.from_env(environ),
    )
