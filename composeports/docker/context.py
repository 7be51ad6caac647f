"""Finds the engine's address as `docker` does, from the environment and Docker's own files.

It starts a program only if there is no other source: `ssh -G` to resolve an ssh alias, and
`docker context inspect` for a context that is not in a file. It imports almost nothing, because
`env` uses it.
"""

import os
from collections.abc import Mapping

from composeports.core.engine_address import (
    LOCALHOST,
    OF_FILES,
    SSH,
    Address,
    is_this_machine,
    split_address,
    without_brackets,
)

SOCKET = "unix:///var/run/docker.sock"
DEFAULT = "default"
# Host names of ssh aliases; they do not change while a program runs.
_hosts: dict[tuple[str, ...], str] = {}


class EngineEndpoint:
    """The engine's `address`, and the `host` where its published ports are reached.

    `address` is empty for an unknown context; docker itself reports the details. `local` is True if
    `host` is this machine. `context` is the name of the context that gave the address, and empty if
    DOCKER_HOST gave it.
    """

    __slots__ = ("address", "context", "host", "local")

    def __init__(self, address: str, host: str, *, local: bool, context: str = "") -> None:
        """Keep the values; `host` is a name or an IP address without brackets."""
        self.address = address
        self.host = host
        self.local = local
        self.context = context

    @property
    def socket(self) -> str:
        """The path of the engine's Unix socket; empty for another kind of address."""
        path = self.address.removeprefix("unix://")
        return path if path != self.address and path.startswith("/") else ""


def find_endpoint(environ: Mapping[str, str]) -> EngineEndpoint:
    """Return the address of the engine that `docker` uses, without checking that it runs.

    DOCKER_HOST wins, then DOCKER_CONTEXT, then the context in use. COMPOSEPORTS_HOST sets the host
    where the published ports are reached, if that is another host.
    """
    address, context = _find_address(environ)
    host = without_brackets(environ.get("COMPOSEPORTS_HOST", "").strip())
    if not host:
        host = _host_of(split_address(address), environ) if address else ""
    local = is_this_machine(host)
    return EngineEndpoint(address, LOCALHOST if local else host, local=local, context=context)


def docker_folder(environ: Mapping[str, str]) -> str:
    """Return the folder of Docker's own settings and plugins.

    Raise ConfigError for a relative path: docker would run plugins from the current folder.
    """
    for name in ("DOCKER_CONFIG", "HOME"):
        path = environ.get(name, "")
        if path:
            _refuse_relative(name, path)
            return path if name == "DOCKER_CONFIG" else os.path.join(path, ".docker")
    return os.path.join(os.path.expanduser("~"), ".docker")


def _refuse_relative(name: str, given: str) -> None:
    if os.path.isabs(given):
        return
    from composeports.errors import ConfigError  # noqa: PLC0415 - only for a wrong setting

    message = f"{name} is the relative path {given!r}: docker would run plugins of this folder"
    hint = f"set {name} to a path that begins with /"
    raise ConfigError(message, hint=hint, setting=name)


def is_secured(endpoint: EngineEndpoint, environ: Mapping[str, str]) -> bool:
    """Return True if no other party on the network can read or change the traffic to the engine.

    That is a connection within this machine, over ssh, or over TLS.
    """
    address = split_address(endpoint.address)
    if address.scheme in {SSH, *OF_FILES} or is_this_machine(address.host):
        return True
    if endpoint.context:
        folder = os.path.join(docker_folder(environ), "contexts", "tls", _key_of(endpoint.context))
        return os.path.isdir(folder)
    return bool(environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS"))


def _find_address(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the engine's address and the name of its context; empty for DOCKER_HOST."""
    address = environ.get("DOCKER_HOST", "").strip()
    if address:
        return address, ""
    name = environ.get("DOCKER_CONTEXT") or _context_in_use(docker_folder(environ))
    if name in {"", DEFAULT}:
        return SOCKET, DEFAULT
    return _address_in_file(name, environ) or _address_by_docker(name, environ), name


def _context_in_use(folder: str) -> str:
    """Return the name of the context set by `docker context use`; empty if there is none."""
    text = _read(os.path.join(folder, "config.json"))
    if b"currentContext" not in text:
        return ""
    return _text_in(text, "currentContext")


def _address_in_file(name: str, environ: Mapping[str, str]) -> str:
    path = os.path.join(docker_folder(environ), "contexts", "meta", _key_of(name), "meta.json")
    return _text_in(_read(path), "Endpoints", "docker", "Host")


def _key_of(context: str) -> str:
    """Return the name of the folders in which Docker stores the files of a context."""
    from hashlib import sha256  # noqa: PLC0415 - only for a context

    return sha256(context.encode("utf-8", "surrogateescape")).hexdigest()


def _address_by_docker(name: str, environ: Mapping[str, str]) -> str:
    """Return the address of a context from `docker context inspect`; empty if that fails."""
    from composeports.host.process import start  # noqa: PLC0415 - rare

    form = "{{.Endpoints.docker.Host}}"
    answer = start(("docker", "context", "inspect", "--format", form, "--", name), environ).finish()
    return "" if answer.code else answer.out.strip()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _text_in(document: bytes, *keys: str) -> str:
    """Return the text under these keys of a JSON document; empty if there is none."""
    if not document:
        return ""
    import json  # noqa: PLC0415 - only for a context

    try:
        value = json.loads(document)
        for key in keys:
            value = value[key]
    except (ValueError, KeyError, TypeError):
        return ""
    return value if isinstance(value, str) else ""


def _host_of(address: Address, environ: Mapping[str, str]) -> str:
    if address.scheme in OF_FILES:
        return LOCALHOST
    if address.scheme != SSH:
        return address.host
    key = (address.user, address.port, address.host, environ.get("HOME", ""))
    if key not in _hosts:
        _hosts[key] = _host_by_ssh(address, environ) or address.host
    return _hosts[key]


def _host_by_ssh(address: Address, environ: Mapping[str, str]) -> str:
    """Return the host that ssh would connect to; empty if `ssh -G` does not print one."""
    from composeports.host.process import start  # noqa: PLC0415 - only for ssh

    user = ("-l", address.user) if address.user else ()
    port = ("-p", address.port) if address.port else ()
    answer = start(("ssh", "-G", *user, *port, "--", address.host), environ).finish()
    for line in answer.out.splitlines():
        word, _, text = line.partition(" ")
        if word.lower() == "hostname" and not answer.code:
            return without_brackets(text.strip())
    return ""
