"""The page `/docs`: the OpenAPI description as one HTML document that loads nothing else."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 0 auto; padding: 1rem; }
code, pre { font: 0.9em ui-monospace, monospace; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid; border-radius: 4px; }
section { border-top: 1px solid; margin-top: 2rem; }
th { text-align: left; padding-right: 1.5rem; }
"""
POLICY = (
    f"default-src 'none'; style-src 'sha256-"
    f"{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def render(description: Mapping[str, Any]) -> str:
    """Return the HTML page for an OpenAPI description; all its values are escaped."""
    info = description["info"]
    title = escape(f"{info['title']} {info['version']}")
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style><main><h1>{title}</h1><p>{escape(info['description'])}</p>",
        "<p>Whatever changes something needs a key in the header <code>X-API-Key</code>.</p>",
        '<p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, methods in description["paths"].items():
        for method, route in methods.items():
            parts += _route(description, path, method, route)
    return "".join((*parts, "</main></html>\n"))


def _route(
    description: Mapping[str, Any], path: str, method: str, route: Mapping[str, Any]
) -> Iterator[str]:
    yield f"<section><h2><code>{escape(method.upper())} {escape(path)}</code></h2>"
    yield f"<p>{escape(route.get('description', ''))}</p>"
    if "requestBody" in route:
        yield f"<pre>{escape(_example(path))}</pre>"
    yield "<table><tr><th scope=col>Status</th><th scope=col>Answer</th></tr>"
    for status, answer in route["responses"].items():
        words = _words(description, answer)
        yield f"<tr><th scope=row>{escape(status)}</th><td>{escape(words)}</td></tr>"
    yield "</table></section>"


def _example(path: str) -> str:
    body = json.dumps({"session_id": "agent-7"})
    return (
        f'curl http://127.0.0.1:8377{path} -H "X-API-Key: $KEY" \\\n'
        f"    -H 'Content-Type: application/json' -d '{body}'"
    )


def _words(description: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """Return the description of a response and the field names of its JSON document."""
    content = answer.get("content", {}).get("application/json", {})
    fields = " or ".join(_fields(description, content.get("schema", {})))
    return f"{answer['description']}: {fields}" if fields else answer["description"]


def _fields(description: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        component = description["components"]["schemas"][name]
        yield f"{{{', '.join(component.get('properties', {}))}}}"
    elif "items" in schema:
        yield from (
            f"a list of {alternative}" for alternative in _fields(description, schema["items"])
        )
    else:
        for alternative in schema.get("anyOf", ()):
            yield from _fields(description, alternative)
