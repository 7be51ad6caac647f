"""What the settings declare as shared: the entries of `shared`, and `[isolate]`."""

from composeports.core.folders import is_within
from composeports.core.settings import Settings

IN_SETTINGS = "`shared` in the settings names it"
IN_LINK = "`link` in the settings names it, and it is mounted read-only"


def is_named(settings: Settings, kind: str, *names: str) -> bool:
    """Return True if `shared` has one of the names, as `KIND:NAME`."""
    return any(f"{kind}:{name}" in settings.shared for name in names if name)


def is_label_named(settings: Settings, label: str) -> bool:
    """Return True if `shared` has the label or one of its parents, such as `label:traefik`."""
    labels = (entry.removeprefix("label:") for entry in settings.shared if entry[:6] == "label:")
    return any(label == name or label.startswith(f"{name}.") for name in labels)


def is_path_named(settings: Settings, *paths: str) -> bool:
    """Return True if `shared` has one of the paths or a folder that contains it."""
    return any(is_within(path, entry) for entry in settings.shared for path in paths)


def why_network(settings: Settings, key: str, name: str) -> str:
    """Return the setting that makes an external network shared; empty if there is none."""
    if is_named(settings, "network", key, name):
        return IN_SETTINGS
    if settings.external_networks is False:
        return "[isolate] external_networks = false"
    return "" if settings.isolate_networks else "[isolate] networks = false"


def why_volume(settings: Settings, key: str, name: str) -> str:
    """Return the setting that makes an external volume shared; empty if there is none."""
    if is_named(settings, "volume", key, name):
        return IN_SETTINGS
    return "" if settings.isolate_volumes else "[isolate] volumes = false"
