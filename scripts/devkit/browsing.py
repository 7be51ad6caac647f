"""Find the browser and the accessibility checker of the page's tests; starts no browser."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import nodejs, packages
from devkit.cache import DevError
from devkit.packages import Wish
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

AXE = "axe-core@4.14.1"
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
    """Return the script of axe-core, fetched if the cache lacks it."""
    return nodejs.npm_packages("axe", AXE) / "axe-core/axe.min.js"
