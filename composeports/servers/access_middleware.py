"""ASGI middleware that checks Host, Origin, key, body size and time, and adds security headers.

It is separate from the application, so that no part of a request is read or parsed before the
checks, and so that it works with any application: `AccessMiddleware(app, AccessPolicy(...))`.
"""

import base64
import binascii
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from composeports.servers.api_keys import HOW_TO_SET, Keys

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
BODY_LIMIT = 64 * 1024
# The time limit in seconds for the head of a request, and again for its body.
REQUEST_SECONDS = 10.0
# RFC 9110, 7.2: `name` or `[IPv6 address]`, with an optional port.
HOST = re.compile(
    r"(?:\[([0-9a-f:.]*:[0-9a-f:.]*)\]|([^\[\]:@/?#\\\s]+))(?::[0-9]{0,5})?", re.IGNORECASE
)
READING = frozenset({"GET", "HEAD"})
KEY_HEADER = b"x-api-key"
# Added to a response unless the application has set the same header.
OUR_HEADERS: Headers = [
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
]
CHALLENGE = (b"www-authenticate", b'APIKey, Basic realm="composeports", charset="UTF-8"')


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Which requests are allowed.

    `open_reading`: GET and HEAD need no key. `open_changing`: no request needs a key. `hosts`: the
    accepted names in the Host header, without port; None accepts any name. `any_address`: the
    server listens on all addresses of the machine, so every IP address is accepted as Host; this
    is safe, because an address, unlike a name, cannot be made to point to another machine.
    `free`: the paths that never need a key for reading, because their files contain no data.
    """

    keys: Keys = field(default_factory=lambda: Keys(()))
    open_reading: bool = True
    open_changing: bool = False
    hosts: frozenset[str] | None = LOCAL_HOSTS
    any_address: bool = False
    free: frozenset[str] = frozenset()


def names_of(hosts: Iterable[str]) -> frozenset[str]:
    """Return host names in the form for comparison, and always those of LOCAL_HOSTS.

    The form is lower case, without brackets and without a final dot.
    """
    return frozenset(host.strip("[]").rstrip(".").lower() for host in hosts) | LOCAL_HOSTS


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A response of the middleware; the application does not get the request."""

    status: int
    body: dict[str, object]
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _TooLargeError(Exception):
    """The body is larger than the limit."""


class _TooSlowError(Exception):
    """The body did not arrive in time."""


class _GoneError(Exception):
    """The client disconnected before its request was complete."""


