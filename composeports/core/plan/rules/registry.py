"""The rules of the plan, in the order in which the plan shows them.

Every rule has a description in scripts/docskit/rule_texts.py, from which docs/plan.md is generated.
"""

from collections.abc import Callable

from composeports.core.plan.change import RuleResult
from composeports.core.plan.rules import (
    addresses,
    after_up,
    base_images,
    build_networks,
    commands,
    containers,
    environment,
    external_resources,
    folders,
    host_ports,
    images,
    kept_variables,
    labels,
    log_drivers,
    missing_files,
    mounted_files,
    networks,
    ports,
    remote_engine,
    reverse_proxies,
    scripts,
    unsupported,
    volumes,
)
from composeports.core.plan.rules.context import PlanContext

Rule = Callable[[PlanContext], RuleResult]
RULES: tuple[Rule, ...] = (
    ports.variables,
    kept_variables.kept_variables,
    ports.published_ports,
    containers.container_names,
    containers.default_host_names,
    containers.container_references,
    scripts.script_calls,
    images.built_images,
    base_images.base_images,
    images.images_of_scripts,
    environment.values,
    environment.config_contents,
    mounted_files.addresses_in_files,
    commands.commands,
    volumes.named_volumes,
    volumes.seeded_volumes,
    networks.named_networks,
    networks.network_modes,
    external_resources.external_networks,
    external_resources.external_volumes,
    build_networks.build_networks,
    networks.network_labels,
    labels.marks,
    volumes.volumes_of_other_stores,
    addresses.subnets,
    addresses.repeated_addresses,
    log_drivers.log_addresses,
    unsupported.limits,
    host_ports.ports_of_others,
    host_ports.unknown_forms,
    folders.folders,
    folders.git_inside,
    reverse_proxies.proxy_names,
    remote_engine.remote,
    missing_files.missing_files,
    after_up.commands_after_up,
)
