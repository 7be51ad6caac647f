"""`composeports explain`: the page of each error code, offline."""

import pytest

from composeports.errors import ComposeportsError
from composeports.usecases.explain import error_pages
from tests.support.machine import Shell

pytestmark = pytest.mark.integration


def codes_of(base: type[ComposeportsError]) -> set[str]:
    """Return the codes of all subclasses that the package itself has."""
    classes = [
        each for each in base.__subclasses__() if each.__module__.startswith("composeports.")
    ]
    return {each.code for each in classes}.union(*map(codes_of, classes))


def test_every_code_of_an_error_has_a_page() -> None:
    pages = error_pages()
    assert codes_of(ComposeportsError) | {"internal", "compose_failed"} <= pages.keys()
    assert all(page.summary and page.text for page in pages.values())
    assert not [page.code for page in pages.values() if "](" in page.text]


def test_a_code_prints_its_page(shell: Shell) -> None:
    done = shell.run("explain", "no_ports_available")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("no_ports_available\n\nExit code 75. Every block is held")
    assert "PORT_ALLOC_MAX_SESSIONS" in done.out
    document = shell.run("explain", "no_ports_available", "--json").document
    assert document["code"] == "no_ports_available"
    assert done.out == f"{document['text']}\n"


def test_without_a_code_all_are_listed(shell: Shell) -> None:
    done = shell.run("explain")
    lines = done.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(error_pages())
    assert all(line.count("  ") for line in lines)
    document = shell.run("explain", "--json").document
    assert [each["code"] for each in document] == list(error_pages())


def test_an_unknown_code_is_2_and_names_near_ones(shell: Shell) -> None:
    done = shell.run("explain", "port_available")
    assert (done.code, done.out) == (2, "")
    assert "did you mean no_ports_available" in done.err
    far = shell.run("explain", "zzzz", "--json")
    assert far.code == 2
    assert far.error["details"] == {"near": []}
    assert "lists all codes" in far.error["hint"]


def test_the_last_line_of_an_error_is_a_command_that_works(shell: Shell) -> None:
    done = shell.run("env")
    assert done.code == 66
    last_line = done.err.splitlines()[-1]
    program, *words = last_line.removeprefix("more: ").split()
    assert program == "composeports"
    assert shell.run(*words).out.startswith("no_lease\n")
    assert "more:" not in shell.run("env", "--json").err


def test_a_direnv_shell_gets_one_line(shell: Shell) -> None:
    done = shell.having(DIRENV_IN_ENVRC="1").run("env")
    assert len(done.err.splitlines()) == 1
