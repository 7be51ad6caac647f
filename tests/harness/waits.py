"""Wait for conditions and for pages; a test that waits too long fails and says for what."""

import time
import urllib.request
from collections.abc import Callable
from typing import TypeVar

# Seconds after which a test reports a hang; no test measures speed with it. A loaded machine may
# take a minute for what an idle one does in a second.
HANG = 300.0

Answer = TypeVar("Answer")


def wait_until(ready: Callable[[], Answer], what: str, seconds: float = HANG) -> Answer:
    """Return the first true answer of `ready`; an OSError means: not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ready()
            if answer:
                return answer
            last = repr(answer)
        except OSError as error:
            last = str(error)
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {last})"
        time.sleep(0.02)  # between two checks of the condition; the deadline ends a hang


def fetch(url: str) -> str:
    """Return the page at a URL, or at a host:port."""
    address = url if "://" in url else f"http://{url}"
    with urllib.request.urlopen(address, timeout=5) as answer:
        text: str = answer.read().decode().strip()
    return text


def page(url: str, seconds: float = HANG) -> str:
    """Return the page at a URL as soon as it answers."""
    return wait_until(lambda: fetch(url), f"an answer from {url}", seconds)
