"""Names for a shell's completion: services and sessions; quick, and without an engine."""

from collections.abc import Mapping

from composeports.config import Config
from composeports.docker.config_cache import remembered_services
from composeports.docker.engine import Engine
from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from composeports.stores.open import open_store
from composeports.usecases.options import Options
from composeports.usecases.session import Context, Session

# Any name will do for a question that no project is in.
ANY = "any"


def services(environ: Mapping[str, str], cwd: str, options: Options) -> list[str]:
    """Return the services of the Compose files here, as the last `up` saw them, or Compose does."""
    context = Context(environ, cwd, Config(), MemoryStore(), Engine(environ))
    here = Session(context, options)
    known = remembered_services(here.config_cache.text)
    if known is None:
        if not here.selection.files:
            return []
        known = here.compose.start_config(ANY, "--services").finish().out.split()
    return sorted(known)


def sessions(environ: Mapping[str, str]) -> list[str]:
    """Return the ids of all sessions that hold a lease."""
    return sorted(lease.session_id for lease in _store(environ).held())


def seeds(environ: Mapping[str, str]) -> list[str]:
    """Return what names another session's stack: `main`, branches, projects."""
    held = _store(environ).held()
    branches = {lease.place.branch for lease in held} - {""}
    return ["main", *sorted(branches - {"main"}), *sorted(lease.project for lease in held)]


def _store(environ: Mapping[str, str]) -> Store:
    return open_store(Config.from_env(environ).store, Engine(environ))
