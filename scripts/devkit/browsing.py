"""Owns the browser and the accessibility checker of the page's tests; starts no browser."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import cache, packages, shell
from devkit.cache import DevError
from devkit.packages import Wish
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

AXE = "axe-core@4.14.1"
AXE_SHA512 = (
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
)
# What people have installed themselves, where packages cannot be unpacked.
_INSTALLED = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{fonts}</dir>
<cachedir>{cache}</cachedir>
<alias><family>system-ui</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family></prefer></alias>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


@dataclass(frozen=True)
class Browser:
    """A Chromium that can be started, and the variables that it needs."""

    executable: Path
    environment: Mapping[str, str]


def browser() -> Browser:
    """Return Debian's headless Chromium, unpacked and not installed; elsewhere the machine's own.

    COMPOSEPORTS_DEV_BROWSER names another one.
    """
    named = os.environ.get("COMPOSEPORTS_DEV_BROWSER")
    if named:
        return Browser(Path(named), {})
    machine = read_machine()
    if machine.distribution == "debian" and packages.available():
        return _of_debian(machine.codename)
    found = next(filter(None, map(shutil.which, _INSTALLED)), None)
    if found is None:
        message = "no Chromium found; install one, or name it in COMPOSEPORTS_DEV_BROWSER"
        raise DevError(message)
    return Browser(Path(found), {})


def _of_debian(codename: str) -> Browser:
    wish = Wish(codename, ("chromium-headless-shell",), needs="missing")
    tree = packages.unpacked(f"browser-{codename}", wish)
    # Some packages keep what their library needs in a folder of its own, found by their RUNPATH.
    found = tree.glob(f"**/lib/{platform.machine()}-linux-gnu/**/*.so*")
    environment = {
        "LD_LIBRARY_PATH": ":".join(sorted({str(file.parent) for file in found})),
        "FONTCONFIG_FILE": str(_font_settings(codename)),
    }
    return Browser(tree / "usr/lib/chromium/chromium-headless-shell", environment)


def _font_settings(codename: str) -> Path:
    """Return settings for one family of fonts, so that pictures look the same everywhere."""
    tree = packages.unpacked(f"fonts-{codename}", Wish(codename, ("fonts-dejavu-core",)))
    file = tree / "fonts.conf"
    text = _FONTS.format(fonts=tree / "usr/share/fonts", cache=tree / "cache")
    if not file.exists() or file.read_text() != text:
        file.write_text(text)
    return file


def axe() -> Path:
    """Return the script of axe-core, from the npm registry that this machine is set up for."""
    name = AXE.replace("@", "-")
    file = cache.root() / "trees" / name / "axe.min.js"
    if file.exists():
        return file
    with cache.locked(name):
        if not file.exists():
            cache.say(f"fetching {AXE} (once)")
            _fetch_axe(file)
    return file


def _fetch_axe(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.root(), prefix="fetch-") as scratch:
        command, environment = _npm()
        options = ("--silent", "--cache", f"{scratch}/cache")
        shell.run([*command, "pack", AXE, *options], env=environment, cwd=Path(scratch))
        packed = next(Path(scratch).glob("*.tgz"))
        digest = hashlib.sha512(packed.read_bytes()).digest()
        if base64.b64encode(digest).decode() != AXE_SHA512:
            raise DevError(f"{AXE} is not what it was when its checksum was written down")
        with tarfile.open(packed) as archive:
            source = archive.extractfile(f"package/{file.name}")
            fresh = Path(scratch) / file.name
            fresh.write_bytes(source.read() if source else b"")
        fresh.replace(file)


def _npm() -> tuple[list[str | Path], dict[str, str]]:
    """Return how to call npm: the machine's, else Debian's on the node that Playwright brings."""
    environment = dict(os.environ)
    if shutil.which("npm"):
        return ["npm"], environment
    if not packages.available():
        raise DevError("npm is needed to fetch the accessibility checker; install it")
    codename = read_machine().codename
    tree = packages.unpacked(f"npm-{codename}", Wish(codename, ("npm",), needs="everything"))
    modules = tree / "usr/share/nodejs"
    node = next(Path(sys.prefix).glob("lib/python*/site-packages/playwright/driver/node"), None)
    if node is None:
        raise DevError("run scripts/setup first, then this with .venv/bin/python")
    environment |= {"NODE_PATH": str(modules), "NODE_NO_WARNINGS": "1"}
    return [node, modules / "npm/bin/npm-cli.js"], environment
