"""The text of a config cache entry: the effects of the variables, their values, the services."""

import json
from collections.abc import Mapping

from composeports.core.compose_project import is_port
from composeports.core.plan.port_candidates import FIXED_VARIABLES
from composeports.core.plan.variable_effects import PortField, VariableEffects
from composeports.core.protected_names import is_protected


def read_entry(memory: str | None, key: str) -> tuple[VariableEffects, dict[str, str]] | None:
    """Return the cached effects and values if the cache entry has this key, else None."""
    try:
        entry = json.loads(memory or "")
        if entry["key"] != key:
            return None
        port_fields = {
            str(name): tuple(
                PortField(str(port_field[0]), int(port_field[1]), str(port_field[2]))
                for port_field in items
            )
            for name, items in entry["slots"].items()
        }
        other_uses = {
            str(name): tuple(tuple(path) for path in items)
            for name, items in entry["elsewhere"].items()
        }
        values = {str(name): "" for name in entry["names"]}
        return VariableEffects(port_fields, other_uses), values | dict(entry["values"])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None


def write_entry(
    key: str, effects: VariableEffects, values: Mapping[str, str], services: list[str]
) -> str:
    """Return the text of a cache entry; `services` are for shell completion."""
    port_fields = {name: list(content) for name, content in effects.port_fields.items()}
    other_uses = {name: list(content) for name, content in effects.other_uses.items()}
    # Only the values that are needed: some of the others are passwords.
    needed_names = {*port_fields, *other_uses, *FIXED_VARIABLES}
    needed_names |= {
        name for name, value in values.items() if is_protected(name) and is_port(value)
    }
    needed_values = {name: value for name, value in values.items() if name in needed_names}
    content = {
        "slots": port_fields,
        "elsewhere": other_uses,
        "values": needed_values,
        "names": sorted(values),
    }
    content["services"] = services
    return json.dumps({"key": key, **content})
