"""Logs go to the session's collector: the engine connects to the published port."""

import pytest

from composeports.core.settings import Settings
from tests.support.planning import plan_of

COLLECTOR = {"ports": [{"published": "24224", "target": 24224}, {"published": "80", "target": 80}]}


def logging(driver: str, **options: str) -> dict[str, object]:
    named = {name.replace("_", "-"): value for name, value in options.items()}
    return {"logging": {"driver": driver, "options": named}}


@pytest.mark.parametrize(
    ("service", "option", "after"),
    [
        (logging("fluentd", fluentd_address="localhost:24224"), "fluentd-address", "localhost"),
        (logging("fluentd", fluentd_address="tcp://0.0.0.0:24224"), "fluentd-address", "tcp"),
        (logging("fluentd", tag="x"), "fluentd-address", "localhost:"),
        (logging("fluentd"), "fluentd-address", "localhost:"),
        (logging("syslog", syslog_address="tcp://127.0.0.1:24224"), "syslog-address", "tcp://127"),
        (logging("gelf", gelf_address="udp://localhost:24224"), "gelf-address", "udp://"),
        (
            logging("loki", loki_url="http://host.docker.internal:24224/loki/api/v1/push"),
            "loki-url",
            "http://host.docker.internal:",
        ),
        (logging("splunk", splunk_url="http://localhost/x"), "splunk-url", "http://localhost:"),
    ],
)
def test_the_address_of_a_published_port_follows_it(
    service: dict[str, object], option: str, after: str
) -> None:
    made = plan_of({"services": {"app": service, "collector": COLLECTOR}})
    ports = {each.split(":")[-1] for each in map(str, made.plan.ports.values())}
    new = made.override("services", "app", "logging", "options", option)
    assert isinstance(new, str)
    assert new.startswith(after)
    assert any(port in new for port in ports)
    assert made.override("services", "app", "logging", "driver") == service["logging"]["driver"]  # type: ignore[index]
    ((who, where, _, to),) = made.changes("url")
    assert (who, where, to) == ("app", f"logging.options.{option}", new)


@pytest.mark.parametrize(
    "service",
    [
        {},
        logging("json-file", max_size="10m"),
        logging("fluentd", fluentd_address="logs.example:24224"),
        logging("syslog", syslog_address="tcp://127.0.0.1:514"),
        logging("syslog", syslog_address="unixgram:///dev/log"),
        logging("gelf", gelf_address="udp://localhost"),
    ],
)
def test_other_options_stay(service: dict[str, object]) -> None:
    made = plan_of({"services": {"app": service, "collector": COLLECTOR}})
    assert made.changes("url") == []
    assert made.override("services", "app", "logging") is None


def test_an_address_that_the_settings_keep_stays() -> None:
    services = {"app": logging("fluentd"), "collector": COLLECTOR}
    kept = Settings(keep_urls=("app.fluentd-address",))
    assert plan_of({"services": services}, settings=kept).changes("url") == []
