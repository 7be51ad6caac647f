"""Send the HTTP requests of the smoke tests, and read their URLs from the environment."""

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
    """The answer to a request; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: str


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """Follow no redirection: it counts as the answer."""


def ask(url: str, method: str = "GET", **headers: str) -> Answer:
    """Send one request; underscores in a header's name become dashes."""
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
        pytest.fail(f"{method} {url} got no answer: {error}", pytrace=False)


def _answer(status: int, headers: Message, body: bytes) -> Answer:
    lower = {name.lower(): value for name, value in headers.items()}
    return Answer(status, lower, body.decode("utf-8", "replace"))


def urls() -> dict[str, str]:
    """Return the URLs in SMOKE_URLS (`web=http://... api=http://...`) by name."""
    pairs = (word.partition("=") for word in os.environ.get("SMOKE_URLS", "").split())
    return {name: url.rstrip("/") for name, _, url in pairs if url.startswith("http")}


def places(variable: str) -> list[str]:
    """Return a variable's URLs; each word is a whole URL, or `api/health` below the URL of `api`.

    Raise ValueError if a word uses a name that SMOKE_URLS does not have.
    """
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
