"""External networks and volumes: replaced by a sibling's, listed, or warned about.

A sibling is another Compose project in the same worktree.
"""

from collections.abc import Collection, Iterator

from composeports.core.compose_project import Network, Service
from composeports.core.plan.change import Change, RuleResult, SharedResource, join
from composeports.core.plan.default_names import used_host_names
from composeports.core.plan.host_facts import SiblingProject
from composeports.core.plan.rules import networks
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.wording import listed, quoted, way_out
from composeports.core.plan.shared_settings import why_network, why_volume

IN_FILE = "the Compose file says it is external"


def external_networks(context: PlanContext) -> RuleResult:
    """Use networks of other projects' sessions in this worktree; list or warn about the rest."""
    parts = [
        _network(network.key, network.name, _users(network, context), context)
        for network in context.project.networks
        if network.external and context.project.is_fixed(network.name)
    ]
    parts += [
        _network("", name, services, context) for name, services in joined_by_mode(context).items()
    ]
    return join(parts)


def external_volumes(context: PlanContext) -> RuleResult:
    """Use volumes of other projects' sessions in this worktree; list or warn about the rest."""
    parts = []
    for volume in context.project.volumes:
        if not volume.external or not context.project.is_fixed(volume.name):
            continue
        why = why_volume(context.settings, volume.key, volume.name)
        sibling = context.host_facts.sibling("volume", volume.name)
        users = [
            service.name
            for service in context.project.services
            if any((mount.kind, mount.source) == ("volume", volume.key) for mount in service.mounts)
        ]
        if why or sibling is None:
            shared = SharedResource("volume", volume.name, why or IN_FILE, acknowledged=bool(why))
            warning = (
                f"volume {volume.name} is external: every session uses the same data "
                f"({listed(users)}); {way_out(f'volume:{volume.name}')}"
            )
            parts.append(
                RuleResult(shared=(shared,), warnings=() if why or not users else (warning,))
            )
        else:
            parts.append(_use_sibling(volume.key, sibling))
    return join(parts)


def is_common(key: str, context: PlanContext) -> bool:
    """Return True if other sessions are on the same network."""
    return any(
        network.key == key
        and network.external
        and context.project.is_fixed(network.name)
        and (
            bool(why_network(context.settings, key, network.name))
            or context.host_facts.sibling("network", network.name) is None
        )
        for network in context.project.networks
    )


def joined_by_mode(context: PlanContext) -> dict[str, list[Service]]:
    """Return the services that join a network of others by `network_mode: NAME`, by its name."""
    created_names = networks.session_names(context)
    services_by_network: dict[str, list[Service]] = {}
    for service in context.project.services:
        name = service.network_by_mode
        if name not in created_names and context.project.is_fixed(name):
            services_by_network.setdefault(name, []).append(service)
    return services_by_network


def _network(
    key: str, name: str, services: Collection[Service], context: PlanContext
) -> RuleResult:
    why = why_network(context.settings, key, name)
    sibling = context.host_facts.sibling("network", name)
    if sibling is not None and not why:
        return _use_sibling(key, sibling) if key else _use_sibling_by_mode(services, sibling)
    conflicts = "; ".join(_name_conflicts(name, context)) if services else ""
    if why:
        reason = f"{why}; {conflicts}" if conflicts else why
        return RuleResult(shared=(SharedResource("network", name, reason),))
    shared = SharedResource(
        "network", name, IN_FILE if key else "network_mode names it", acknowledged=False
    )
    if not services:
        return RuleResult(shared=(shared,))
    hint = f"[isolate] external_networks = [{quoted(name)}] makes it the session's own, "
    effect = conflicts or f"every session has {listed(_names(key, services))} there"
    warning = (
        f"network {name} is external: {effect}; {hint if key else ''}{way_out(f'network:{name}')}"
    )
    return RuleResult(shared=(shared,), warnings=(warning,))


def _name_conflicts(name: str, context: PlanContext) -> Iterator[str]:
    """Yield the host names that also lead to another project's containers, a text per project."""
    own_names = _all_names(context)
    for member in context.host_facts.members.get(name, ()):
        names = sorted(own_names & member.names)
        if names:
            folder = f" ({member.directory})" if member.directory else ""
            yield f"{listed(names)} may lead to {member.project or 'a container'}{folder} as well"


def _all_names(context: PlanContext) -> frozenset[str]:
    """Return every name by which the services of the file may be called, or are called in it.

    A service on a shared network looks up all of these names there, even if its own stack has the
    named service on another network.
    """
    names: set[str] = set()
    for service in context.project.services:
        names |= {service.name, service.container_name, service.hostname}
        names |= {alias for attachment in service.networks for alias in attachment.aliases}
    names |= used_host_names(context.project, context.host_facts.plain_projects).keys()
    return frozenset(names - {""})


def _names(key: str, services: Collection[Service]) -> list[str]:
    """Return the host names of the services on one network."""
    names: dict[str, None] = {}
    for service in services:
        names[service.name] = None
        for attachment in service.networks:
            if attachment.network == key:
                names |= dict.fromkeys(attachment.aliases)
    return list(names)


def _users(network: Network, context: PlanContext) -> list[Service]:
    return [
        service
        for service in context.project.services
        if any(attachment.network == network.key for attachment in service.networks)
    ]


def _use_sibling(key: str, sibling: SiblingProject) -> RuleResult:
    """Return the result that replaces a network or volume by that of the sibling's session."""
    warnings = tuple(_if_down(sibling))
    before, after = sibling.name, sibling.own_name
    if before == after:
        return RuleResult(warnings=warnings)
    why, section = _why_led(sibling), f"{sibling.kind}s"
    if sibling.kind == "volume":
        change = Change("volume", f"volumes.{key}.name", before, after, why)
    else:
        change = Change("network", f"networks.{key}.name", before, after, why)
    return RuleResult((change,), {section: {key: {"name": after}}}, warnings=warnings)


def _use_sibling_by_mode(services: Collection[Service], sibling: SiblingProject) -> RuleResult:
    """Return the result that replaces `network_mode: NAME` by the sibling session's network."""
    warnings = tuple(_if_down(sibling))
    before, after = sibling.name, sibling.own_name
    if before == after:
        return RuleResult(warnings=warnings)
    why = _why_led(sibling)
    changes = tuple(
        Change("network", "network_mode", before, after, why, service.name) for service in services
    )
    override = {"services": {service.name: {"network_mode": after} for service in services}}
    return RuleResult(changes, override, warnings=warnings)


def _why_led(sibling: SiblingProject) -> str:
    return f"the stack in {sibling.directory} has it, by its session in this worktree"


def _if_down(sibling: SiblingProject) -> Iterator[str]:
    if sibling.is_up:
        return
    hint = way_out(f"{sibling.kind}:{sibling.name}")
    yield (
        f"{sibling.kind} {sibling.name} is of the stack in {sibling.directory}, which is not up in "
        f"this worktree: run `composeports up` there first; {hint}"
    )
