"""Let other machines reach an engine: its certificates, and an sshd beside it; no client."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import shell
from devkit.cache import DevError
from devkit.packages import Wish, unpacked
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TLS_PORT = 2376
SSH_PORT = 22
_DAYS = 365
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
# sshd wants a user and a folder of its own, which unpacking its package does not make. In a mount
# namespace /etc gets a layer and /run is empty, so that the machine stays as it was.
_PRIVATE_PLACES = (
    *("unshare", "--mount", "--propagation", "slave", "sh", "-ec"),
    """
    layer=$0/etc
    mkdir -p "$layer/upper" "$layer/work"
    mount -t overlay -o "lowerdir=/etc,upperdir=$layer/upper,workdir=$layer/work" overlay /etc
    grep -q '^sshd:' /etc/passwd ||
        echo 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin' >> /etc/passwd
    sed -i 's/^root:[!*][^:]*:/root:x:/' /etc/shadow
    mount -t tmpfs tmpfs /run
    mkdir /run/sshd
    exec "$@"
    """,
)


def tls_words(home: Path, address: str) -> list[str]:
    """Return dockerd options to listen at an address for clients with a certificate of `home`."""
    place = home / "tls"
    if not (place / "cert.pem").exists():
        _make_certificates(place, address)
    return [
        *("--host", f"tcp://{address}:{TLS_PORT}", "--tlsverify"),
        *("--tlscacert", str(place / "ca.pem")),
        *("--tlscert", str(place / "server-cert.pem"), "--tlskey", str(place / "server-key.pem")),
    ]


def _make_certificates(place: Path, address: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    own = ("-keyout", "ca-key.pem", "-out", "ca.pem")
    _openssl(place, "req", "-x509", *_KEY, "-days", str(_DAYS), "-subj", "/CN=test-ca", *own)
    for name, prefix, more in (
        ("server", "server-", f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n"),
        ("client", "", "extendedKeyUsage=clientAuth\n"),
    ):
        (place / f"{name}.ext").write_text(more)
        asked = ("-subj", f"/CN={name}", "-out", f"{name}.csr")
        _openssl(place, "req", *_KEY, "-keyout", f"{prefix}key.pem", *asked)
        signer = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-days", str(_DAYS))
        made = ("-extfile", f"{name}.ext", "-out", f"{prefix}cert.pem")
        _openssl(place, "x509", "-req", "-in", f"{name}.csr", *signer, *made)


def openssl_program() -> str:
    """Return the program: the machine's own, else that of its release, unpacked."""
    found = shutil.which("openssl")
    if found is not None:
        return found
    machine = read_machine().codename
    tree = unpacked(f"openssl-{machine}", Wish(machine, ("openssl",), needs="missing"))
    return str(tree / "usr/bin/openssl")


def ssh_tree() -> Path:
    """Return the unpacked server and client of ssh, as far as the machine lacks them."""
    machine = read_machine().codename
    wish = Wish(machine, ("openssh-server", "openssh-client"), needs="missing")
    return unpacked(f"ssh-{machine}", wish)


def _openssl(place: Path, *words: str) -> None:
    shell.run([openssl_program(), *words], cwd=place)


def serve_ssh(
    home: Path,
    address: str,
    server: Mapping[str, str],
    client: Mapping[str, str],
    prefix: Sequence[str],
) -> None:
    """Start an sshd whose sessions have the `client` variables, and wait until it listens.

    `bin/ssh` in its folder is an ssh that knows it by the engine's name.
    """
    place = home / "ssh"
    place.mkdir(exist_ok=True)
    tools = _ssh_tools(server)
    for name in ("host_key", "key"):
        if not (place / name).exists():
            words = (tools["ssh-keygen"], "-q", "-t", "ed25519", "-N", "", "-f", place / name)
            shell.run(words, env=server)
    _write_settings(place, home.name, address, client, tools)
    command = (tools["sshd"], "-D", "-e", "-f", str(place / "sshd_config"))
    started = [*prefix, *_PRIVATE_PLACES, str(place), *command]
    process = shell.start(started, env=tools, log=place / "sshd.log")
    deadline = time.monotonic() + 20
    while not _listens(address):
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            said = (place / "sshd.log").read_text(errors="replace")
            message = f"sshd of engine {home.name} did not start:\n{said[-800:]}"
            raise DevError(message)
        time.sleep(0.05)


