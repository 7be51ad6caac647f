"""Values of variables that name an image, a network, a volume or a container."""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from composeports.core.docker_arguments import SessionNames
from composeports.core.docker_options import CONTAINER, PROJECT
from composeports.core.image_names import full_name
from composeports.core.plan import default_names
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

NamesByKind = Mapping[str, Mapping[str, str]]


class NewNames(NamedTuple):
    """The names that change, old to new, by kind; images by their full names.

    `fixed` are names in the file. `default` are names that plain Compose makes (`shop_data`): a
    value that looks like one may mean something else, so the variable's name has to say the kind.
    `projects` maps the project names of plain Compose to the session's.
    """

    fixed: NamesByKind
    default: NamesByKind
    projects: Mapping[str, str] = {}

    def for_scripts(self) -> SessionNames:
        """Return all names by the kinds that docker commands know."""
        names_by_kind = {
            CONTAINER if kind == "container_name" else kind: {**self.default[kind], **names}
            for kind, names in self.fixed.items()
        }
        return {**names_by_kind, PROJECT: self.projects}

    def of(self, kind: str, name: str, *, is_hinted: bool) -> str:
        """Return the new name of a resource; empty if it has none."""
        if not name or _SEPARATOR.search(name):
            return ""
        key = full_name(name) if kind == "image" else name
        default = self.default[kind].get(key, "") if is_hinted else ""
        return self.fixed[kind].get(key, default)


def new_names(context: PlanContext) -> NewNames:
    """Return all names that change."""
    plain_projects = context.host_facts.plain_projects
    default = {
        "image": images.default_names(context),
        "network": default_names.networks(context.project, plain_projects, context.project_name),
        "volume": default_names.volumes(context.project, plain_projects, context.project_name),
        "container_name": containers.default_names(context),
    }
    projects = dict.fromkeys(plain_projects, context.project_name)
    return NewNames(_fixed_names(context), default, projects)


def _fixed_names(context: PlanContext) -> NamesByKind:
    return {
        "image": images.fixed_names(context),
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
        "container_name": containers.fixed_names(context),
    }


def renamed(name: str, text: str, names: NewNames, *, builds: bool = False) -> tuple[str, str]:
    """Return (value, kind): the value of variable `name` with the names in it replaced.

    The value is one name, or a list of names if the variable's name says the kind. A build argument
    (`builds`) may name an image by a single word. If nothing is replaced, the value is unchanged
    and the kind is empty.
    """
    hinted_kinds = [kind for kind, hint in KINDS.items() if hint.search(name.upper())]
    for kind in hinted_kinds:
        parts = _SEPARATOR.split(text)
        after = "".join(names.of(kind, part, is_hinted=True) or part for part in parts)
        if after != text:
            return after, kind
    if not hinted_kinds and not _is_of_other_things(name):
        for kind in KINDS if _DISTINCTIVE.search(text) else ("image",) if builds else ():
            after = names.of(kind, text, is_hinted=False)
            if after:
                return after, kind
    return text, ""


def unchanged(text: str, names: NewNames) -> Iterator[tuple[str, str]]:
    """Yield (kind, new name) of each resource whose old name is the text."""
    if _DISTINCTIVE.search(text):
        for kind in KINDS:
            after = names.of(kind, text, is_hinted=True)
            if after:
                yield kind, after


def _is_of_other_things(name: str) -> bool:
    return not OTHER_THINGS.isdisjoint(re.split(r"[^A-Z0-9]+", name.upper()))
