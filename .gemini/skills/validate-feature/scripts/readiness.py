"""Decide from Compose's container list and the URLs' answers if a stack is ready; never waits."""

from __future__ import annotations

import json
import socket
import ssl
from dataclasses import dataclass
from http.client import BadStatusLine, HTTPException, RemoteDisconnected
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVER_ERROR = 500
PROBE_SECONDS = 5.0


@dataclass(frozen=True)
class Container:
    """One container of the stack, as `docker compose ps` lists it."""

    name: str
    service: str
    state: str
    health: str
    exit_code: int

    @property
    def failed(self) -> str:
        """Return the failure that waiting cannot change; empty if there is none."""
        if self.health == "unhealthy":
            return f"{self.name} is unhealthy"
        if self.state in {"exited", "dead"} and self.exit_code:
            return f"{self.name} ended with exit code {self.exit_code}"
        return ""

    @property
    def waited_for(self) -> str:
        """Return the state it still has to leave; empty if it is ready or ended with code 0."""
        if self.state == "running" and self.health in {"", "healthy"}:
            return ""
        if self.state == "exited" and not self.exit_code:
            return ""
        return f"{self.name} is {self.health or self.state}"


def containers_in(listing: str) -> list[Container]:
    """Parse `ps --format json`: one object per line, or one list in older Compose versions."""
    text = listing.strip()
    rows = json.loads(text) if text.startswith("[") else map(json.loads, text.splitlines())
    return [
        Container(
            str(row.get("Name", "")),
            str(row.get("Service", "")),
            str(row.get("State", "")).lower(),
            str(row.get("Health", "")).lower(),
            int(row.get("ExitCode") or 0),
        )
        for row in rows
    ]


def urls_of(statuses: str, services: set[str]) -> dict[str, str]:
    """Return "web:80/tcp" -> URL or host:port of this session, only for the given services.

    `statuses` is what `composeports status --json` prints.
    """
    own = (row["urls"] for row in json.loads(statuses) if row["current"])
    found: dict[str, str] = next(own, {})
    return {key: url for key, url in found.items() if key.rpartition(":")[0] in services}


def is_http(url: str) -> bool:
    """Return True if the URL begins with http:// or https://."""
    return url.startswith(("http://", "https://"))


def silence_of(url: str) -> str:
    """Request the URL, or connect to host:port, once; return the problem, empty if it answers."""
    if not is_http(url):
        return _silence_of_port(url.rpartition("://")[2])
    try:
        with _opener().open(url, timeout=PROBE_SECONDS):
            return ""
    except HTTPError as error:
        return f"{url} answers {error.code}" if error.code >= SERVER_ERROR else ""
    except RemoteDisconnected:
        return f"{url} answers nothing yet"
    except BadStatusLine:
        return ""  # It answers, but not in HTTP.
    except (OSError, HTTPException) as error:
        return f"{url} does not answer: {getattr(error, 'reason', error)}"


def _silence_of_port(place: str) -> str:
    host, _, port = place.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS):
            return ""
    except OSError as error:
        return f"{place} does not answer: {error}"


def _opener() -> OpenerDirector:
    """Return an opener without proxies that accepts self-signed certificates of test stacks."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))


def smoke_urls(urls: Mapping[str, str]) -> str:
    """Return the HTTP URLs in the format of SMOKE_URLS: `web=http://... api=http://...`.

    If a service has several HTTP URLs, the others get names such as `web:8080`.
    """
    named: dict[str, str] = {}
    for key, url in urls.items():
        service, _, port = key.rpartition(":")
        if is_http(url):
            name = service if service not in named else f"{service}:{port.partition('/')[0]}"
            named[name] = url
    return " ".join(f"{name}={url}" for name, url in named.items())
