"""Make an image from a recipe, a build context and a cached copy."""

from __future__ import annotations

import functools
import io
import os
import tarfile
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from devkit import cache, packages, shell
from devkit.cache import DevError
from devkit.sources import read_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

_MERGED = ("bin", "lib", "lib64", "sbin")
RECIPES = Path(__file__).resolve().parent.parent / "recipes"
LABEL = "composeports-dev.recipe"
_PROBE = "busybox:1.37-musl"
_PROBE_SECONDS = 8
# Parts of the packages that no container of ours looks at.
_USELESS = (
    "usr/share/doc/",
    "usr/share/man/",
    "usr/share/locale/",
    "usr/share/i18n/",
    "usr/share/perl",
)


@dataclass(frozen=True)
class Image:
    """One image: its public original, the image it adds to here, the packages it is made of."""

    name: str
    upstream: str | None = None
    parent: str | None = None
    packages: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """Return the tag that templates and tests use."""
        return f"composeports-dev/{self.name}:1"


_ALL = (
    Image("tiny", upstream=_PROBE, packages=("busybox-static",)),
    Image(
        "base",
        packages=("postgresql", "python3", "bash", "busybox-static"),
        # PostgreSQL's packaging is in perl, its optional compiler is LLVM; neither runs here.
        without=("perl", "libperl", "libllvm", "libz3", "locales", "libc-l10n", "dpkg", "debconf"),
    ),
    Image("postgres", upstream="postgres:17-alpine", parent="base"),
    Image("rest", upstream="postgrest/postgrest:v14.5", parent="base"),
    Image("realtime", upstream="supabase/realtime:v2.78.15", parent="tiny"),
    Image("api", upstream="ealen/echo-server:0.9.2", parent="tiny"),
)
IMAGES: Mapping[str, Image] = {image.name: image for image in _ALL}


def recipe(image: Image) -> str:
    """Return a digest of all that an image is made from, so that a changed recipe is noticed."""
    digest = sha256(repr(image).encode() + Path(__file__).read_bytes())
    if image.parent:
        digest.update(recipe(IMAGES[image.parent]).encode())
    for file in sorted((RECIPES / image.name).iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def is_present(image: Image) -> bool:
    """Return True if the engine has the image, made from the present recipe."""
    template = f'{{{{index .Config.Labels "{LABEL}"}}}}'
    done = shell.attempt(["docker", "image", "inspect", "--format", template, image.tag])
    return done.returncode == 0 and done.stdout.strip() == recipe(image)


@functools.cache
def registry_answers() -> bool:
    """Return True if images can be pulled, by trying a very small one for a few seconds."""
    if os.environ.get("COMPOSEPORTS_DEV_NETNS"):
        return False  # An engine in a namespace reaches this machine and nothing else.
    return shell.attempt(["docker", "pull", _PROBE], timeout=_PROBE_SECONDS).returncode == 0


def provide(image: Image) -> None:
    """Put an image on the engine unless it is there: a cached copy, a pulled one, or our own."""
    if is_present(image):
        return
    begun = time.monotonic()
    saved = cache.root() / "images" / f"{image.name}-{recipe(image)}.tar"
    if saved.is_file():
        shell.run(["docker", "load", "--input", saved])
    elif image.upstream and registry_answers():
        cache.say(f"pulling {image.upstream} for {image.tag}")
        _build(image, _pulled(image))
    else:
        _make(image, saved)
    cache.say(f"image {image.tag} is there after {time.monotonic() - begun:.1f} s")


def _make(image: Image, saved: Path) -> None:
    if image.parent:
        provide(IMAGES[image.parent])
    cache.say(f"building {image.tag}")
    _build(image, _assembled(image))
    if image.packages:
        _save(image, saved)


def _save(image: Image, saved: Path) -> None:
    saved.parent.mkdir(exist_ok=True)
    fresh = saved.with_suffix(".new")
    shell.run(["docker", "save", "--output", fresh, image.tag])
    for outdated in saved.parent.glob(f"{image.name}-*.tar"):
        outdated.unlink()
    fresh.replace(saved)


def _build(image: Image, context: bytes) -> None:
    label = f"{LABEL}={recipe(image)}"
    shell.feed(["docker", "build", "--quiet", "--label", label, "--tag", image.tag, "-"], context)


def _pulled(image: Image) -> bytes:
    special = RECIPES / image.name / "Dockerfile.pulled"
    text = special.read_text() if special.is_file() else f"FROM {image.upstream}\n"
    return _tar(image, text, None)


def _assembled(image: Image) -> bytes:
    text = (RECIPES / image.name / "Dockerfile").read_text()
    return _tar(image, text, package_tree(image) if image.packages else None)


def package_tree(image: Image) -> Path:
    """Return the unpacked packages that an image is made of."""
    if not packages.available():
        message = (
            f"{image.tag} cannot be made: no registry answers, and packages can be unpacked "
            "on Debian or Ubuntu only; connect to a registry and try again"
        )
        raise DevError(message)
    codename = read_machine().codename
    wish = packages.Wish(codename, image.packages, "everything", image.without)
    return packages.unpacked(f"image-{image.name}-{codename}", wish)


def _tar(image: Image, dockerfile: str, rootfs: Path | None) -> bytes:
    """Return a build context in memory: Dockerfile, the recipe's files, the unpacked packages."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        head = tarfile.TarInfo("Dockerfile")
        head.size = len(dockerfile.encode())
        tar.addfile(head, io.BytesIO(dockerfile.encode()))
        for file in (RECIPES / image.name).iterdir():
            if not file.name.startswith("Dockerfile"):
                tar.add(file, file.name, filter=_as_root)
        if rootfs:
            _add_rootfs(tar, rootfs)
    return buffer.getvalue()


def _add_rootfs(tar: tarfile.TarFile, rootfs: Path) -> None:
    """Add a tree with everything below /usr, as newer releases pack it and older ones may."""
    for name in _MERGED:
        link = tarfile.TarInfo(f"rootfs/{name}")
        link.type, link.linkname = tarfile.SYMTYPE, f"usr/{name}"
        tar.addfile(link)
    tar.add(rootfs, "rootfs", filter=_useful)


def _as_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _useful(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    inside = entry.name.removeprefix("rootfs/")
    if inside.startswith(_USELESS) or inside.endswith(("llvmjit.so", ".bc")):
        return None
    if inside.split("/")[0] in _MERGED:
        entry.name = f"rootfs/usr/{inside}"
    return _as_root(entry)
