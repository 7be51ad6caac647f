"""Values of variables that name an image, a network, a volume or a container."""

import re
from collections.abc import Iterator, Mapping

from composeports.core.plan.image_names import full_name
from composeports.core.plan.rules import containers, images, networks, volumes
from composeports.core.plan.rules.context import PlanContext

# For each kind of change, a pattern for the names of variables with such a value.
KINDS = {
    "image": re.compile(r"IMAGE|(^|_)(IMG|BASE|FROM|PARENT|BUILDER)(_|$)"),
    "network": re.compile(r"NETWORK|(^|_)NET(_|$)"),
    "volume": re.compile(r"VOLUME|(^|_)VOL(_|$)"),
    "container_name": re.compile(r"CONTAINER"),
}
# Variables with these words in their names hold names of other things, maybe the same text.
OTHER_THINGS = frozenset(
    {"HOST", "HOSTNAME", "URL", "URI", "ADDR", "ADDRESS", "DSN", "SERVER", "DOMAIN", "USER"}
    | {"USERNAME", "PASSWORD", "PASS", "SECRET", "TOKEN", "KEY", "DB", "DATABASE", "SCHEMA"}
    | {"BUCKET", "TOPIC", "QUEUE", "PREFIX", "REALM", "CLIENT", "TITLE", "APP", "SERVICE"}
    | {"PROJECT", "ENV", "LABEL", "TAG", "NAMESPACE", "CLUSTER", "NODE", "INSTANCE", "JOB"}
    | {"GROUP", "NAME", "TARGET", "STAGE", "MODE", "REPO", "REPOSITORY"}
)
# A single word is ambiguous: `postgres` is a container, a user and a database.
_DISTINCTIVE = re.compile(r"[-_./:]")
_SEPARATOR = re.compile(r"([\s,;]+)")

NewNames = Mapping[str, Mapping[str, str]]


def new_names(context: PlanContext) -> NewNames:
    """Return all names that change, old to new, by kind; images by their full names."""
    return {
        "image": images.new_names(context),
        "network": {
            network.name: after
            for network in context.project.networks
            if (after := networks.new_name(network, context)) != network.name
        },
        "volume": {
            volume.name: after
            for volume in context.project.volumes
            if (after := volumes.name_of(volume, context)) != volume.name
        },
        "container_name": containers.new_names(context),
    }


def renamed(name: str, text: str, names: NewNames, *, builds: bool = False) -> tuple[str, str]:
    """Return (value, kind): the value of variable `name` with the names in it replaced.

    The value is one name, or a list of names if the variable's name says the kind. A build argument
    (`builds`) may name an image by a single word. If nothing is replaced, the value is unchanged
    and the kind is empty.
    """
    if not any(names.values()):
        return text, ""
    hinted_kinds = [kind for kind, hint in KINDS.items() if hint.search(name.upper())]
    for kind in hinted_kinds:
        after = "".join(new_name(kind, part, names) or part for part in _SEPARATOR.split(text))
        if after != text:
            return after, kind
    if not hinted_kinds and not _is_of_other_things(name):
        for kind in KINDS if _DISTINCTIVE.search(text) else ("image",) if builds else ():
            after = new_name(kind, text, names)
            if after:
                return after, kind
    return text, ""


def new_name(kind: str, name: str, names: NewNames) -> str:
    """Return the new name of a resource; empty if it has none."""
    if not name or _SEPARATOR.search(name):
        return ""
    return names[kind].get(full_name(name) if kind == "image" else name, "")


def unchanged(text: str, names: NewNames) -> Iterator[tuple[str, str]]:
    """Yield (kind, new name) of each resource whose old name is the text."""
    if _DISTINCTIVE.search(text):
        yield from ((kind, after) for kind in KINDS if (after := new_name(kind, text, names)))


def _is_of_other_things(name: str) -> bool:
    return not OTHER_THINGS.isdisjoint(re.split(r"[^A-Z0-9]+", name.upper()))
