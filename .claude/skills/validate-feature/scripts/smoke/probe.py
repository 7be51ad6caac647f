"""One HTTP request of a smoke test, and where the tests are told what to ask."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

import pytest

if TYPE_CHECKING:
    from email.message import Message

SECONDS = float(os.environ.get("SMOKE_TIMEOUT") or 10)


@dataclass(frozen=True)
class Answer:
    """What came back; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """Follow nothing: a redirection is an answer, too."""


def ask(url: str, method: str = "GET", **headers: str) -> Answer:
    """Send one request; underscores of a header's name stand for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context), _NoRedirect)
    request = Request(url, method=method, headers=named)
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return _answer(answer.status, answer.headers, answer.read())
    except HTTPError as error:
        with error:
            return _answer(error.code, error.headers, error.read())
    except (OSError, HTTPException) as error:
        pytest.fail(f"{method} {url} has no answer: {error}", pytrace=False)


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    return Answer(status, lower, body.decode("utf-8", "replace"))


def urls() -> dict[str, str]:
    """Return SMOKE_URLS, `web=http://... api=http://...`, by name."""
    pairs = (word.partition("=") for word in os.environ.get("SMOKE_URLS", "").split())
    return {name: url.rstrip("/") for name, _, url in pairs if url.startswith("http")}


def places(variable: str) -> list[str]:
    """Return the URLs that a variable names: whole ones, or `api/health` for the one of `api`."""
    found = []
    for word in os.environ.get(variable, "").split():
        name, slash, path = word.partition("/")
        known = urls()
        if word.startswith(("http://", "https://")):
            found.append(word)
        elif name in known:
            found.append(known[name] + slash + path)
        else:
            message = f"{variable} names {name!r}; SMOKE_URLS has {', '.join(known) or 'nothing'}"
            raise ValueError(message)
    return found
