"""Return the values for shell completion: services, sessions and seed sources.

The functions are fast and need no engine.
"""

from collections.abc import Mapping

from composeports.config import Config
from composeports.docker.config_cache import remembered_services
from composeports.docker.engine import Engine
from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from composeports.stores.open import open_store
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.session import Session

# `config --services` needs a project name; its output is the same for every name.
ANY = "any"


def services(environ: Mapping[str, str], cwd: str, options: Options) -> list[str]:
    """Return the service names of the Compose files in `cwd`, sorted; empty if there are no files.

    The names come from the config cache that an earlier `up` wrote, otherwise from Compose.
    """
    context = Context(environ, cwd, Config(), MemoryStore(), Engine(environ))
    session = Session(context, options)
    names = remembered_services(session.config_cache.text)
    if names is None:
        if not session.selection.files:
            return []
        names = session.compose.start_config(ANY, "--services").finish().out.split()
    return sorted(names)


def sessions(environ: Mapping[str, str]) -> list[str]:
    """Return the ids of all sessions that hold a lease, sorted."""
    return sorted(lease.session_id for lease in _store(environ).held())


def seeds(environ: Mapping[str, str]) -> list[str]:
    """Return the values for `--seed-from`: `main`, then branches and projects of held leases."""
    leases = _store(environ).held()
    branches = {lease.place.branch for lease in leases} - {""}
    return ["main", *sorted(branches - {"main"}), *sorted(lease.project for lease in leases)]


def _store(environ: Mapping[str, str]) -> Store:
    return open_store(Config.from_env(environ).store, Engine(environ))
