"""The address for clients of a published port: a URL if the port speaks HTTP, else host:port."""

from composeports.core.compose_project import PublishedPort
from composeports.core.engine_address import LOCALHOST, in_url

# Well-known container ports without HTTP, from the IANA registry and the vendors' images.
NOT_HTTP = frozenset(
    {21, 22, 23, 25, 53, 88, 110, 111, 123, 143, 389, 445, 465, 514, 587, 636, 873, 993, 995}
    | {1025, 1080, 1433, 1521, 1883, 2181, 2222, 3306, 3389, 4222, 5044, 5060, 5432, 5672, 5900}
    | {6379, 6432, 6650, 7000, 7687, 8883, 9042, 9092, 9093, 9094, 10050, 10051, 11211, 26257}
    | {26379, 27017, 28015, 29092, 33060, 50000, 50051, 54322, 61613, 61616}
)
HTTPS = frozenset({443, 4443, 6443, 8443, 9443})
EVERYWHERE = frozenset({"", "0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104 - read, not bound


def client_url(port: PublishedPort, number: int, host: str = LOCALHOST) -> str:
    """Return the address of a published port whose host port is `number`.

    For example `http://localhost:10004`, or `localhost:10000` if the port does not speak HTTP.
    """
    name = host if port.host_ip in EVERYWHERE else port.host_ip
    address = f"{in_url(name)}:{number}"
    scheme = _scheme(port)
    return f"{scheme}://{address}" if scheme else address


def _scheme(port: PublishedPort) -> str:
    app_protocol = port.app_protocol.lower()
    if app_protocol in {"http", "https", "ws", "wss"}:
        return app_protocol
    if app_protocol or port.protocol != "tcp" or port.target in NOT_HTTP:
        return ""
    return "https" if port.target in HTTPS else "http"
