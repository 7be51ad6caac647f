"""Labels and variables that give a reverse proxy the host names and routers of a container."""

import re
from collections.abc import Iterator

from composeports.core.compose_project import Service
from composeports.core.plan.change import RuleResult, SharedResource
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.external_resources import is_common, joined_by_mode
from composeports.core.plan.rules.unsupported import is_engine_socket
from composeports.core.plan.rules.wording import listed, way_out
from composeports.core.plan.shared_settings import IN_SETTINGS, is_label_named, is_named

# Patterns, which are compiled at their first use, because few files have a reverse proxy.
# All containers with this name share one router or service (Traefik 2 and newer).
_NAMED = r"(?i)(traefik\.(?:http|tcp|udp)\.(?:routers|services)\.([^.]+))\.(.+)"
# The rule of a frontend in Traefik 1 and of a router in Traefik 2.
_RULE = r"(?i)traefik\.(?:[^.]+\.)?frontend\.rule|traefik\.(?:http|tcp)\.routers\..+\.rule"
# caddy-docker-proxy: the addresses of a site; the value `(name)` defines a snippet.
_CADDY = r"caddy(?:_\d+)?(?:\.address)?"
# Variables of nginx-proxy and its companions.
VARIABLES = ("VIRTUAL_HOST", "VIRTUAL_HOST_MULTIPORTS", "LETSENCRYPT_HOST")
WAY_OUT = "put ${COMPOSE_PROJECT_NAME} into each"
IN_KEY = " (in the list form of `labels`, because Compose replaces no variables in keys)"


def proxy_names(context: PlanContext) -> RuleResult:
    """Warn about routers and host names for a reverse proxy that are the same in every session."""
    warnings: list[str] = []
    shared: list[SharedResource] = []
    has_socket = any(
        is_engine_socket(mount, context)
        for service in context.project.services
        if not _sees_its_stack_alone(service, context)
        for mount in service.mounts
    )
    for service in context.project.services:
        if not has_socket and not _is_on_common_network(service, context):
            continue
        labels = dict(_labels(service, context))
        variables = {
            name: f"{name}={service.environment[name]}"
            for name in VARIABLES
            if context.project.is_fixed(service.environment.get(name, ""))
        }
        entries = {}
        for kind, mapping in (("label", labels), ("variable", variables)):
            for name, text in mapping.items():
                if _is_acknowledged(kind, name, context):
                    shared.append(SharedResource(kind, name, IN_SETTINGS))
                else:
                    entries[f"{kind}:{name}"] = text
        if entries:
            is_in_key = any("$" in entry for entry in entries)
            warnings.append(
                f"service {service.name} has the same names for a reverse proxy in every session, "
                f"which then takes all of them for one: {listed(entries.values())}; {WAY_OUT}"
                f"{IN_KEY if is_in_key else ''}, or "
                f"{way_out(*_entries(entries))}"
            )
    return RuleResult(shared=tuple(shared), warnings=tuple(warnings))


def _sees_its_stack_alone(service: Service, context: PlanContext) -> bool:
    """Return True if the service is a Traefik with a constraint that has the project's name."""
    texts = (*service.command, *service.environment.values())
    return any("Label" in text and not context.project.is_fixed(text) for text in texts if text)


def _entries(told: dict[str, str]) -> list[str]:
    """Return as few entries of `shared` as possible that declare all of this as shared."""
    entries = {
        entry.partition(".")[0] if entry.startswith("label:traefik") else entry for entry in told
    }
    return sorted(entries)


def _is_acknowledged(kind: str, name: str, context: PlanContext) -> bool:
    if kind == "label":
        return is_label_named(context.settings, name)
    return is_named(context.settings, kind, name)


def _is_on_common_network(service: Service, context: PlanContext) -> bool:
    if service.network_mode == "host":
        return True
    if service.network_by_mode:
        return any(service in users for users in joined_by_mode(context).values())
    return any(is_common(attachment.network, context) for attachment in service.networks)


def _labels(service: Service, context: PlanContext) -> Iterator[tuple[str, str]]:
    """Yield (label, fixed part of it) for labels that are the same in every session.

    All labels of a router or service of Traefik give the same pair.
    """
    for label, value in service.labels.items():
        match = re.fullmatch(_NAMED, label)
        if match and context.project.is_fixed(match[2]):
            yield match[1], match[1].removeprefix("traefik.")
        if re.fullmatch(_RULE, label) and context.project.is_fixed(value):
            yield label, value
        if (
            re.fullmatch(_CADDY, label)
            and not value.startswith("(")
            and context.project.is_fixed(value)
        ):
            yield label, f"{label}: {value}"
