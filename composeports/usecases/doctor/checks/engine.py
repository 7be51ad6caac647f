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
    findings = tuple(
        Finding(ERROR, problem.message, "no command works with it", problem.hint)
        for problem in facts.settings
    )
    return CheckResult("settings", "accepted" if not findings else "not accepted", findings)


def check_engine(facts: Facts) -> CheckResult:
    """Report which engine answers, or why none does."""
    engine = facts.engine
    context = f" (context {engine.context})" if engine.context else ""
    address = f" at {engine.host}" if engine.host else ""
    if engine.trouble is None:
        summary = f"{engine_name(engine)}{address}{context}"
        if engine.reached:
            summary += f", answers in {engine.milliseconds} ms; its ports are at {engine.reached}"
        warnings = () if engine.secured else (_unsecured(engine),)
        return CheckResult("engine", summary, (*warnings, *engine_findings(engine, facts.compose)))
    effect = f"nothing can be started{address and f'; docker talks to {engine.host}{context}'}"
    hint = way_in(engine) or engine.trouble.hint
    finding = Finding(ERROR, engine.trouble.message, effect, hint)
    return CheckResult("engine", "does not answer", (finding,))


def _unsecured(engine: EngineFacts) -> Finding:
    return Finding(
        WARNING,
        f"docker talks to {engine.host} without TLS",
        "anyone who reaches that port is root on the engine's machine, and can read what you send",
        "let the engine ask for certificates (dockerd --tlsverify), or use ssh://",
    )


def check_compose(facts: Facts) -> CheckResult:
    """Report if Compose is too old, or if images are built and buildx is missing."""
    compose = facts.compose
    findings = []
    if compose.trouble is not None:
        effect = "the override document of a session needs it"
        findings.append(Finding(ERROR, compose.trouble.message, effect, compose.trouble.hint))
    if compose.builds and not compose.buildx and facts.engine.product != PODMAN:
        findings.append(
            Finding(
                WARNING,
                "the buildx plugin is missing, and the Compose file here builds images",
                "newer versions of Compose build with it alone",
                "install Docker's buildx plugin",
            )
        )
    summary = f"Compose {compose.version}" if compose.version else "not usable"
    return CheckResult("compose", summary, tuple(findings))
