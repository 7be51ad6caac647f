"""The result of a scenario: tries, faults, and what was wrong afterwards; and the table of all."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# What the columns count: leases that are not as they should be, host ports that two have,
# containers and networks that no command removes, files that are changed or left, and commands that
# did not do their work.
COLUMNS = {
    "lost": "leases lost",
    "doubled": "ports doubled",
    "leaked": "containers leaked",
    "damaged": "files damaged",
    "failed": "not repaired",
}


@dataclass
class Tally:
    """The counts of one scenario; `faults` are the kills and other faults that really happened."""

    name: str
    kind: str
    tries: int = 0
    faults: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    # What else there is to say; nothing of it is wrong.
    remarks: list[str] = field(default_factory=list)

    def note(self, found: Mapping[str, Iterable[str]], step: str) -> None:
        """Count what was found, by column; `step` says how to see it again."""
        for column, texts in found.items():
            for text in texts:
                self.wrong[column] += 1
                self.notes.append(f"{self.name} [{step}] {COLUMNS[column]}: {text}")

    @property
    def clean(self) -> bool:
        """Whether nothing was wrong."""
        return not any(self.wrong.values())


def table(tallies: Iterable[Tally]) -> str:
    """Return the table of all scenarios, with the sums of kills and taken ports."""
    rows = list(tallies)
    heads = ["scenario", "tries", "faults", *COLUMNS.values()]
    lines: list[list[str | int]] = [
        [each.name, each.tries, each.faults, *(each.wrong[column] for column in COLUMNS)]
        for each in rows
    ]
    sums = [sum(int(line[at]) for line in lines) for at in range(1, len(heads))]
    body: list[list[str | int]] = [*lines, ["all", *sums]]
    shown = [heads, *([str(cell) for cell in line] for line in body)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    text = "\n".join(
        line[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in shown
    )
    kinds: Counter[str] = Counter()
    for each in rows:
        kinds[each.kind] += each.faults
    return f"{text}\n\n" + ", ".join(f"{count} {kind}" for kind, count in kinds.items())
