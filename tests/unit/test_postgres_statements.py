"""The statements of the PostgreSQL store name each table and function with its schema."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import composeports.stores.postgres

FILES = sorted(Path(composeports.stores.postgres.__file__).parent.glob("*.py"))
STATEMENT = re.compile(r"\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|JOIN|CASE|extract)\b")
CALL = re.compile(r'(pg_catalog\.)?"?\b([a-z_]+)"?\(')
RELATION = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|INDEX \w+\s+ON) ([a-z_][\w.]*)")
# `WITH name AS (`, and what stands in brackets: `(...) AS name`.
LOCAL = re.compile(r"(\w+) AS \(|\) AS (\w+)")
# Syntax, which always means the server's own.
SYNTAX = {"extract"}
SCHEMAS = ("pg_catalog.", "composeports.")


def texts(source: str) -> Iterator[str]:
    """Yield every SQL statement, or part of one."""
    tree = ast.parse(source)
    prose = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # docstrings stand alone
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in prose and STATEMENT.search(node.value):
            yield node.value


def bare_names(source: str) -> list[str]:
    """Return the objects that are called, read or written without a schema name."""
    found = list(texts(source))
    local = {name for text in found for pair in LOCAL.findall(text) for name in pair if name}
    bare = []
    for text in found:
        calls = (name for schema, name in CALL.findall(text) if not schema)
        bare += [f"{name}()" for name in calls if name not in SYNTAX]
        relations = (name for name in RELATION.findall(text) if name not in local)
        bare += [name for name in relations if not name.startswith(SCHEMAS)]
    return bare


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_names_have_their_schema(path: Path) -> None:
    assert bare_names(path.read_text()) == []


@pytest.mark.parametrize(
    ("statement", "bare"),
    [
        ("SELECT now()", ["now()"]),
        ("SELECT pg_catalog.now(), extract(epoch FROM pg_catalog.now())", []),
        ('SELECT "right"(a, 8) FROM composeports.leases', ["right()"]),
        ("SELECT a FROM leases", ["leases"]),
        ("WITH known AS (SELECT 1) SELECT a FROM known JOIN pg_class", ["pg_class"]),
        ("SELECT a FROM (SELECT 1) AS found", []),
        ("UPDATE meta SET format = 1", ["meta"]),
        ("CREATE INDEX x ON leases (a)", ["leases"]),
    ],
)
def test_a_name_without_a_schema_is_found(statement: str, bare: list[str]) -> None:
    assert bare_names(f"A = '''{statement}'''") == bare


def test_there_is_something_to_look_at() -> None:
    assert len([text for path in FILES for text in texts(path.read_text())]) > 30
