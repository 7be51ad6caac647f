"""Find the URL of a service that a browser can open."""

from typing import NamedTuple

from composeports.core.lease import Lease
from composeports.core.web_ports import addresses_in_words, is_web_address, web_services
from composeports.errors import UnknownPortError
from composeports.usecases.lease import read_lease
from composeports.usecases.session import Session
from composeports.usecases.status import containers_of, url


class WebUrl(NamedTuple):
    """A service and its URL."""

    service: str
    url: str


def web_url(
    session: Session, service: str = "", port: str = "", *, own_host: bool = False
) -> WebUrl:
    """Return the URL of a service of the running stack; `port` and `own_host` are as for `url`.

    Without a service, it is the one whose port speaks HTTP. NoLeaseError if the session holds no
    lease; UnknownPortError if its stack does not run, or if no port or several ports fit.
    """
    lease = read_lease(session)
    containers = containers_of(session, lease)
    if containers is not None and not any(container.is_running for container in containers):
        raise UnknownPortError(
            f"the stack {lease.project} does not run",
            hint="`composeports up` starts it",
            ports=dict(lease.ports),
        )
    service = service or _only_service(lease)
    address = url(session, service, port, command="open", own_host=own_host)
    if not is_web_address(address):
        message = f"{address} of {service} does not speak HTTP, so no browser opens it"
        raise _not_web(message, lease)
    return WebUrl(service, address)


def _only_service(lease: Lease) -> str:
    services = web_services(lease.urls)
    if len(services) == 1:
        return services[0]
    if services:
        message = f"several services speak HTTP: {', '.join(services)}"
        hint = "say which: `composeports open SERVICE`"
        raise UnknownPortError(message, hint=hint, ports=dict(lease.ports))
    raise _not_web("no published port of this session's stack speaks HTTP", lease)


def _not_web(message: str, lease: Lease) -> UnknownPortError:
    addresses = addresses_in_words(lease.urls) or "none"
    return UnknownPortError(message, hint=f"published: {addresses}", ports=dict(lease.ports))
