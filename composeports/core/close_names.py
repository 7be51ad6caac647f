"""Finds the name that a user meant, for a name with a typing error."""

from collections.abc import Iterable, Sequence

# How many typing errors are assumed at most: one for each so many letters, and two in all.
LETTERS_PER_ERROR, MOST_ERRORS = 2, 2


def closest_name(typed: str, *groups: Iterable[str]) -> str:
    """Return the name with the fewest typing errors; empty if all have too many.

    Among names with equally many errors, the first group comes first, then the alphabet.
    """
    most = min(MOST_ERRORS, len(typed) // LETTERS_PER_ERROR)
    ranked = (
        (typing_errors(typed, name), rank, name)
        for rank, names in enumerate(groups)
        for name in names
    )
    return min((entry for entry in ranked if entry[0] <= most), default=(0, 0, ""))[2]


def typing_errors(typed: str, name: str) -> int:
    """Return how many letters are wrong, missing, added or swapped with their neighbour."""
    earlier: Sequence[int] = ()
    before: Sequence[int] = range(len(name) + 1)
    for row, letter in enumerate(typed, 1):
        costs = [row]
        for column, other in enumerate(name, 1):
            cost = min(before[column] + 1, costs[-1] + 1, before[column - 1] + int(letter != other))
            if is_swap(typed, name, row, column):
                cost = min(cost, earlier[column - 2] + 1)
            costs.append(cost)
        earlier, before = before, costs
    return before[-1]


def is_swap(typed: str, name: str, row: int, column: int) -> bool:
    """Return True if the two letters that end there are the name's, in the other order."""
    return min(row, column) > 1 and typed[row - 2 : row] == name[column - 2 : column][::-1]
