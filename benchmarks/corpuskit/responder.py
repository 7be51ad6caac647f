"""A stand-in for a service: answers every request to its ports with one line, TCP as a web page.

Its text is passed to `python3 -c` inside a container: WORDS tcp:80 udp:53 ... are the arguments.
"""

import select
import socket
import sys


def listen(kind: str, port: int) -> socket.socket:
    """Return a socket that listens on a port of every address, IPv6 included if available."""
    style = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    try:
        made = socket.socket(socket.AF_INET6, style)
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind(("::", port))
    except OSError:
        made = socket.socket(socket.AF_INET, style)
        made.bind(("0.0.0.0", port))  # noqa: S104 - inside a container
    if kind == "tcp":
        made.listen(16)
    return made


def answer(ready: socket.socket, words: bytes) -> None:
    """Send the words to each client."""
    if ready.type == socket.SOCK_DGRAM:
        _, sender = ready.recvfrom(64)
        ready.sendto(words, sender)
        return
    caller, _ = ready.accept()
    with caller:
        caller.recv(400)
        caller.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + words)


def main(words: str, *ports: str) -> None:
    """Answer for ever."""
    listening = [
        listen(kind, int(port)) for kind, _, port in (each.partition(":") for each in ports)
    ]
    while True:
        for ready in select.select(listening, (), ())[0]:
            try:
                answer(ready, words.encode())
            except OSError as error:
                print(error, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
