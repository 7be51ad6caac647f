"""Addresses of log collectors; the engine, not the container, connects to them."""

from composeports.core.plan.change import Change, Node, RuleResult, merge
from composeports.core.plan.local_urls import renumbered_for_engine
from composeports.core.plan.rules.context import PlanContext
from composeports.core.plan.rules.environment import is_kept

# Used if the option is missing: https://docs.docker.com/engine/logging/drivers/fluentd/
DEFAULTS = {"fluentd": {"fluentd-address": "localhost:24224"}}
WHY = "the engine sends the logs to a port that has moved"


def log_addresses(context: PlanContext) -> RuleResult:
    """Change the address of a published port in logging options to the session's port."""
    changes: list[Change] = []
    nodes: list[Node] = []
    for service in context.project.services:
        ports = context.new_ports_of(service)
        options = {**DEFAULTS.get(service.log_driver, {}), **service.log_options}
        new_options: dict[str, str] = {}
        for name, text in options.items():
            after = renumbered_for_engine(text, ports.get)
            if after != text and not is_kept(service.name, name, text, context.settings.keep_urls):
                new_options[name] = after
                where = f"logging.options.{name}"
                changes.append(Change("url", where, text, after, WHY, service.name))
        if new_options:
            logging = {"driver": service.log_driver, "options": new_options}
            nodes.append({"services": {service.name: {"logging": logging}}})
    return RuleResult(tuple(changes), merge(nodes))
