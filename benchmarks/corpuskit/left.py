"""Find values with a moved port's number that the plan neither changes nor lists in `left`.

Pure: documents in, sentences out.
"""

import re
from collections.abc import Iterator

from corpuskit.reading import Json, items, mapping, mappings, text, texts

_NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?!\w|\.\d)")


def kept_variables(plan: Json) -> set[str]:
    """Return the variables of the contract that keep the user's value inside the stack."""
    return {
        text(each.get("where"))
        for each in mappings(plan.get("left"))
        if each.get("kind") == "variable"
    }


def untold(plan: Json, merged: Json) -> Iterator[str]:
    """Yield values of services that still have a moved port's number and are not in `left`."""
    moved = {
        text(change.get("from"))
        for change in mappings(plan.get("changes"))
        if change.get("kind") == "port" and change.get("from") != change.get("to")
    }
    told = {
        (text(each.get("service")), text(each.get("where"))) for each in mappings(plan.get("left"))
    }
    for name, service in items(merged.get("services")):
        for where, value in _values(service):
            if moved & set(_NUMBER.findall(value)) and (name, where) not in told:
                yield f"{name}: {where} has {value[:60]!r}, and is not listed as left"


def _values(service: Json) -> Iterator[tuple[str, str]]:
    mappings_of = {
        "environment": service.get("environment"),
        "labels": service.get("labels"),
        "build.args": mapping(service.get("build")).get("args"),
    }
    for where, found in mappings_of.items():
        yield from ((f"{where}.{key}", text(value)) for key, value in mapping(found).items())
    for field in ("command", "entrypoint"):
        for index, word in enumerate(texts(service.get(field))):
            yield f"{field}.{index}", word
