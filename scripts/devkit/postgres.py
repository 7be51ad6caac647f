"""Start, restart and stop private PostgreSQL servers; installs nothing.

The server refuses to run as root, and its files may be in root's home. If the caller is root, the
server runs as the user `nobody`, with only the right to read and search files of other users.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from devkit import cache, shell
from devkit.cache import DevError
from devkit.postgres_programs import Programs, programs

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

Mode = Literal["fast", "immediate"]

_SIGNALS: Mapping[Mode, signal.Signals] = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
# The file that names the process that a bound server belongs to.
_OWNER = "owner"
_RIGHTS = "+dac_read_search"
_USER = "nobody"
_HBA = "local all all trust\nhost all all all scram-sha-256\n"
# The socket's own name comes after it.
_LONGEST_HOME = 107 - len("/run/.s.PGSQL.65535")
# Servers that this process started, by pid.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
_SETTINGS = {
    "jit": "off",
    "timezone": "GMT",
    "log_timezone": "GMT",
    "max_connections": "120",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "posix",
    "unix_socket_permissions": "0777",
    "log_line_prefix": "%m [%p] %q%a ",
    # No data must survive a power cut unless a caller requests it; a kill loses no data.
    "fsync": "off",
}


@dataclass(frozen=True)
class Server:
    """The directory of one server; everything it writes is below it."""

    home: Path

    @property
    def name(self) -> str:
        """Return the name that the server was started under."""
        return self.home.name

    @property
    def data(self) -> Path:
        """Return the data directory."""
        return self.home / "data"

    @property
    def run(self) -> Path:
        """Return the folder of the Unix socket."""
        return self.home / "run"

    @property
    def log(self) -> Path:
        """Return the file of the server's own output."""
        return self.home / "server.log"

    @property
    def address(self) -> tuple[str, int]:
        """Return host and port, as they were chosen at the first start."""
        host, _, port = (self.home / "address").read_text().rpartition(" ")
        return host, int(port)

    @property
    def password(self) -> str:
        """Return the password of the superuser `postgres`, needed over TCP."""
        return (self.home / "password").read_text()

    def socket_url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database through the Unix socket, which trusts everybody."""
        port = self.address[1]
        return f"postgresql:///{database}?host={quote(str(self.run), '')}&port={port}&user={user}"

    def tcp_url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """Return the URL of a database over TCP, with the superuser's password in it."""
        host, own = self.address
        return f"postgresql://postgres:{self.password}@{host}:{port or own}/{database}"

    def pid(self) -> int | None:
        """Return the pid of the running server, checked against its command line."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.data) in words else None


def server(name: str) -> Server:
    """Return the server of a name, running or not."""
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        message = f"server name {name!r}: use letters, digits, - and _ only"
        raise DevError(message)
    home = cache.root() / "postgres" / name
    if len(os.fsencode(home)) > _LONGEST_HOME:
        message = f"{home} is too long for a socket path; set COMPOSEPORTS_DEV_CACHE to another one"
        raise DevError(message)
    return Server(home)


def servers() -> list[Server]:
    """Return the servers that have a directory in the cache."""
    return [Server(path.parent) for path in sorted((cache.root() / "postgres").glob("*/address"))]


def start(
    name: str,
    *,
    host: str = "127.0.0.1",
    settings: Mapping[str, str] | None = None,
    bound: bool = False,
    prefix: Sequence[str] = (),
) -> Server:
    """Start a server if it does not run; return it once it answers.

    One that is `bound` ends with the thread that started it, however that ends. `prefix` are
    words that run a program where the server belongs.
    """
    target = server(name)
    if bound:
        _forget_abandoned()
    with cache.locked(f"postgres-{name}"):
        if target.pid() is None:
            _prepare(target, host)
            if bound:
                (target.home / _OWNER).write_text(str(os.getpid()))
            _launch(target, {**_SETTINGS, **(settings or {})}, prefix, bound=bound)
    return target


def stop(name: str, mode: Mode = "fast") -> bool:
    """Stop a server and remove everything it wrote; return True if there was one."""
    target = server(name)
    with cache.locked(f"postgres-{name}"):
        there = target.home.is_dir()
        halt(target, mode)
        shutil.rmtree(target.home, ignore_errors=True)
    return there


def halt(target: Server, mode: Mode = "fast", limit: float = 30) -> None:
    """End a server and wait for that; its data stays, and `start` brings it back."""
    pid = target.pid()
    if pid is None:
        return
    os.kill(pid, _SIGNALS[mode])
    end = time.monotonic() + limit
    while target.pid() is not None:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            end = time.monotonic() + limit
        time.sleep(0.01)
    child = _CHILDREN.pop(pid, None)
    if child is not None:
        child.wait()


def restart(
    target: Server,
    mode: Mode = "fast",
    *,
    settings: Mapping[str, str] | None = None,
    bound: bool = False,
) -> None:
    """Stop or kill a server, and start it on the same address and data."""
    halt(target, mode)
    start(target.name, settings=settings, bound=bound)


def _forget_abandoned() -> None:
    """Remove what bound servers left whose owner was killed, and they with it."""
    for target in servers():
        with suppress(OSError, ValueError):
            owner = int((target.home / _OWNER).read_text())
            if not Path(f"/proc/{owner}").exists() and target.pid() is None:
                shutil.rmtree(target.home, ignore_errors=True)


def _prepare(target: Server, host: str) -> None:
    """Make the server's files as a copy of a template, unless they are there."""
    if (target.home / "address").exists():
        return
    template = prepare()
    shutil.rmtree(target.home, ignore_errors=True)
    target.home.mkdir(parents=True)
    shell.run(["cp", "-a", template, target.data])
    shutil.copyfile(template.with_name("password"), target.home / "password")
    (target.home / "password").chmod(0o600)
    target.run.mkdir()
    for path in (target.home, target.run):
        _give(path)
    (target.home / "address").write_text(f"{host} {_free_port(host)}")


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        try:
            probe.bind((host, 0))
        except OSError:  # an address of another network namespace
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _give(path: Path) -> None:
    if os.geteuid() == 0:
        found = pwd.getpwnam(_USER)
        os.chown(path, found.pw_uid, found.pw_gid)


