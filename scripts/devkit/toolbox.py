"""The programs that an engine needs, and the environment they run in; starts none of them."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import cache, packages, shell
from devkit.packages import Wish, unpacked
from devkit.sources import Machine, read_machine

if TYPE_CHECKING:
    from collections.abc import Iterable

RELEASES = ("bookworm", "forky")
_BIN_FOLDERS = ("usr/sbin", "usr/bin", "sbin", "bin")


@dataclass(frozen=True)
class Recipe:
    """Which release the engine and the CLI plugins come from, and what they are called there."""

    engine: str
    plugins: str
    plugin_packages: tuple[str, ...] = ("docker-compose", "docker-buildx")


@dataclass(frozen=True)
class Toolbox:
    """Unpacked programs, and the DOCKER_CONFIG directory that holds Compose and buildx."""

    trees: tuple[Path, ...]
    docker_config: Path

    def bin_folders(self) -> list[Path]:
        """Return the folders to put at the front of PATH."""
        inside = (tree / part for tree in self.trees for part in _BIN_FOLDERS)
        return [*(folder for folder in inside if folder.is_dir()), cache.root() / "bin"]

    def client_env(self, environ: dict[str, str]) -> dict[str, str]:
        """Return the variables that give a shell the docker CLI, Compose and buildx."""
        docker = next(p for tree in self.trees for p in [tree / "usr/bin/docker"] if p.exists())
        folder = self.docker_config / "bin"
        _link(folder / "docker", docker)
        path = environ.get("PATH", os.defpath)
        parts = [str(folder), *(part for part in path.split(":") if part != str(folder))]
        return {"DOCKER_CONFIG": str(self.docker_config), "PATH": ":".join(parts)}

    def server_env(self, environ: dict[str, str]) -> dict[str, str]:
        """Return the environment in which dockerd finds its own programs and libraries."""
        machine = f"{platform.machine()}-linux-gnu"
        libraries = [tree / "usr/lib" / machine for tree in reversed(self.trees)]
        libraries += [tree / "lib" / machine for tree in reversed(self.trees)]
        own = {
            "PATH": ":".join([*map(str, self.bin_folders()), environ.get("PATH", os.defpath)]),
            "LD_LIBRARY_PATH": ":".join(str(folder) for folder in libraries if folder.is_dir()),
        }
        extensions = [folder / "xtables" for folder in libraries if (folder / "xtables").is_dir()]
        if extensions:
            own["XTABLES_LIBDIR"] = str(extensions[0])
        return {**environ, **own}


def recipe_for(release: str | None, machine: Machine) -> Recipe:
    """Choose where engine and plugins come from; without a release, the machine's own."""
    if release == "forky":
        return Recipe("forky", "forky")
    if machine.distribution == "ubuntu":
        return Recipe(machine.codename, machine.codename, ("docker-compose-v2", "docker-buildx"))
    if release == "bookworm" or machine.codename == "bookworm":
        return Recipe("bookworm", "trixie")
    return Recipe(release or machine.codename, machine.codename)


def toolbox(release: str | None) -> Toolbox:
    """Return the programs of one release, fetched when the cache lacks them."""
    _require_root_and_apt()
    machine = read_machine()
    recipe = recipe_for(release, machine)
    base = Wish(machine.codename, (*_engine_packages(machine), "iproute2"), needs="missing")
    trees = [unpacked(f"native-{machine.codename}", base)]
    if recipe.engine != machine.codename:
        # Newer Go programs run here; runc needs the C library of its release, so ours stays.
        wish = Wish(recipe.engine, ("docker.io", "docker-cli", "containerd"))
        trees.insert(0, unpacked(f"engine-{recipe.engine}", wish))
    return Toolbox(tuple(trees), docker_config(recipe))


def _engine_packages(machine: Machine) -> tuple[str, ...]:
    """Name the engine's packages; after bookworm, Debian packs the docker command apart."""
    own_group = machine.distribution == "debian" and machine.codename != "bookworm"
    return ("docker.io", "iptables", *(["docker-cli"] if own_group else []))


def _require_root_and_apt() -> None:
    if packages.available() and os.geteuid() == 0:
        return
    message = (
        "a Docker engine can be fetched and started only by root on Debian or Ubuntu; "
        "install and start Docker with Compose 2.24.4 or newer, then try again"
    )
    raise cache.DevError(message)


def docker_config(recipe: Recipe) -> Path:
    """Return a separate DOCKER_CONFIG directory, so that no user's ~/.docker changes."""
    plugins = unpacked(f"plugins-{recipe.plugins}", Wish(recipe.plugins, recipe.plugin_packages))
    config = cache.root() / "docker-config" / recipe.plugins
    _link_all(config / "cli-plugins", plugins.glob("usr/lib*/docker/cli-plugins/docker-*"))
    return config


def _link_all(folder: Path, targets: Iterable[Path]) -> None:
    for target in targets:
        _link(folder / target.name, target)


def _link(link: Path, target: Path) -> None:
    """Point a symbolic link at a target in one step, so that racing processes agree."""
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)


def provide_iptables(box: Toolbox) -> None:
    """Put the names `iptables` and `ip6tables` on PATH if the machine has none.

    Debian makes them when the package is configured, which unpacking does not do. The nft
    kind goes first, as there; kernels without it have the legacy kind.
    """
    env = box.server_env(dict(os.environ))
    if shutil.which("iptables"):
        return
    # Asking the legacy kind makes its tables, so it is asked only where the other one fails.
    kind = "nft" if _lists_nat("iptables-nft", env) else "legacy"
    for family in ("iptables", "ip6tables"):
        for tail in ("", "-save", "-restore"):
            found = shutil.which(f"{family}-{kind}{tail}", path=env["PATH"])
            if found:
                _link(cache.root() / "bin" / f"{family}{tail}", Path(found))


def _lists_nat(program: str, env: dict[str, str]) -> bool:
    listing = ["--table", "nat", "--list", "--numeric"]
    found = shutil.which(program, path=env["PATH"])
    return found is not None and shell.attempt([found, *listing], env=env).returncode == 0
