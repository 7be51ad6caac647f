"""Wait until a service answers at its URL, as `url --wait` does."""

import time
from contextlib import nullcontext

from composeports.core.port_keys import parse_port_key
from composeports.errors import NotReadyError, UnknownPortError
from composeports.host.port_answers import answers
from composeports.usecases.session import Session
from composeports.usecases.status import PortUrl, port_url, url

CHECK_SECONDS = 0.3


def url_that_answers(
    session: Session, service: str, port: str, limit: float, *, own_host: bool = False
) -> str:
    """Return the URL of the service's port when a program answers there.

    Wait for `limit` seconds at most, also for a service without a container; then NotReadyError, or
    the error of `url` if there is no such URL. A port that is not TCP answers as soon as its
    container runs.
    """
    context = session.context
    deadline = time.monotonic() + limit
    progress = context.progress(f"waiting for {service}") if context.progress else nullcontext()
    with progress:
        while True:
            error: UnknownPortError | None = None
            try:
                found = port_url(session, service, port)
                if _answers(found):
                    return url(session, service, port, own_host=own_host)
            except UnknownPortError as unknown:
                error = unknown
            if time.monotonic() >= deadline:
                raise error or _not_ready(service, found.url, limit)
            context.sleep(CHECK_SECONDS)
            session.store.reread()


def _answers(found: PortUrl) -> bool:
    if parse_port_key(found.key).protocol not in {"", "tcp"}:
        return True
    host, number = _host_and_port(found.url)
    return answers(host, number, http=found.url.startswith("http"))


def _host_and_port(address: str) -> tuple[str, int]:
    """Return host and port of `http://localhost:10004` or `[::1]:10001`."""
    text = address.partition("://")[2] or address
    host, _, number = text.rstrip("/").rpartition(":")
    return host.strip("[]"), int(number)


def _not_ready(service: str, address: str, limit: float) -> NotReadyError:
    return NotReadyError(
        f"{service} does not answer at {address} after {limit:g} s",
        hint=f"`composeports logs {service}` shows what it does, `composeports ps` whether it runs",
        service=service,
        url=address,
    )