def _as_user(*, bound: bool = False) -> list[str]:
    """Return the command prefix that runs a program as a user other than root."""
    words = ["--pdeathsig", "INT"] if bound else []
    if os.geteuid() == 0:
        words += ["--reuid", _USER, "--regid", str(pwd.getpwnam(_USER).pw_gid), "--clear-groups"]
        words += ["--inh-caps", _RIGHTS, "--ambient-caps", _RIGHTS]
    return ["setpriv", *words] if words and shutil.which("setpriv") else []


def prepare() -> Path:
    """Return a data directory that initdb made, once for each version; fetch the server first."""
    found = programs()
    version = shell.run([found.folder / "postgres", "--version"], env=_environment(found))
    digest = sha256(f"{version}{_HBA}".encode()).hexdigest()[:8]
    folder = cache.root() / "postgres" / f"template-{digest}"
    with cache.locked("postgres-template"):
        if not (folder / "data").is_dir():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            _give(folder)
            (folder / "password").write_text(secrets.token_urlsafe(12))
            _initdb(found, folder)
    return folder / "data"


def _initdb(found: Programs, folder: Path) -> None:
    making = folder / "making"
    options = {
        "--pgdata": making,
        "--username": "postgres",
        "--pwfile": folder / "password",
        "--locale": "C",
        "--encoding": "UTF8",
        "--wal-segsize": "1",
        "--auth-host": "scram-sha-256",
    }
    words = [f"{key}={value}" for key, value in options.items()]
    argv = [*_as_user(), str(found.folder / "initdb"), "--no-sync", *words]
    shell.run(argv, env=_environment(found), cwd=folder)
    hba = making / "pg_hba.conf"
    hba.write_text(_HBA)
    making.rename(folder / "data")


def _launch(
    target: Server, settings: Mapping[str, str], prefix: Sequence[str], *, bound: bool
) -> None:
    found = programs()
    host, port = target.address
    asked = {
        "listen_addresses": host,
        "port": str(port),
        "unix_socket_directories": str(target.run),
        **settings,
    }
    pairs = [f"--{key}={value}" for key, value in asked.items()]
    program = [str(found.folder / "postgres"), "-D", str(target.data), *pairs]
    argv = [*prefix, *_as_user(bound=bound), *program]
    process = shell.start(argv, env=_environment(found), log=target.log)
    _CHILDREN[process.pid] = process
    if not _answers_in_time(target, process):
        process.kill()
        process.wait()
        tail = "\n".join(target.log.read_text(errors="replace").splitlines()[-12:])
        message = f"the PostgreSQL server {target.name} did not start:\n{tail}\n({target.log})"
        raise DevError(message)


def _answers_in_time(target: Server, process: subprocess.Popen[bytes], limit: float = 60) -> bool:
    """Wait for the line of the pid file that says that the server is ready."""
    end = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError):
            lines = (target.data / "postmaster.pid").read_text().splitlines()
            if lines[7:] and lines[7].strip() == "ready" and int(lines[0]) == process.pid:
                return True
        time.sleep(0.01)
    return False


def _environment(found: Programs) -> dict[str, str]:
    return {**os.environ, **found.environment, "LC_ALL": "C", "TZ": "UTC"}
