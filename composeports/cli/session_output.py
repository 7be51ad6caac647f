"""Prints one session for `status SESSION`: its state, its services, and what is not isolated."""

from collections.abc import Iterator

from composeports.cli.output import write_line, write_table
from composeports.core.port_keys import port_order
from composeports.core.session_name import name_of
from composeports.core.visible_text import visible
from composeports.usecases.session_details import SessionDetails

NO_PORT = "-"
COLUMNS = ("Service", "Port", "URL", "State")


def show(details: SessionDetails, facts: list[tuple[str, str]]) -> None:
    """Print the session's facts (name and text of each), its services, and what is not as planned.

    A fact without text is left out.
    """
    shown_facts = [(name, text) for name, text in facts if text]
    width = max(len(name) for name, _ in shown_facts)
    write_line(visible(name_of(details.status.lease)))
    for name, text in shown_facts:
        write_line(f"  {name:{width}}  {visible(text)}")
    rows = list(_rows(details))
    if rows:
        write_line("")
        write_table(COLUMNS, rows)
    lines = list(_remarks(details))
    if lines:
        write_line("")
    for line in lines:
        write_line(visible(line))


def _rows(details: SessionDetails) -> Iterator[tuple[str, ...]]:
    for service in details.services:
        words = service.status.words
        if not service.urls:
            yield service.status.service, NO_PORT, NO_PORT, words
        for port, url in sorted(service.urls, key=lambda entry: port_order(entry[0])):
            yield service.status.service, port, url, words


def _remarks(details: SessionDetails) -> Iterator[str]:
    for sentence in details.drifted:
        yield f"drifted: {sentence}"
    for resource in details.shared or ():
        yield f"shared: {resource.kind} {resource.name}: {resource.why}"
    for warning in details.warnings or ():
        yield f"warning: {warning}"
    if details.unplanned:
        yield f"what it shares is unknown: {details.unplanned}"
