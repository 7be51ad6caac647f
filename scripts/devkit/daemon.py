"""Start one private dockerd, wait for it, and stop it by its own pid; touches no other engine."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import cache, kinds, leftovers, shell
from devkit.cache import DevError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

# dockerd keeps the key that its id comes from in /etc/docker, and containerd makes directories in
# /opt, whatever they are told. In a mount namespace both get a layer of their own there, so that
# engines have ids of their own and the machine stays as it was.
_PRIVATE_PLACES = (
    *("unshare", "--mount", "--propagation", "slave", "sh", "-c"),
    """
    home=$0
    for place in etc opt; do
        layer=$home/private/$place
        mkdir -p "$layer/upper" "$layer/work"
        mount -t overlay -o "lowerdir=/$place,upperdir=$layer/upper,workdir=$layer/work" \\
            overlay "/$place" || { echo "no private /$place: continuing without"; continue; }
        # The key of an engine that this machine had before would give them all one id.
        [ "$place" = opt ] || [ -e "$layer/upper/docker/key.json" ] || rm -f /etc/docker/key.json
    done
    if [ -n "$MACHINE_NAME" ]; then
        echo "$MACHINE_NAME" > /proc/sys/kernel/hostname
        mkdir -p "$home/data" /opt/engine-data
        mount --bind "$home/data" /opt/engine-data
    fi
    exec "$@"
    """,
)
# Docker starts itself, runc and shims many times for each container. With Go's default (100), the
# garbage collector takes a quarter of the time of such a short program.
_GO = {"GOGC": "400"}
# Where an engine that stands for one of a machine of its own has its data, like all of its kind.
_ON_A_MACHINE = Path("/opt/engine-data")
# Unix socket paths end at 107 bytes; containerd puts its own ones this far below ours.
_LONGEST_HOME = 107 - len("/exec/containerd/containerd-debug.sock")


@dataclass(frozen=True)
class Engine:
    """The directory of one private engine; everything it writes is below it."""

    home: Path

    @property
    def name(self) -> str:
        """Return the name that the engine was started under."""
        return self.home.name

    @property
    def socket(self) -> Path:
        """Return the socket that the engine answers on."""
        return self.home / "docker.sock"

    @property
    def docker_host(self) -> str:
        """Return the value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        """Return the file with dockerd's output."""
        return self.home / "dockerd.log"

    def facts(self) -> dict[str, str]:
        """Return what was written down when the engine was started."""
        file = self.home / "engine.json"
        if not file.is_file():
            return {}
        return {str(key): str(value) for key, value in json.loads(file.read_text()).items()}

    @property
    def kind(self) -> str:
        """Return which of `kinds.KINDS` it is."""
        return self.facts().get("kind", kinds.DOCKER)

    def remember(self, facts: Mapping[str, str]) -> None:
        """Record everything that is needed to use and stop the engine later."""
        self.home.mkdir(parents=True, exist_ok=True)
        fresh = self.home / "engine.json.new"
        fresh.write_text(json.dumps(dict(facts), indent=2) + "\n")
        fresh.replace(self.home / "engine.json")

    def pid(self) -> int | None:
        """Return the pid of the running dockerd, checked against its command line."""
        try:
            pid = int((self.home / "docker.pid").read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if os.fsencode(self.docker_host) in words else None

    def answers(self) -> bool:
        """Return True if the engine answers a ping now."""
        connection = http.client.HTTPConnection("engine", timeout=5)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(5)
        try:
            connection.sock.connect(str(self.socket))
            connection.request("GET", "/_ping")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def engine(name: str) -> Engine:
    """Return the engine of a name, running or not."""
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        message = f"engine name {name!r}: use letters, digits, - and _ only"
        raise DevError(message)
    home = cache.root() / "engines" / name
    if len(os.fsencode(home)) > _LONGEST_HOME:
        message = (
            f"{home} is too long for a socket path; set COMPOSEPORTS_DEV_CACHE to a shorter one"
        )
        raise DevError(message)
    return Engine(home)


def engines() -> list[Engine]:
    """Return the engines that have a directory in the cache."""
    return [Engine(path) for path in sorted((cache.root() / "engines").glob("*")) if path.is_dir()]


def launch(
    target: Engine, env: Mapping[str, str], prefix: Sequence[str], more: Sequence[str] = ()
) -> None:
    """Start the engine in the background, dockerd with `more` words, and wait until it answers."""
    (target.home / "docker.pid").unlink(missing_ok=True)
    # What runs is told there, which a machine forgets when it starts: it lies in memory elsewhere.
    leftovers.erase(target.home / "exec")
    (target.home / "daemon.json").write_text("{}\n")
    cache.say(f"starting engine {target.name}")
    begun = time.monotonic()
    if target.kind != kinds.DOCKER:
        process = kinds.launch(target, target.kind, prefix)
    else:
        name = target.facts().get("machine", "")
        alone = ("unshare", "--uts") if name else ()
        command = [*prefix, *alone, *_PRIVATE_PLACES, str(target.home), *_command(target), *more]
        process = shell.start(command, env={**env, "MACHINE_NAME": name}, log=target.log)
    _wait(target, process)
    cache.say(f"engine {target.name} answers after {time.monotonic() - begun:.1f} s")


def _command(target: Engine) -> list[str]:
    settings = {
        "--host": target.docker_host,
        "--data-root": _ON_A_MACHINE if target.facts().get("machine") else target.home / "data",
        "--exec-root": target.home / "exec",
        "--pidfile": target.home / "docker.pid",
        # The machine's own /etc/docker/daemon.json and containerd stay out of it.
        "--config-file": target.home / "daemon.json",
        "--containerd-namespace": f"dev-{target.name}",
        "--containerd-plugins-namespace": f"dev-{target.name}-plugins",
        "--shutdown-timeout": 3,
    }
    return ["dockerd", *(str(word) for pair in settings.items() for word in pair)]


def _wait(target: Engine, process: subprocess.Popen[bytes]) -> None:
    answered = False
    try:
        answered = _answers_in_time(target, process)
    finally:
        # Otherwise it would continue to run, and no program would know it.
        if not answered:
            _end(target, process.pid)
            process.wait()
    if not answered:
        message = f"engine {target.name} did not start:\n{_complaints(target.log)}"
        raise DevError(message)


def _complaints(log: Path) -> str:
    """Return the end of a dockerd log without the lines that report progress."""
    lines = log.read_text(errors="replace").splitlines()
    told = [line for line in lines if "level=info" not in line and "level=warning" not in line]
    return "\n".join([*told[-12:], f"(more in {log})"])


def _answers_in_time(target: Engine, process: subprocess.Popen[bytes], limit: float = 60) -> bool:
    deadline = time.monotonic() + limit
    while not target.answers():
        if process.poll() is not None or time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def halt(target: Engine, limit: float = 30) -> None:
    """Stop dockerd and its containers, and wait until every process of theirs is gone."""
    pid = target.pid()
    if pid is not None:
        _end(target, pid)
    deadline = time.monotonic() + limit
    while target.pid() is not None and time.monotonic() < deadline:
        _reap(pid)
        time.sleep(0.05)
    leftovers.end_processes(target.home)
    if target.kind != kinds.DOCKER:
        kinds.sweep(target)


def _end(target: Engine, pid: int) -> None:
    """Ask an engine's process to end; one of another kind is killed with all that it started."""
    with suppress(OSError):
        if target.kind == kinds.DOCKER:
            os.kill(pid, signal.SIGTERM)
        else:
            kinds.end(pid)


def _reap(pid: int | None) -> None:
    """Collect the process when it is our own child, so that it does not linger as a zombie."""
    with suppress(ChildProcessError):
        os.waitpid(pid or -1, os.WNOHANG)