class AccessMiddleware:
    """ASGI middleware that passes only allowed and complete requests to the application."""

    def __init__(
        self,
        app: App,
        access: AccessPolicy,
        limit: int = BODY_LIMIT,
        seconds: float = REQUEST_SECONDS,
    ) -> None:
        """Wrap `app`; refuse bodies of more than `limit` bytes or that take more than `seconds`."""
        self._seconds = seconds
        self._app = app
        self._access = access
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on; anything that is not HTTP is passed on unchecked."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_our_headers(send)
        refusal = _judge(scope, self._access)
        if refusal is None and scope["method"] not in READING:
            try:
                receive = await self._whole(scope["headers"], receive)
            except _TooLargeError:
                refusal = _too_large(self._limit)
            except _TooSlowError:
                refusal = too_slow(self._seconds)
            except _GoneError:
                return
        if refusal is not None:
            await _answer(send, refusal)
            return
        await self._app(scope, receive, send)

    async def _whole(self, headers: Headers, receive: Receive) -> Receive:
        """Read the whole body and return a `receive` function that gives it to the application.

        The limit is checked on the bytes received too, whatever Content-Length says. _TooLargeError
        for a body over the limit, _TooSlowError for one that is too slow, _GoneError if the client
        disconnects.
        """
        lengths = _values(headers, b"content-length")
        if any(length.isdigit() and int(length) > self._limit for length in lengths):
            raise _TooLargeError
        try:
            with anyio.fail_after(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            raise _TooSlowError from None
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return replay

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        has_more = True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            body += message.get("body", b"")
            has_more = message.get("more_body", False)
            if len(body) > self._limit:
                raise _TooLargeError
        return bytes(body)


def _judge(scope: Scope, access: AccessPolicy) -> _Refusal | None:
    method, headers = scope["method"], scope["headers"]
    hosts = _values(headers, b"host")
    if _values(headers, b"transfer-encoding") and _values(headers, b"content-length"):
        return _AMBIGUOUS
    if not (_is_our_name(hosts, access) or _is_of_a_test(scope, hosts)):
        return _refused(
            "host_not_allowed",
            "this server does not go by the name in the Host header",
            "use localhost, or allow the name with --allow-host",
        )
    if method not in READING and not _is_same_site(headers, hosts):
        return _refused(
            "cross_site",
            "a page of another site may not change anything here",
            "ask from a program, or from the server's own page",
        )
    return None if _is_open(scope, access) else _judge_key(method, headers, access)


def _is_open(scope: Scope, access: AccessPolicy) -> bool:
    """Return True if the request needs no key."""
    if scope["method"] in READING and (access.open_reading or _path_of(scope) in access.free):
        return True
    return access.open_changing


def _judge_key(method: str, headers: Headers, access: AccessPolicy) -> _Refusal | None:
    if not access.keys:
        return _unauthorized(f"no API key is set: {HOW_TO_SET}")
    if any(access.keys.accept(key) for key in _given_keys(method, headers)):
        return None
    return _unauthorized("a valid API key is needed in the header X-API-Key")


def _path_of(scope: Scope) -> str:
    """Return the path inside the application, which may be mounted in another application."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _is_our_name(hosts: list[bytes], access: AccessPolicy) -> bool:
    if access.hosts is None:
        return True
    if len(hosts) != 1:
        return False
    name = _name_of(hosts[0].decode("latin-1"))
    return name in access.hosts or (access.any_address and _is_address(name))


def _is_of_a_test(scope: Scope, hosts: list[bytes]) -> bool:
    """Return True for a request of Starlette's TestClient; no real server has that client name."""
    return (scope.get("client") or ("",))[0] == "testclient" and hosts == [b"testserver"]


def _name_of(host: str) -> str:
    """Return the host of `name:port` or `[address]:port`; an empty text for any other form."""
    match = HOST.fullmatch(host)
    return (match[1] or match[2]).rstrip(".").lower() if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_same_site(headers: Headers, hosts: list[bytes]) -> bool:
    """Return False if the headers of a browser say that a page of another site sent the request."""
    if any(value not in {b"same-origin", b"none"} for value in _values(headers, b"sec-fetch-site")):
        return False
    own_origins = {
        b"%s://%s" % (scheme, host.lower()) for host in hosts for scheme in (b"http", b"https")
    }
    return all(value.lower() in own_origins for value in _values(headers, b"origin"))


def _given_keys(method: str, headers: Headers) -> list[bytes]:
    """Return the given keys: those in X-API-Key and, for reads, the password of HTTP Basic.

    So a browser, which asks the user for a password, can read.
    """
    keys = _values(headers, KEY_HEADER)
    if method in READING:
        keys += [_password(header) for header in _values(headers, b"authorization")]
    return keys


def _password(header: bytes) -> bytes:
    scheme, _, text = header.partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(text, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _refused(code: str, message: str, hint: str) -> _Refusal:
    body = {"success": False, "error": code, "message": message, "hint": hint}
    return _Refusal(403, body)


_CLOSE = (b"connection", b"close")
# A proxy may have used the other header and treated a part of the body as another request.
_AMBIGUOUS = _Refusal(
    400,
    {
        "success": False,
        "error": "ambiguous_length",
        "message": "the request has both Content-Length and Transfer-Encoding",
        "hint": "send one of them",
    },
    (_CLOSE,),
)


def too_slow(seconds: float) -> _Refusal:
    """Return the response to a request that was not complete in time."""
    body: dict[str, object] = {
        "success": False,
        "error": "request_timeout",
        "message": f"the request was not whole after {seconds:g} seconds",
        "hint": "send head and body at once",
    }
    return _Refusal(408, body, (_CLOSE,))


def _unauthorized(detail: str) -> _Refusal:
    return _Refusal(401, {"detail": detail}, (CHALLENGE,))


def _too_large(limit: int) -> _Refusal:
    body = {
        "success": False,
        "error": "body_too_large",
        "message": f"the body has more than {limit} bytes",
        "hint": 'send {"session_id": "..."} and nothing else',
    }
    return _Refusal(413, body, (_CLOSE,))


async def _answer(send: Send, refusal: _Refusal) -> None:
    body = json.dumps(refusal.body).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *refusal.headers,
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _with_our_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in headers}
            headers += [header for header in OUR_HEADERS if header[0] not in names]
            message = {**message, "headers": headers}
        await send(message)

    return sending
