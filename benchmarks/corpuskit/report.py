"""Report the results of the units: a line for each that fails, the causes, and the share."""

from collections import Counter
from collections.abc import Iterator, Sequence

from corpuskit.cost import Cost
from corpuskit.measure import Measured

# What the warning of each kind has in its text.
REASONS = {
    "the host's network": "network_mode: host",
    "the host's processes": "pid: host",
    "the host's shared memory": "ipc: host",
    "all sessions run the image": "an image that a script builds",
    "and a fixed host port": "several replicas with a fixed host port",
    "uses containers of others": "containers of others",
    "the engine's socket": "the engine's socket",
    "lies outside of the worktree": "a folder or device outside of the worktree",
    "reverse proxy": "names for a reverse proxy",
    "on the host's own network": "macvlan or ipvlan",
    "which is not up in this worktree": "a sibling that is not up",
}


def line(result: Measured) -> str:
    """Return the unit's line: its first cause, and how many more things are wrong."""
    if not result.failures:
        return f"ok    {result.unit.name}"
    more = len(result.failures) - 1
    return f"FAIL  {result.unit.name}  {result.failures[0]}" + (f"  (+{more})" if more else "")


def summary(results: Sequence[Measured], *, up: bool) -> Iterator[str]:
    """Yield the lines of the end: causes by how many units have them, then the share."""
    causes = Counter(
        cause for each in results for cause in {failure.cause for failure in each.failures}
    )
    for cause, count in causes.most_common():
        yield f"{count:5}  {cause}"
    good = [each for each in results if not each.failures]
    named = sum(bool(each.shared or each.warnings) for each in good)
    what = "planned, started and apart" if up else "planned and apart"
    yield (
        f"{len(good)} of {len(results)} units ({_share(good, results)} %) {what}, three sessions "
        f"each; {named} of them with something that the plan names as shared or impossible"
    )
    if up:
        counts = [each.up.get("ports", 0) for each in results]
        asked = sum(each for each in counts if isinstance(each, int))
        out = [f"{each.unit.name}: {each.up['left_out']}" for each in results if _left_out(each)]
        yield f"{asked} host ports asked; services left out in {len(out)} units"
        yield from (f"       {each}" for each in out)


def strict(results: Sequence[Measured]) -> Iterator[str]:
    """Yield the table of what `--strict` refuses: each reason by how many units have it."""
    refused = [each for each in results if each.warnings]
    passed = len(results) - len(refused)
    share = 100 * passed / max(1, len(results))
    yield f"{passed} of {len(results)} units ({share:.1f} %) pass --strict"
    reasons = Counter(
        reason for each in refused for reason in {_reason(text) for text in each.warnings}
    )
    for reason, count in reasons.most_common():
        yield f"{count:5}  {reason}"


def _reason(warning: str) -> str:
    """Return the kind of a warning, by what its text has in it."""
    for words, reason in REASONS.items():
        if words in warning:
            return reason
    kind = warning.partition(" ")[0]
    return f"an external {kind}" if " is external: " in warning else warning


def _share(good: Sequence[Measured], results: Sequence[Measured]) -> str:
    return f"{100 * len(good) / max(1, len(results)):.1f}"


def _left_out(result: Measured) -> bool:
    return bool(result.up.get("left_out"))


def costs(measured: Sequence[Cost]) -> Iterator[str]:
    """Yield the table of what a plan costs over raw Compose, in seconds."""
    if measured:
        yield "compose config  first plan    over   next plan    over   (median seconds)"
    for each in measured:
        first, again = each.first - each.raw, each.again - each.raw
        yield (
            f"{each.raw:14.3f}  {each.first:10.3f}  {first:+.3f}  {each.again:10.3f}  {again:+.3f}"
            f"   {each.unit.name}"
        )
