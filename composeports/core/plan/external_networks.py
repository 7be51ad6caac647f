"""External networks that the settings replace by networks of the session."""

from composeports.core.compose_project import Network, Project
from composeports.core.plan.shared_settings import is_named
from composeports.core.settings import Settings


def with_own_networks(project: Project, settings: Settings) -> Project:
    """Return the project with external networks marked as its own if the settings choose them.

    They are no longer external, so Compose creates them for the session.
    """
    if not settings.external_networks:
        return project
    networks = tuple(
        network._replace(external=False, made_own=True)
        if _is_chosen(network, settings)
        else network
        for network in project.networks
    )
    return project._replace(networks=networks)


def _is_chosen(network: Network, settings: Settings) -> bool:
    setting = settings.external_networks
    if not network.external or is_named(settings, "network", network.key, network.name):
        return False
    return setting is True or (
        isinstance(setting, tuple) and bool({network.key, network.name} & {*setting})
    )
