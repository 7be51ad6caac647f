"""Measure one unit: plan it in three sessions, get the results from Compose, compare them."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpuskit import addresses, compare, facts, left, published
from corpuskit.programs import PROGRAM, CallError, Programs, document
from corpuskit.reading import Json, mapping, mappings, pairs, text, texts
from corpuskit.units import SESSIONS, Unit, fingerprint, make_checkouts, seen_by_git

EVERY_PROFILE = ("--profile", "*")
SIX = (
    *("AGENT_COORDINATOR_DB_PORT", "AGENT_COORDINATOR_REST_PORT"),
    *("AGENT_COORDINATOR_REALTIME_PORT", "API_PORT", "COMPOSE_PROJECT_NAME", "SUPABASE_URL"),
)


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that is not as it should be: `cause` is its kind, for counting."""

    cause: str
    detail: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.detail}"


@dataclass
class Session:
    """One checkout of the unit, with what was asked there."""

    name: str
    checkout: Path
    options: tuple[str, ...]
    before: dict[str, str]
    plan: Json = field(default_factory=dict)
    merged: Json = field(default_factory=dict)

    @property
    def project(self) -> str:
        """The name of its Compose project."""
        return text(self.plan.get("compose_project_name"))

    @property
    def changes(self) -> list[dict[str, str]]:
        """The lines of its plan."""
        return [pairs(change) for change in mappings(self.plan.get("changes"))]


@dataclass
class Measured:
    """What came out for one unit."""

    unit: Unit
    failures: list[Failure] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    up: dict[str, object] = field(default_factory=dict)

    @property
    def shared(self) -> list[dict[str, str]]:
        """The resources that sessions share, by their plans."""
        plans = (session.plan for session in self.sessions)
        listed = [pairs(each) for plan in plans for each in mappings(plan.get("shared"))]
        return list({json.dumps(each, sort_keys=True): each for each in listed}.values())

    @property
    def warnings(self) -> list[str]:
        """What the first session's plan warns of."""
        return texts(self.sessions[0].plan.get("warnings")) if self.sessions else []

    @property
    def size(self) -> int:
        """The length of Compose's answer, which separates large files from small ones."""
        return len(json.dumps(self.sessions[0].merged)) if self.sessions else 0

    def as_dict(self) -> dict[str, object]:
        """Return the unit's entry in the JSON report."""
        return {
            "unit": self.unit.name,
            "source": self.unit.source,
            "ok": not self.failures,
            "failures": [{"cause": each.cause, "detail": each.detail} for each in self.failures],
            "shared": self.shared,
            "warnings": self.warnings,
            "projects": [session.project for session in self.sessions],
            "published_ports": [len(mapping(each.plan.get("ports"))) for each in self.sessions],
            "changes": self.sessions[0].changes if self.sessions else [],
            "up": self.up,
        }


