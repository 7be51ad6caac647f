"""Return the values for shell completion: options, services, profiles, ports, sessions.

The functions are fast and need no engine. A question to Compose has a time limit.
"""

from collections.abc import Mapping

from composeports.config import Config
from composeports.core.compose_help import ComposeOption, parse_options
from composeports.core.port_keys import parse_port_key, port_order
from composeports.core.session_name import name_of
from composeports.docker.compose_cli import EVERY_PROFILE, LIMITS, without_engine
from composeports.docker.compose_help import read_help
from composeports.docker.config_cache import remembered_services
from composeports.docker.engine import Engine
from composeports.host.process import start
from composeports.stores.base import Store
from composeports.stores.memory import MemoryStore
from composeports.stores.open import open_store
from composeports.usecases.context import Context
from composeports.usecases.options import Options
from composeports.usecases.session import Session

# `config --services` needs a project name; its output is the same for every name.
ANY = "any"
# Limits of a question to Compose: a shell waits for the answer.
TAB = LIMITS._replace(seconds=2)


def services(environ: Mapping[str, str], cwd: str, options: Options) -> list[str]:
    """Return the service names of the Compose files in `cwd`, sorted; empty if there are no files.

    The names come from the config cache that an earlier `up` wrote, otherwise from Compose.
    """
    context = Context(environ, cwd, Config(), MemoryStore(), Engine(environ))
    return services_of(Session(context, options))


def services_of(session: Session) -> list[str]:
    """Return the service names of the session's Compose files, as `services` does."""
    names = remembered_services(session.config_cache.text)
    if names is None:
        if not session.selection.files:
            return []
        names = _ask_config(session, "--services")
    return sorted(names)


def profiles(environ: Mapping[str, str], cwd: str, options: Options) -> list[str]:
    """Return the profiles of the Compose files in `cwd`, sorted; empty if there are no files."""
    context = Context(environ, cwd, Config(), MemoryStore(), Engine(environ))
    session = Session(context, options)
    return sorted(_ask_config(session, "--profiles")) if session.selection.files else []


def _ask_config(session: Session, flag: str) -> list[str]:
    """Return the words that `docker compose config FLAG` prints; none if it takes too long."""
    argv = session.compose.argv(ANY, *EVERY_PROFILE, "config", flag)
    return (
        start(without_engine(argv, session.environ), session.environ, limits=TAB)
        .finish()
        .out.split()
    )


def ports(environ: Mapping[str, str], cwd: str, options: Options, service: str) -> list[str]:
    """Return the container ports of a service of the session's last plan, in their order.

    They are `80` for TCP, `53/udp` for other protocols; empty without a lease.
    """
    config = Config.from_env(environ)
    engine = Engine(environ)
    session = Session(
        Context(environ, cwd, config, open_store(config.store, engine), engine), options
    )
    record = session.record()
    keys = sorted(record.ports, key=port_order) if record is not None and record.held else []
    found = [parse_port_key(key) for key in keys]
    return list(
        dict.fromkeys(
            key.target if key.protocol == "tcp" else f"{key.target}/{key.protocol}"
            for key in found
            if key.service == service
        )
    )


def compose_options(environ: Mapping[str, str], command: str) -> tuple[ComposeOption, ...]:
    """Return the options of a Compose command; empty if Compose does not say them in time."""
    return parse_options(read_help(environ, command, TAB))


def short_options(environ: Mapping[str, str], command: str) -> frozenset[str]:
    """Return the short options of a Compose command; `-f`, `-p` and `-q` if they are unknown."""
    options = compose_options(environ, command)
    names = (name for option in options for name in option.names if not name.startswith("--"))
    return frozenset(names) if options else frozenset({"-f", "-p", "-q"})


def sessions(environ: Mapping[str, str]) -> list[str]:
    """Return the ids of all sessions that hold a lease, sorted."""
    return sorted(lease.session_id for lease in _store(environ).held())


def session_names(environ: Mapping[str, str]) -> list[str]:
    """Return the readable names of all sessions that hold a lease, sorted."""
    return sorted(name_of(lease) for lease in _store(environ).held())


def seeds(environ: Mapping[str, str]) -> list[str]:
    """Return the values for `--seed-from`: `main`, then branches and projects of held leases."""
    leases = _store(environ).held()
    branches = {lease.place.branch for lease in leases} - {""}
    return ["main", *sorted(branches - {"main"}), *sorted(lease.project for lease in leases)]


def _store(environ: Mapping[str, str]) -> Store:
    return open_store(Config.from_env(environ).store, Engine(environ))
