"""Checks of the settings, the engine and Compose; `up` needs all three."""

from composeports.usecases.doctor.checks.other_engines import (
    PODMAN,
    engine_findings,
    engine_name,
    way_in,
)
from composeports.usecases.doctor.facts import EngineFacts, Facts
from composeports.usecases.doctor.findings import ERROR, WARNING, CheckResult, Finding

NO_ENGINE = "not checked, since the engine does not answer"


def check_settings(facts: Facts) -> CheckResult:
    """Report settings of the environment and the settings file that are not accepted."""
    found = tuple(
        Finding(ERROR, each.message, "no command works with it", each.hint)
        for each in facts.settings
    )
    return CheckResult("settings", "accepted" if not found else "not accepted", found)


def check_engine(facts: Facts) -> CheckResult:
    """Report which engine answers, or why none does."""
    engine = facts.engine
    where = f" (context {engine.context})" if engine.context else ""
    place = f" at {engine.host}" if engine.host else ""
    if engine.trouble is None:
        said = f"{engine_name(engine)}{place}{where}"
        if engine.reached:
            said += f", answers in {engine.milliseconds} ms; its ports are at {engine.reached}"
        secured = () if engine.secured else (_unsecured(engine),)
        return CheckResult("engine", said, (*secured, *engine_findings(engine, facts.compose)))
    why = f"nothing can be started{place and f'; docker talks to {engine.host}{where}'}"
    hint = way_in(engine) or engine.trouble.hint
    found = Finding(ERROR, engine.trouble.message, why, hint)
    return CheckResult("engine", "does not answer", (found,))


def _unsecured(engine: EngineFacts) -> Finding:
    return Finding(
        WARNING,
        f"docker talks to {engine.host} without TLS",
        "whoever reaches that port is root on the engine's machine, and can read what you send",
        "let the engine ask for certificates (dockerd --tlsverify), or use ssh://",
    )


def check_compose(facts: Facts) -> CheckResult:
    """Report if Compose is too old, or if images are built and buildx is missing."""
    compose = facts.compose
    found = []
    if compose.trouble is not None:
        why = "the override document of a session needs it"
        found.append(Finding(ERROR, compose.trouble.message, why, compose.trouble.hint))
    if compose.builds and not compose.buildx and facts.engine.product != PODMAN:
        found.append(
            Finding(
                WARNING,
                "the buildx plugin is missing, and the Compose file here builds images",
                "newer versions of Compose build with it alone",
                "install Docker's buildx plugin",
            )
        )
    said = f"Compose {compose.version}" if compose.version else "not usable"
    return CheckResult("compose", said, tuple(found))