@dataclass
class Measurement:
    """The steps for one unit, in a separate folder."""

    unit: Unit
    place: Path
    programs: Programs

    def measure(self, result: Measured) -> None:
        """Plan and compare; each error is a failure of the unit."""
        try:
            result.sessions.extend(self.sessions())
            for session in result.sessions:
                result.failures.extend(self._plan(session))
            for session in result.sessions:
                result.failures.extend(self._compare(session))
            result.failures.extend(self._apart(result))
            result.failures.extend(self._with_one_more(result.sessions[0]))
            for session in result.sessions:
                result.failures.extend(self._untouched(session))
        except CallError as error:
            result.failures.append(Failure("failed", str(error)))

    def sessions(self) -> Iterator[Session]:
        """Make the checkouts; activate all profiles if the file is valid with them."""
        checkouts = make_checkouts(self.unit, self.place, self.programs.environ)
        env_file = ("--env-file", self.unit.env_file) if self.unit.env_file else ()
        options = (*env_file, "-f", self.unit.compose_file)
        everything = (*options, *EVERY_PROFILE)
        if not self._raw(checkouts[SESSIONS[0]], everything, {})[0]:
            options = everything
        for name, checkout in checkouts.items():
            yield Session(name, checkout, options, fingerprint(checkout))

    def _raw(
        self, checkout: Path, options: tuple[str, ...], variables: Mapping[str, str]
    ) -> tuple[int, Json]:
        name = variables.get("COMPOSE_PROJECT_NAME", "corpus")
        argv = ["docker", "compose", "-p", name, *options, "config", "--format", "json"]
        done = self.programs.run(argv, checkout, variables)
        return done.code, {} if done.code else document(done)

    def ours(self, session: Session, *arguments: str, extra: tuple[str, ...] = ()) -> Json:
        """Run composeports in a session and return its JSON; raise CallError if it fails."""
        argv = [PROGRAM, *session.options, *extra, *arguments]
        done = self.programs.run(argv, session.checkout)
        try:
            return document(done)
        except CallError as error:
            raise CallError(f"composeports {arguments[0]}: {error}") from error

    def _plan(self, session: Session) -> Iterator[Failure]:
        self.ours(session, "allocate", "--json")
        first = self.ours(session, "plan", "--json")
        session.merged = self.ours(session, "config", "--format", "json")
        session.plan = self.ours(session, "plan", "--json")
        if first.get("ports") != session.plan.get("ports"):
            # Only another program on a port of the block may cause this; use a separate range.
            yield Failure("block moved", f"{session.name}: between two plans")
            return
        for detail in compare.unlike_plans(first, session.plan):
            yield Failure("second plan differs", f"{session.name}: {detail}")

    def _compare(self, session: Session) -> Iterator[Failure]:
        """Compare with plain Compose: with the six variables only, and with all set variables.

        A variable that keeps the user's value is given to neither.
        """
        kept = left.kept_variables(session.plan)
        given = pairs(session.plan.get("env"))
        environment = {name: value for name, value in given.items() if name not in kept}
        six = {name: environment[name] for name in SIX if name in environment}
        code, raw = self._raw(session.checkout, session.options, six)
        again, expected = code, raw
        if any(each["kind"] == "variable" and each["where"] not in SIX for each in session.changes):
            again, expected = self._raw(session.checkout, session.options, environment)
        if code or again:
            yield Failure("raw compose fails", "docker compose config fails with the plan's .env")
            return
        merged, changes = session.merged, session.changes
        own = {name: value for name, value in environment.items() if name not in six}
        found = {
            "lost": compare.lost(raw, merged),
            "ports differ": published.changed_ports(raw, merged),
            "ports not as planned": published.unlisted_ports(session.plan, merged),
            "one port twice": published.doubled_ports(merged),
            "unexplained change": map(str, compare.unexplained(expected, merged, changes)),
            "address outside": addresses.misplaced(merged),
            "alias missing": compare.missing_aliases(raw, merged),
            "variable moves too much": compare.moved_by_variables(raw, expected, own),
            "image by its old name": facts.stale_images(merged, self._renamed(raw, session)),
            "not told as left": left.untold(session.plan, merged),
            "planned, not done": compare.undone(merged, changes),
            "logs by the old port": compare.stale_logs(raw, merged),
            "host namespace not named": compare.unnamed_hosts(
                merged, texts(session.plan.get("warnings"))
            ),
        }
        for cause, details in found.items():
            for detail in details:
                yield Failure(cause, f"{session.name}: {detail}")

    def _renamed(self, raw: Json, session: Session) -> list[str]:
        """Return the images that the file builds, except those that are shared on purpose."""
        shared = mappings(session.plan.get("shared"))
        kept = {text(each.get("name")) for each in shared if each.get("kind") == "image"}
        return [name for name in facts.built_images(raw) if name not in kept]

    def _apart(self, result: Measured) -> Iterator[Failure]:
        merged = {session.name: session.merged for session in result.sessions}
        common = facts.in_common(merged, result.shared, result.warnings, os.path.realpath)
        for kind, detail in common:
            yield Failure(f"{kind} in common", detail)
        for session in result.sessions:
            for detail in facts.untold(session.merged, session.plan):
                yield Failure("external, not told", f"{session.name}: {detail}")

    def _with_one_more(self, session: Session) -> Iterator[Failure]:
        """Plan with one more service, which sorts into the middle, and find moved ports."""
        names = sorted(mapping(session.merged.get("services")))
        middle = names[(len(names) - 1) // 2] if len(names) > 1 else "0"
        added = self.place / "one-more.yaml"
        spec = {"image": "composeports-dev/tiny:1", "ports": ["1080:80"]}
        added.write_text(json.dumps({"services": {f"{middle}-added": spec}}))
        plan = self.ours(session, "plan", "--json", extra=("-f", str(added)))
        before, after = (mapping(each.get("ports")) for each in (session.plan, plan))
        for detail in published.moved_ports(before, after):
            yield Failure("added service moves a port", detail)
        if len(after) != len(before) + 1:
            yield Failure("added service moves a port", f"{len(before)} ports, then {len(after)}")

    def _untouched(self, session: Session) -> Iterator[Failure]:
        if fingerprint(session.checkout) != session.before:
            yield Failure("files changed", f"{session.name}: not byte-identical any more")
        changed = seen_by_git(session.checkout, self.programs.environ)
        if changed:
            yield Failure("files changed", f"{session.name}: git sees {changed.splitlines()[0]}")

    def release(self, result: Measured) -> None:
        """Give the leases back."""
        for session in result.sessions:
            argv = [PROGRAM, *session.options, "release"]
            self.programs.run(argv, session.checkout, always=True)
