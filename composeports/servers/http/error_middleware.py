"""ASGI middleware that turns a bug into a JSON document and a log file, without a traceback."""

import json
from collections.abc import Callable

from composeports.servers.access_middleware import App, Message, Receive, Scope, Send
from composeports.servers.http.error_responses import problem


class ErrorMiddleware:
    """ASGI middleware that answers 500 if the application raises an unexpected exception."""

    def __init__(self, app: App, tell: Callable[[Exception], None]) -> None:
        """Wrap `app`; `tell` logs the exception and is called while the exception is handled."""
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; answer 500 if that fails before the response has started."""
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - catches every bug
            self._tell(error)
            if not started:
                await _answer(send)


async def _answer(send: Send) -> None:
    document = problem(
        "internal",
        "composeports failed unexpectedly",
        "this is a bug of composeports; the server's own output names a log file",
    )
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})