def _listens(address: str) -> bool:
    with suppress(OSError), socket.create_connection((address, SSH_PORT), timeout=1):
        return True
    return False


def _ssh_tools(server: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for ssh's programs, with their paths by name beside it."""
    tree = ssh_tree()
    folders = [tree / part for part in ("usr/sbin", "usr/bin")]
    path = ":".join([*map(str, folders), server["PATH"], "/usr/sbin"])
    libraries = [str(each) for each in (tree / "usr/lib").glob("*-linux-gnu")]
    libraries += [str(each) for each in (tree / "lib").glob("*-linux-gnu")]
    environ = {"PATH": path, "LD_LIBRARY_PATH": ":".join(libraries)}
    for name in ("sshd", "ssh", "ssh-keygen"):
        found = shutil.which(name, path=path)
        if found is None:
            raise DevError(f"{name} is neither on PATH nor in {tree}")
        environ[name] = found
    for name in ("sshd-session", "sshd-auth"):
        if (program := tree / "usr/lib/openssh" / name).exists():
            environ[name] = str(program)
    return environ


def _write_settings(
    place: Path, alias: str, address: str, client: Mapping[str, str], tools: Mapping[str, str]
) -> None:
    variables = " ".join(f"{name}={value}" for name, value in client.items())
    settings = {
        "Port": SSH_PORT,
        "ListenAddress": address,
        "HostKey": place / "host_key",
        "AuthorizedKeysFile": place / "key.pub",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "UseDNS": "no",
        "PermitRootLogin": "prohibit-password",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "MaxStartups": 100,
        "SetEnv": variables,
    }
    if "sshd-session" in tools:  # since OpenSSH 10
        settings |= {"SshdSessionPath": tools["sshd-session"], "SshdAuthPath": tools["sshd-auth"]}
    (place / "sshd_config").write_text(_lines(settings))
    (place / "known_hosts").write_text(f"{address} {(place / 'host_key.pub').read_text()}")
    known = {
        "Host": alias,
        "HostName": address,
        "User": "root",
        "IdentityFile": place / "key",
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": place / "known_hosts",
        "StrictHostKeyChecking": "yes",
    }
    (place / "config").write_text(_lines(known))
    program = place / "bin" / "ssh"
    program.parent.mkdir(exist_ok=True)
    program.write_text(
        f"#!/bin/sh\nLD_LIBRARY_PATH='{tools['LD_LIBRARY_PATH']}' "
        f'exec {tools["ssh"]} -F {place / "config"} "$@"\n'
    )
    program.chmod(0o755)


def _lines(settings: Mapping[str, object]) -> str:
    return "".join(f"{name} {value}\n" for name, value in settings.items())


def end_ssh(namespace: str) -> None:
    """End every sshd in the engine's own network namespace."""
    for pid in _servers(namespace):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 5
    while list(_servers(namespace)) and time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.02)


def _servers(namespace: str) -> Iterator[int]:
    try:
        inside = Path("/run/netns", namespace).stat().st_ino
    except OSError:
        return
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name, _, state = (process / "stat").read_text().rpartition(")")
            runs = "(sshd" in name and state.split()[0] != "Z"
            if runs and (process / "ns/net").stat().st_ino == inside:
                yield int(process.name)


def variables(home: Path, facts: Mapping[str, str]) -> dict[str, str]:
    """Return where another machine finds the engine, as far as it is reached from others."""
    found = {}
    if "tcp" in facts.get("ways", ""):
        found["COMPOSEPORTS_DEV_TCP"] = f"tcp://{facts['address']}:{TLS_PORT}"
        found["COMPOSEPORTS_DEV_CERTIFICATES"] = str(home / "tls")
    if "ssh" in facts.get("ways", ""):
        found["COMPOSEPORTS_DEV_SSH"] = f"ssh://{home.name}"
        found["COMPOSEPORTS_DEV_SSH_PATH"] = str(home / "ssh" / "bin")
    return found
