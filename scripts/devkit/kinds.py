"""Engines of other kinds: Podman, and rootless engines; installs nothing."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import leftovers, packages, shell
from devkit.cache import DevError
from devkit.packages import Wish, unpacked
from devkit.sources import read_machine

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

    from devkit.daemon import Engine

DOCKER = "docker"
KINDS = (DOCKER, "podman", "podman-rootless", "docker-rootless")
# The release of the machine on which these can run.
RELEASE = "bookworm"
NEWEST = "forky"
_PACKAGES = (
    *("podman", "netavark", "aardvark-dns", "crun", "iptables", "iproute2"),
    *("slirp4netns", "uidmap", "rootlesskit", "docker.io"),
)
_MORE = {NEWEST: ("docker-cli", "containerd", "nftables", "passt")}
_LODGE = Path(__file__).with_name("lodge.sh")
_USER = "composeports-dev"
_ID, _SUBORDINATES = 54_321, "4300000:65536"
_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--mount-proc")
_CONTAINERS = """\
[containers]
log_driver = "k8s-file"
{limits}[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
# The newest version asks for more files and processes than may be had here.
_LIMITS = {NEWEST: 'default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]\n'}
_STORAGE = """\
[storage]
driver = "overlay"
graphroot = "/mnt/data"
runroot = "{runs}"
"""


def available() -> bool:
    """Return True if this machine can have them."""
    return os.geteuid() == 0 and packages.available() and read_machine().codename == RELEASE


def tree(release: str = RELEASE) -> Path:
    """Return the unpacked programs of all of them, with what the machine's own release lacks."""
    names = (*_PACKAGES, *_MORE.get(release, ()))
    return unpacked(f"kinds-{release}", Wish(release, names, "missing"))


def newest() -> Path:
    """Return the unpacked programs of the newest release."""
    return tree(NEWEST)


def launch(target: Engine, kind: str, prefix: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start an engine of a kind in the background."""
    if not available():
        message = f"an engine of kind {kind} can be made only by root on Debian {RELEASE}"
        raise DevError(message)
    release = target.facts().get("release") or RELEASE
    programs = tree(release)
    _furnish(target.home, release)
    lodge = ["sh", str(_LODGE), str(target.home), str(programs), kind, _USER, target.docker_host]
    process = shell.start([*prefix, *_NAMESPACES, *lodge], env=os.environ, log=target.log)
    (target.home / "docker.pid").write_text(f"{process.pid}\n")
    return process


def _furnish(home: Path, release: str) -> None:
    """Write what packages that are only unpacked lack: users, links, settings."""
    for part in ("run", "private/etc/work", "private/lib/work"):
        shutil.rmtree(home / part, ignore_errors=True)
    etc = home / "private/etc/upper"
    for part in ("run", "user", "private/etc/work", "private/lib/work", "private/lib/upper"):
        (home / part).mkdir(parents=True, exist_ok=True)
    (etc / "containers").mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    files = {
        "passwd": f"{passwd.rstrip()}\n{_USER}:x:{_ID}:{_ID}::/mnt/user:/bin/sh\n",
        "group": f"{group.rstrip()}\n{_USER}:x:{_ID}:\n",
        # There is no network but the machine's own: who asks for a registry hears so at once.
        "resolv.conf": "nameserver 127.0.0.1\noptions attempts:1 timeout:1\n",
        "subuid": f"{_USER}:{_SUBORDINATES}\n",
        "subgid": f"{_USER}:{_SUBORDINATES}\n",
        "containers/containers.conf": _CONTAINERS.format(limits=_LIMITS.get(release, "")),
        "containers/storage.conf": _STORAGE.format(runs="/run/containers/storage"),
    }
    for name, text in files.items():
        (etc / name).write_text(text)
    # Rootless, newer versions need it in the user's own folder.
    settings = home / "user/.config/containers"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "storage.conf").write_text(_STORAGE.format(runs="/mnt/run/containers"))
    _link_iptables(home / "links/sbin")


def _link_iptables(folder: Path) -> None:
    """Make the names that Debian makes when the package is configured."""
    folder.mkdir(parents=True, exist_ok=True)
    for family in ("iptables", "ip6tables"):
        for tail in ("", "-save", "-restore"):
            link = folder / f"{family}{tail}"
            link.unlink(missing_ok=True)
            link.symlink_to(f"{family}-nft{tail}")


def end(pid: int) -> None:
    """Kill the first process of the engine's namespace, and so all of them."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


def sweep(target: Engine) -> None:
    """Remove the groups of containers that were killed with their engine."""
    ids = [path.name for path in target.home.glob("data/overlay-containers/*") if path.is_dir()]
    for group in Path("/sys/fs/cgroup").glob("*/libpod_parent"):
        containers = [each for name in ids for each in group.glob(f"*{name}*")]
        for each in (*containers, group / "conmon", group):
            leftovers.remove_group(each)
