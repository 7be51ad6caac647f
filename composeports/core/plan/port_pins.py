"""Pins: published ports that get a chosen host port instead of one of the block."""

from collections.abc import Iterable

from composeports.core.compose_project import Project, PublishedPort
from composeports.core.plan.port_layout import PortEntry, entries_of
from composeports.core.plan.variable_effects import VariableEffects
from composeports.core.port_keys import port_key
from composeports.core.settings import Settings
from composeports.errors import ConfigError


def pins_of(
    project: Project, effects: VariableEffects, settings: Settings, *, default_ports: bool = False
) -> dict[str, int]:
    """Return the host port of every pinned published port, by key.

    With `default_ports`, every port is pinned to its number in the file; a range that the engine
    chooses from still gets a port of the block. Pins in the settings have priority. Raise
    ConfigError if the settings pin a port that the file does not have.
    """
    known_keys = {port_key(port.service, port.target, port.protocol) for port in _listed(project)}
    for key in settings.pins:
        if key not in known_keys:
            raise _unknown(key, known_keys)
    entries = entries_of(project, effects, settings.pins)
    return {**(_numbers(entries) if default_ports else {}), **settings.pins}


def _listed(project: Project) -> Iterable[PublishedPort]:
    return (port for service in project.services for port in service.ports)


def _numbers(entries: Iterable[PortEntry]) -> dict[str, int]:
    return {entry.key: entry.port.number for entry in entries if entry.port.number is not None}


def _unknown(key: str, known: Iterable[str]) -> ConfigError:
    from difflib import get_close_matches  # noqa: PLC0415 - only for an error

    matches = get_close_matches(key, list(known), 1, cutoff=0)
    suggestion = f"did you mean {matches[0]!r}?" if matches else "the Compose file lists no ports"
    return ConfigError(
        f"pin: {key!r} is no port that the Compose file lists",
        hint=f"{suggestion} Known: {', '.join(sorted(known)) or 'none'}",
        setting="pin",
    )
